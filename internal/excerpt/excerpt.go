// Package excerpt makes text from elsewhere fit a line of ours: a server's
// error, a line of a log, a name from a file. Foreign text may be long, hold
// line breaks, be no UTF-8, or move a terminal's cursor.
package excerpt

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Squeeze is s as valid UTF-8 on one line: every run of white space is a blank,
// and there is none at the ends.
func Squeeze(s string) string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
}

// Line is Squeeze with a blank for what isn't printable, so that a terminal
// takes it for text.
func Line(s string) string { return Squeeze(strings.Map(Printable, s)) }

// Lines is s on one line, with "; " between its lines, of which blank ones are
// left out, and a blank for what isn't printable.
func Lines(s string) string {
	var kept []string
	for _, line := range strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(strings.Map(Printable, line)); line != "" {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "; ")
}

// First is the first line of s, with " …" where there are more.
func First(s string) string {
	line, rest, _ := strings.Cut(strings.TrimSpace(s), "\n")
	if strings.TrimSpace(rest) != "" {
		line += " …"
	}
	return line
}

// Cut is s, or its first n characters and "…".
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}

// Bytes is the longest start of s that has no more than n bytes and ends with a
// whole character.
func Bytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Block is s with a blank for what isn't printable but the ends of its lines: a
// text of several lines, some of them with foreign words, that a terminal takes
// for text.
func Block(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return Printable(r)
	}, s)
}

// Printable is a blank for what could move a terminal's cursor, for strings.Map.
func Printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return ' '
}
