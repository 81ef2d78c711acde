package protocol

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// The functions here walk over JSON without building anything. Each takes the
// position where a token begins and returns the position behind it, or −1 for
// what it is not sure of: then the decoder has the word. They accept nothing
// that encoding/json refuses.

// maxDepth is how deep values may be nested before the decoder takes over.
const maxDepth = 32

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special has the high bit of each byte of w set that is a quote, a backslash
// or a control character. Bytes above the lowest that is set may be wrong.
func special(w uint64) uint64 {
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-ones*0x20)&^w) & highs
}

// str walks over the string whose opening quote is at i.
func str(b []byte, i int) (end int, escaped bool) {
	if uint(i) >= uint(len(b)) || b[i] != '"' {
		return -1, false
	}
	i++
	for {
		for i+8 <= len(b) {
			m := special(binary.LittleEndian.Uint64(b[i:]))
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(b) {
			return -1, false
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			escaped = true
			if i = escape(b, i); i < 0 {
				return -1, false
			}
		case c < 0x20:
			return -1, false
		default:
			i++
		}
	}
}

// escape walks over the escape sequence whose backslash is at i.
func escape(b []byte, i int) int {
	if i+1 >= len(b) {
		return -1
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if _, ok := hex4(b, i+2); ok {
			return i + 6
		}
	}
	return -1
}

func hex4(b []byte, i int) (rune, bool) {
	if i+4 > len(b) {
		return 0, false
	}
	var r rune
	for _, c := range b[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape appends the decoded inside of a string that str accepted. A
// surrogate without its other half becomes U+FFFD, as encoding/json has it.
func unescape(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			from := i
			for i < len(s) && s[i] != '\\' {
				i++
			}
			dst = append(dst, s[from:i]...)
			continue
		}
		c := s[i+1]
		i += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, _ := hex4(s, i)
			i += 4
			if utf16.IsSurrogate(r) {
				r2, ok := rune(0), false
				if i+1 < len(s) && s[i] == '\\' && s[i+1] == 'u' {
					r2, ok = hex4(s, i+2)
				}
				if r = utf16.DecodeRune(r, r2); ok && r != utf8.RuneError {
					i += 6
				} else {
					r = utf8.RuneError
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// literal walks over word, which is true or false.
func literal(b []byte, i int, word string) int {
	if i+len(word) <= len(b) && string(b[i:i+len(word)]) == word {
		return i + len(word)
	}
	return -1
}

// isNullAt reports whether a null is at i.
func isNullAt(b []byte, i int) bool {
	return i+4 <= len(b) && b[i] == 'n' && string(b[i:i+4]) == "null"
}

func digits(b []byte, i int) int {
	from := i
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	if i == from {
		return -1
	}
	return i
}

func number(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	from := i
	if i = digits(b, i); i < 0 || b[from] == '0' && i > from+1 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i = digits(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return digits(b, i)
	}
	return i
}

// count walks over a plain count of at most nine digits and returns it.
func count(b []byte, i int) (n, end int) {
	end = digits(b, i)
	if end < 0 || end-i > 9 || b[i] == '0' && end-i > 1 {
		return 0, -1
	}
	for _, c := range b[i:end] {
		n = n*10 + int(c-'0')
	}
	if end < len(b) && (b[end] == '.' || b[end] == 'e' || b[end] == 'E') {
		return 0, -1
	}
	return n, end
}

// value walks over any value.
func value(b []byte, i, depth int) int {
	if i >= len(b) || depth > maxDepth {
		return -1
	}
	switch b[i] {
	case '"':
		end, _ := str(b, i)
		return end
	case 'n':
		if isNullAt(b, i) {
			return i + len("null")
		}
		return -1
	case 't':
		return literal(b, i, "true")
	case 'f':
		return literal(b, i, "false")
	case '[':
		_, end := array(b, i, depth)
		return end
	case '{':
		i = space(b, i+1)
		if i < len(b) && b[i] == '}' {
			return i + 1
		}
		for i >= 0 {
			if i, _ = str(b, i); i < 0 {
				return -1
			}
			if i = colon(b, i); i < 0 {
				return -1
			}
			if i = value(b, i, depth+1); i < 0 {
				return -1
			}
			var done bool
			if i, done = next(b, i, '}'); done {
				return i
			}
		}
		return -1
	}
	return number(b, i)
}

// array walks over an array and counts its elements.
func array(b []byte, i, depth int) (n, end int) {
	i = space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return 0, i + 1
	}
	for i >= 0 {
		if i = value(b, i, depth+1); i < 0 {
			return 0, -1
		}
		n++
		var done bool
		if i, done = next(b, i, ']'); done {
			return n, i
		}
	}
	return 0, -1
}

// colon walks over the colon between a key and its value, and the space beside it.
func colon(b []byte, i int) int {
	i = space(b, i)
	if i >= len(b) || b[i] != ':' {
		return -1
	}
	return space(b, i+1)
}

// next walks over the comma behind an element, or the closing bracket.
func next(b []byte, i int, closing byte) (end int, done bool) {
	i = space(b, i)
	if i >= len(b) {
		return -1, false
	}
	switch b[i] {
	case ',':
		return space(b, i+1), false
	case closing:
		return i + 1, true
	}
	return -1, false
}
