package call

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSanitize(t *testing.T) {
	for _, tc := range []struct{ text, want, why string }{
		{"No adapter found for /tmp/x/y", "No adapter found for <path>", "a path of a system folder"},
		{"see /models/a/b.json", "see <path>", "a path of a file"},
		{"<object X at 0x7f00> ", "<object X>", "an address"},
		{"3/4 of /v1/models", "3/4 of /v1/models", "no path"},
	} {
		if got := Sanitize(tc.text); got != tc.want {
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
		check := func(e *Error) {
			if e == nil {
				return
			}
			if e.Status != http.StatusBadRequest {
				t.Fatalf("%q: status %d", body, e.Status)
			}
			if _, err := json.Marshal(e.Object()); err != nil {
				t.Fatal(err)
			}
			if n := utf8.RuneCountInString(e.Message); n > (maxProblems+2)*(maxProblem+50) {
				t.Fatalf("an error of %d characters", n)
			}
		}
		form, e := ParseForm(body, 2)
		check(e)
		if form != nil {
			form.Text("prompt")
			form.Optional("model")
			form.IDs("tokens")
			form.Flag("load_inplace", false)
			form.Whole("dimensions")
			check(form.Err())
		}
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		q := &Query{values: values}
		q.Flag("x", true)
		q.Choice("mode", "abort", "wait", "keep")
		if n := q.Between("level", 1, 0, 2); n < 0 || n > 2 {
			t.Fatalf("level %d of %q", n, raw)
		}
		check(q.Err())
	})
}
