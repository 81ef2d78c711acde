package tokenize

import "unicode/utf8"

// byteRunes is the character that byte-level models write for each byte: the
// printable ones stand for themselves, the others begin at U+0100.
var byteRunes = func() (t [256]rune) {
	next := rune(256)
	for b := range t {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			t[b] = rune(b)
		} else {
			t[b] = next
			next++
		}
	}
	return t
}()

// runeBytes is byteRunes backwards; -1 for characters that stand for no byte.
var runeBytes = func() (t [256 + 68]int16) {
	for i := range t {
		t[i] = -1
	}
	for b, r := range byteRunes {
		t[r] = int16(b)
	}
	return t
}()

// appendBytes appends the bytes that the characters of a token stand for; ok
// is false, and dst as it was, if one stands for none.
func appendBytes(dst []byte, token string) (out []byte, ok bool) {
	n := len(dst)
	for _, r := range token {
		if int(r) >= len(runeBytes) || runeBytes[r] < 0 {
			return dst[:n], false
		}
		dst = append(dst, byte(runeBytes[r]))
	}
	return dst, true
}

// validText replaces every maximal part of a text that is not UTF-8 by one
// U+FFFD, as decoders do.
func validText(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	return string(appendValid(nil, []byte(text)))
}

// appendValid appends data with every maximal part that is not UTF-8 replaced
// by one U+FFFD.
func appendValid(dst, data []byte) []byte {
	for len(data) > 0 {
		if r, size := utf8.DecodeRune(data); r != utf8.RuneError || size > 1 {
			dst = append(dst, data[:size]...)
			data = data[size:]
			continue
		}
		dst = append(dst, "\uFFFD"...)
		data = data[invalidLen(data):]
	}
	return dst
}

// invalidLen is the length of the maximal invalid part that data begins with:
// the longest beginning of a well-formed character, or one byte.
func invalidLen(data []byte) int {
	need, lo, hi := 0, byte(0x80), byte(0xbf)
	switch b := data[0]; {
	case b >= 0xc2 && b <= 0xdf:
		need = 1
	case b == 0xe0:
		need, lo = 2, 0xa0
	case b == 0xed:
		need, hi = 2, 0x9f
	case b >= 0xe1 && b <= 0xef:
		need = 2
	case b == 0xf0:
		need, lo = 3, 0x90
	case b >= 0xf1 && b <= 0xf3:
		need = 3
	case b == 0xf4:
		need, hi = 3, 0x8f
	}
	n := 1
	for ; n <= need && n < len(data) && data[n] >= lo && data[n] <= hi; n++ {
		lo, hi = 0x80, 0xbf
	}
	return n
}
