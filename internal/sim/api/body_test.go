package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/instance"
	"tokmeter/internal/sim/truth"

	"github.com/google/go-cmp/cmp"
)

func TestAppendText(t *testing.T) {
	tests := []struct{ why, in, want string }{
		{"plain", "a b", `"a b"`},
		{"escapes", "\"\\\n\r\t\x01", `"\"\\\n\r\t\u0001"`},
		{"characters stay", "Grüße 👋", `"Grüße 👋"`},
		{"no UTF-8", "a\xffb", "\"a\uFFFDb\""},
		{"HTML is no danger here", "<&>", `"<&>"`},
	}
	for _, tt := range tests {
		if got := string(appendText(nil, tt.in)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.why, got, tt.want)
		}
	}
}

func TestFrame(t *testing.T) {
	got := string(frame(nil, []byte("data: a\n\ndata: bc\n\n")))
	want := "9\r\ndata: a\n\n\r\na\r\ndata: bc\n\n\r\n"
	if got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func TestTruncate(t *testing.T) {
	n := func(i int) *int { return &i }
	tests := []struct {
		why  string
		body body
		want []int
	}{
		{"not asked for", body{}, []int{1, 2, 3, 4}},
		{"the first ones", body{Truncate: n(2)}, []int{1, 2}},
		{"the last ones", body{Truncate: n(2), Side: "left"}, []int{3, 4}},
		{"longer than it is", body{Truncate: n(9)}, []int{1, 2, 3, 4}},
		{"to the context", body{Truncate: n(-1)}, []int{1, 2, 3}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.body.truncate([]int{1, 2, 3, 4}, 3)); diff != "" {
			t.Errorf("%s: %s", tt.why, diff)
		}
	}
}

// FuzzBody feeds bodies to everything that reads a request before the engine
// sees it: each is refused with a status or becomes sequences of a length.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"model":"m","prompt":"x"}`,
		`{"prompt":[[1,2],[3]],"n":2,"stop":["a"],"logprobs":1,"min_tokens":3}`,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}],"max_completion_tokens":4,"logprobs":true,"top_logprobs":2}`,
		`{"input":[{"role":"user","content":"a"}],"max_output_tokens":5,"stream":true,"stream_options":{"include_usage":true}}`,
		`{"prompt":"x","max_tokens":"many"}`,
		`{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"required"}`,
	} {
		f.Add(seed)
	}
	in, err := instance.New(instance.Options{Fixed: &instance.Spec{Model: "m"}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	s := New(in, &truth.Ledger{})
	f.Fuzz(func(t *testing.T, text string) {
		for _, path := range []string{PathCompletions, PathChat, PathResponses} {
			b, fail := readBody([]byte(text))
			if fail == nil {
				if value(b.N) > 64 {
					return // as many answers as were asked for
				}
				var a *answer
				if a, fail = s.newAnswer(callTo(path), b); fail == nil {
					for _, c := range a.choices {
						if c.req.Seq.MaxOutput < 1 || len(c.req.Seq.Prompt) == 0 || c.req.Seq.MinOutput > c.req.Seq.MaxOutput {
							t.Fatalf("%s: %q became %+v", path, text, c.req.Seq)
						}
					}
				}
			}
			if fail != nil && (fail.Status < 400 || fail.Status > 499 || fail.Message == "" || strings.Contains(fail.Message, "%!") && !strings.Contains(text, "%")) {
				t.Fatalf("%s: %q was refused with %+v", path, text, fail)
			}
		}
	})
}

// callTo is a call that came over no connection.
func callTo(path string) *call.Call {
	req, err := http.NewRequest("POST", path, nil)
	if err != nil {
		panic(err)
	}
	return &call.Call{Request: req, Arrived: time.Now().UnixNano()}
}
