package python

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCheckJSON has what Python 3.12's json.loads says.
func TestCheckJSON(t *testing.T) {
	const name = "Expecting property name enclosed in double quotes"
	for _, tc := range []struct {
		text string
		at   int
		why  string
	}{
		{"{oops", 1, name}, {"", 0, "Expecting value"}, {`{"a"}`, 4, "Expecting ':' delimiter"}, {`{"a":`, 5, "Expecting value"},
		{`{"a":1`, 6, "Expecting ',' delimiter"}, {`{"a":1,}`, 7, name}, {`{"a":1 "b"}`, 7, "Expecting ',' delimiter"},
		{"[1,]", 3, "Expecting value"}, {"[1", 2, "Expecting ',' delimiter"}, {"[1 2]", 3, "Expecting ',' delimiter"},
		{"1 2", 2, "Extra data"}, {`"abc`, 0, "Unterminated string starting at"}, {"\"a\tb\"", 2, "Invalid control character at"},
		{`"a\q"`, 2, `Invalid \escape`}, {`"\u12g4"`, 2, `Invalid \uXXXX escape`}, {"nul", 0, "Expecting value"},
		{"-", 0, "Expecting value"}, {"01", 1, "Extra data"}, {"1.", 1, "Extra data"}, {"1e", 1, "Extra data"},
		{`{"é":x}`, 5, "Expecting value"}, {"[", 1, "Expecting value"}, {"{", 1, name}, {`{"a":{"b":[tru]}}`, 11, "Expecting value"},
		{`"\`, 0, "Unterminated string starting at"}, {`"\u12`, 2, `Invalid \uXXXX escape`}, {"+1", 0, "Expecting value"},
		{".5", 0, "Expecting value"}, {`{"a":1,`, 7, name}, {`{"a":1,2`, 7, name}, {`"\ud800"`, -1, ""}, {`[1.5e3,-0,NaN]`, -1, ""},
	} {
		fault, bad := CheckJSON(tc.text)
		if bad != (tc.at >= 0) || bad && (fault.At != tc.at || fault.Why != tc.why) {
			t.Errorf("%q: got %d %q (%v), want %d %q", tc.text, fault.At, fault.Why, bad, tc.at, tc.why)
		}
	}
}

// FuzzCheckJSON holds CheckJSON beside Go's reader: what Go takes Python takes,
// and a complaint points into the text.
func FuzzCheckJSON(f *testing.F) {
	for _, s := range []string{"{}", `{"a":[1,-2.5e3,"\u00e9",null]}`, "[NaN]", `{"a":1,}`, "{oops", "01", `"\x"`, strings.Repeat("[", 2000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fault, bad := CheckJSON(text)
		if bad && (fault.At < 0 || fault.At > utf8.RuneCountInString(text) || fault.Why == "") {
			t.Fatalf("%q: a complaint at %d of %d characters: %q", text, fault.At, utf8.RuneCountInString(text), fault.Why)
		}
		if bad && json.Valid([]byte(text)) && strings.Count(text, "[")+strings.Count(text, "{") < maxDepth {
			t.Fatalf("%q: refused at %d: %s", text, fault.At, fault.Why)
		}
	})
}
