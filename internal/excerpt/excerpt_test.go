package excerpt

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLines(t *testing.T) {
	for _, tt := range []struct{ why, text, squeezed, line, lines, first string }{
		{"plain", "one", "one", "one", "one", "one"},
		{"nothing", "", "", "", "", ""},
		{"two lines", " a \n b\tc ", "a b c", "a b c", "a; b c", "a  …"},
		{"line ends of Windows", "a\r\nb\r\n", "a b", "a b", "a; b", "a\r …"},
		{"blank lines alone behind it", "a\n\n \n", "a", "a", "a", "a"},
		{"a colour", "\x1b[31mred", "\x1b[31mred", "[31mred", "[31mred", "\x1b[31mred"},
		{"no UTF-8", "a\xffb", "a\uFFFDb", "a\uFFFDb", "a\uFFFDb", "a\xffb"},
		{"a blank of Unicode", "a\u00a0\u2003b", "a b", "a b", "a  b", "a\u00a0\u2003b"},
	} {
		for name, got := range map[string][2]string{
			"Squeeze": {Squeeze(tt.text), tt.squeezed}, "Line": {Line(tt.text), tt.line}, "Lines": {Lines(tt.text), tt.lines}, "First": {First(tt.text), tt.first},
		} {
			if got[0] != got[1] {
				t.Errorf("%s: %s(%q): got %q, want %q", tt.why, name, tt.text, got[0], got[1])
			}
		}
	}
}

func TestCut(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		cut  string // by characters
		at   string // by bytes
	}{
		{"abc", 3, "abc", "abc"}, {"abcd", 3, "abc…", "abc"}, {"", 0, "", ""}, {"a", 0, "…", ""},
		{"äöü", 3, "äöü", "ä"}, {"äöüx", 3, "äöü…", "ä"}, {"a😀b", 2, "a😀…", "a"}, {"😀", 3, "😀", ""}, {"a\xff\xfeb", 3, "a\xff\xfe…", "a\xff\xfe"},
	} {
		if got := Cut(tt.text, tt.n); got != tt.cut {
			t.Errorf("Cut(%q, %d): got %q, want %q", tt.text, tt.n, got, tt.cut)
		}
		if got := Bytes(tt.text, tt.n); got != tt.at {
			t.Errorf("Bytes(%q, %d): got %q, want %q", tt.text, tt.n, got, tt.at)
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"", "a\nb", "\x1b]0;title\x07", "\xff\xfe", "a\u2028b", "x\r\n\r\ny", "\u200b"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		for _, got := range []string{Squeeze(s), Line(s), Lines(s)} {
			if !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n") || got != strings.TrimSpace(got) {
				t.Fatalf("%q: got %q", s, got)
			}
		}
		for _, r := range Line(s) {
			if Printable(r) != r {
				t.Fatalf("%q: %q is left", s, r)
			}
		}
		if n < 0 || n > 1000 {
			return
		}
		if got := Bytes(s, n); len(got) > n || !strings.HasPrefix(s, got) {
			t.Fatalf("Bytes(%q, %d): got %q", s, n, got)
		}
		if got := Cut(s, n); utf8.RuneCountInString(got) > n+1 || got != s && !strings.HasPrefix(s, strings.TrimSuffix(got, "…")) {
			t.Fatalf("Cut(%q, %d): got %q", s, n, got)
		}
	})
}
