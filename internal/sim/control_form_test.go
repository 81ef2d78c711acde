package sim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"tokmeter/internal/python"
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
		fault, bad := python.CheckJSON(tc.text)
		if bad != (tc.at >= 0) || bad && (fault.At != tc.at || fault.Why != tc.why) {
			t.Errorf("%q: got %d %q (%v), want %d %q", tc.text, fault.At, fault.Why, bad, tc.at, tc.why)
		}
	}
}

// TestRepr has what Python's repr prints.
func TestRepr(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"a", "'a'"}, {"it's", `"it's"`}, {`"it's"`, `'"it\'s"'`}, {"a\nb\t\\", `'a\nb\t\\'`}, {"\x00\x7f", `'\x00\x7f'`},
		{"é😀", "'é😀'"}, {"\u200b\u00a0", `'\u200b\xa0'`},
	} {
		if got := python.Quote(tc.text); got != tc.want {
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

// FuzzAsks reads any body as a request for embeddings, as a chat to count and as
// a change of settings: no panic, and what is taken is within bounds.
func FuzzAsks(f *testing.F) {
	for _, s := range []string{`{"input":"a"}`, `{"input":["a","b"],"encoding_format":"base64","dimensions":4}`, `{"input":[1,2,3],"truncate_prompt_tokens":-1}`,
		`{"input":[[1],[2]],"priority":1e30}`, `{"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"continue_final_message":true}`,
		`{"messages":[{"role":1}]}`, `{"messages":"x","chat_template_kwargs":{"a":[1]}}`, `{"input":[]}`, `{"input":[[]]}`, `{"input":[99999999]}`} {
		f.Add([]byte(s))
	}
	s := tiny(f, nil)
	header := http.Header{"Content-Type": {"application/json"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		c := &call{Request: &http.Request{Method: "POST", Header: header, URL: &url.URL{Path: pathEmbeddings}}, body: body}
		q, fail := s.readEmbedding(c)
		switch {
		case fail != nil && (fail.status < 400 || fail.status > 499):
			t.Fatalf("%q: status %d", body, fail.status)
		case fail == nil && (len(q.inputs) == 0 || q.dimensions < 1 || q.dimensions > s.dimensions()):
			t.Fatalf("%q: %d inputs, %d dimensions", body, len(q.inputs), q.dimensions)
		}
		if fail == nil {
			for _, ids := range q.inputs {
				if len(ids) == 0 || len(ids) > s.maxLen {
					t.Fatalf("%q: an input of %d tokens", body, len(ids))
				}
			}
		}
		if form, _ := parseForm(body, 2); form != nil {
			if _, fail := s.formChat(form, true); fail != nil && fail.status != http.StatusBadRequest {
				t.Fatalf("%q: status %d", body, fail.status)
			}
			_ = form.err()
		}
	})
}

// TestSettings changes what can be changed at run time.
func TestSettings(t *testing.T) {
	s := tiny(t, nil)
	header := map[string]string{"Content-Type": "application/json"}
	for _, tc := range []struct {
		body, want string
		status     int
		why        string
	}{
		{`{"eos":0.25}`, `{"simulated":true,"eos":0.25,"faults":"","fault_rules":0}`, 200, "one setting"},
		{`{"faults":"429:1"}`, `{"simulated":true,"eos":0.25,"faults":"429:1","fault_rules":1}`, 200, "the other stays"},
		{`{"eos":1}`, "", 400, "answers without a token"},
		{`{"faults":"nonsense"}`, "", 400, "no fault of that name"},
		{`{"host_ms":3}`, "", 400, "the engine is made"},
		{`{`, "", 400, "no JSON"},
	} {
		got, _ := send(t, s, exchange{Method: "POST", Path: "/sim/config", Body: tc.body, Headers: header})
		if got.Status != tc.status || tc.want != "" && got.Answer != tc.want {
			t.Errorf("%s: %s: got %d %s, want %d %s", tc.why, tc.body, got.Status, got.Answer, tc.status, tc.want)
		}
	}
	answer := func() int {
		got, _ := send(t, s, exchange{Method: "POST", Path: pathCompletions, Body: `{"prompt":"a","max_tokens":1}`, Headers: header})
		return got.Status
	}
	if got := answer(); got != 429 {
		t.Errorf("with faults: got %d, want 429", got)
	}
	send(t, s, exchange{Method: "POST", Path: "/sim/config", Body: `{"faults":""}`, Headers: header})
	if got := answer(); got != 200 {
		t.Errorf("without faults again: got %d, want 200", got)
	}
	for path, want := range map[string]string{"/sim/sol?input=100&output=10": `"simulated":true`, "/sim/state?steps=1": `"trace":[{"step":0,`,
		"/sim/sol?input=0": "greater than or equal to 1"} {
		got, _ := send(t, s, exchange{Method: "GET", Path: path})
		for range 100 { // a step is told after its tokens were written
			if strings.Contains(got.Answer, want) {
				break
			}
			time.Sleep(5 * time.Millisecond)
			got, _ = send(t, s, exchange{Method: "GET", Path: path})
		}
		if !strings.Contains(got.Answer, want) {
			t.Errorf("%s: got %d %s, want %s in it", path, got.Status, got.Answer, want)
		}
	}
}
