package python

import (
	"encoding/json"
	"testing"
)

func TestStrictJSON(t *testing.T) {
	for _, tt := range []struct{ why, text, want string }{
		{"nothing to do", `{"a": 1}`, `{"a": 1}`},
		{"alone", `NaN`, `null`},
		{"in a list", `[0.0, Infinity]`, `[0.0, null]`},
		{"negative", `{"a":-Infinity,"b": NaN}`, `{"a":null,"b": null}`},
		{"inside texts", `{"NaN": "Infinity, -Infinity", "a": NaN}`, `{"NaN": "Infinity, -Infinity", "a": null}`},
		{"behind an escaped quote", `{"a": "\" NaN", "b": Infinity}`, `{"a": "\" NaN", "b": null}`},
		{"what Python refuses: lower case", `[nan, NaN]`, `[nan, null]`},
		{"what Python refuses: a part of the word", `[Infinit, Infinity]`, `[Infinit, null]`},
		{"what Python refuses: more than the word", `[Infinityx, NaNs]`, `[Infinityx, NaNs]`},
		{"what Python refuses: a sign before NaN", `[-NaN, +Infinity]`, `[-NaN, +Infinity]`},
		{"an open string", `{"a": "NaN`, `{"a": "NaN`},
	} {
		if got := string(StrictJSON([]byte(tt.text))); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.why, got, tt.want)
		}
	}
}

// FuzzStrictJSON: what Python reads is JSON afterwards, and JSON stays as it is.
func FuzzStrictJSON(f *testing.F) {
	for _, s := range []string{`{"a":[NaN,-Infinity]}`, `"Infinity"`, `[1,2]`, `{"a":"\\",b}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := StrictJSON(text)
		if json.Valid(text) && string(got) != string(text) {
			t.Errorf("%q became %q", text, got)
		}
		if string(StrictJSON(got)) != string(got) {
			t.Errorf("%q: twice is another than once", text)
		}
	})
}
