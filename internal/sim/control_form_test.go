package sim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestPythonJSON has what Python 3.12's json.loads says.
func TestPythonJSON(t *testing.T) {
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
		fault, bad := pyJSON(tc.text)
		if bad != (tc.at >= 0) || bad && (fault.at != tc.at || fault.why != tc.why) {
			t.Errorf("%q: got %d %q (%v), want %d %q", tc.text, fault.at, fault.why, bad, tc.at, tc.why)
		}
	}
}

// TestRepr has what Python's repr prints.
func TestRepr(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"a", "'a'"}, {"it's", `"it's"`}, {`"it's"`, `'"it\'s"'`}, {"a\nb\t\\", `'a\nb\t\\'`}, {"\x00\x7f", `'\x00\x7f'`},
		{"é😀", "'é😀'"}, {"\u200b\u00a0", `'\u200b\xa0'`},
	} {
		if got := pyRepr(tc.text); got != tc.want {
			t.Errorf("%q: got %s, want %s", tc.text, got, tc.want)
		}
	}
}

func TestSanitize(t *testing.T) {
	for _, tc := range []struct{ text, want, why string }{
		{"No adapter found for /tmp/x/y", "No adapter found for <path>", "a path of a system folder"},
		{"see /models/a/b.json", "see <path>", "a path of a file"},
		{"<object X at 0x7f00> ", "<object X>", "an address"},
		{"3/4 of /v1/models", "3/4 of /v1/models", "no path"},
	} {
		if got := sanitize(tc.text); got != tc.want {
			t.Errorf("%s: %q: got %q, want %q", tc.why, tc.text, got, tc.want)
		}
	}
}

// FuzzForm reads any body and query as the control paths do: no panic, and
// every refusal is a client's error in valid JSON.
func FuzzForm(f *testing.F) {
	for _, s := range []string{"", "{}", `{"tokens":[1,-2,"3",4.5,1e99]}`, `{"prompt":null,"x":true}`, "[1]", `"x"`, "{oops",
		`{"lora_name":"a","load_inplace":"yes","is_3d_lora_weight":3}`, `{"a":"\ud800"}`, "null", strings.Repeat("[", 2000)} {
		f.Add([]byte(s), "level=1&mode=abort")
	}
	f.Fuzz(func(t *testing.T, body []byte, raw string) {
		check := func(e *apiError) {
			if e == nil {
				return
			}
			if e.status != http.StatusBadRequest {
				t.Fatalf("%q: status %d", body, e.status)
			}
			if _, err := json.Marshal(e.object()); err != nil {
				t.Fatal(err)
			}
			if n := utf8.RuneCountInString(e.message); n > (maxProblems+2)*(maxProblem+50) {
				t.Fatalf("an error of %d characters", n)
			}
		}
		form, e := parseForm(body, 2)
		check(e)
		if form != nil {
			form.text("prompt")
			form.optional("model")
			form.ids("tokens")
			form.flag("load_inplace", false)
			form.whole("dimensions")
			check(form.err())
		}
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		q := &query{values: values}
		q.flag("x", true)
		q.pauseMode()
		if n := q.between("level", 1, 0, 2); n < 0 || n > 2 {
			t.Fatalf("level %d of %q", n, raw)
		}
		check(q.err())
	})
}
