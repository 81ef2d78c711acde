package dataset

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote returns the text of a JSON string that rawString has passed, without
// its quotes. The halves of a surrogate pair become one character; a half alone
// stays itself, as in Python: see appendHalf.
func unquote(raw []byte) string {
	text := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			text = append(text, raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case 'b':
			text = append(text, '\b')
		case 'f':
			text = append(text, '\f')
		case 'n':
			text = append(text, '\n')
		case 'r':
			text = append(text, '\r')
		case 't':
			text = append(text, '\t')
		case 'u':
			r := hex4(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(r) && len(raw) >= i+7 && raw[i+1] == '\\' && raw[i+2] == 'u' {
				if pair := utf16.DecodeRune(r, hex4(raw[i+3:])); pair != utf8.RuneError {
					r = pair
					i += 6
				}
			}
			text = appendHalf(text, r)
		default:
			text = append(text, c)
		}
	}
	return string(text)
}

// hex4 reads the four digits of a \u escape.
func hex4(b []byte) rune {
	v, _ := strconv.ParseUint(string(b[:4]), 16, 32)
	return rune(v)
}

// appendHalf appends r to text as UTF-8, and half of a surrogate pair in three
// bytes by the same rule (WTF-8), so that it can be told from U+FFFD.
func appendHalf(text []byte, r rune) []byte {
	if utf16.IsSurrogate(r) {
		return append(text, 0xed, 0x80|byte(r>>6&0x3f), 0x80|byte(r&0x3f))
	}
	return utf8.AppendRune(text, r)
}

// Half returns the half of a surrogate pair that s begins with, and whether
// there is one. It takes three bytes.
func Half(s string) (rune, bool) {
	if len(s) < 3 || s[0] != 0xed || s[1] < 0xa0 || s[1] > 0xbf || s[2]&0xc0 != 0x80 {
		return 0, false
	}
	return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), true
}
