package python

import "bytes"

// StrictJSON is a text that Python's json wrote as JSON: NaN, Infinity and
// -Infinity, which Python writes and reads as numbers, become null. Words inside
// strings stay as they are, and so does what Python refuses too, such as nan. A
// text without these words comes back as it is.
func StrictJSON(text []byte) []byte {
	if !bytes.Contains(text, []byte("NaN")) && !bytes.Contains(text, []byte("Infinity")) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		if text[i] == '"' {
			end := stringEnd(text, i)
			out = append(out, text[i:end]...)
			i = end
			continue
		}
		if n := notFinite(text, i); n > 0 {
			out = append(out, "null"...)
			i += n
			continue
		}
		out = append(out, text[i])
		i++
	}
	return out
}

// stringEnd is the place behind the string that begins at i.
func stringEnd(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// notFinite is the length of the word at i, 0 where there is none of its own.
func notFinite(text []byte, i int) int {
	for _, word := range [...]string{"NaN", "Infinity", "-Infinity"} {
		if !bytes.HasPrefix(text[i:], []byte(word)) {
			continue
		}
		end := i + len(word)
		if (i == 0 || separates(text[i-1])) && (end == len(text) || separates(text[end])) {
			return len(word)
		}
	}
	return 0
}

// separates reports whether a value of JSON may stand beside b.
func separates(b byte) bool { return bytes.IndexByte([]byte(" \t\r\n,:[]{}"), b) >= 0 }
