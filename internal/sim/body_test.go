package sim

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrompts(t *testing.T) {
	tests := []struct {
		why, raw string
		n        int // prompts; 0: refused
	}{
		{"text", `"a b"`, 1},
		{"token ids", `[1,2,3]`, 1},
		{"texts", `["a","b"]`, 2},
		{"lists of ids", `[[1],[2,3],[4]]`, 3},
		{"nothing", ``, 0},
		{"null", `null`, 0},
		{"the empty text", `""`, 0},
		{"the empty list", `[]`, 0},
		{"an empty list of ids", `[[1],[]]`, 0},
		{"a negative id", `[1,-2]`, 0},
		{"a number", `7`, 0},
		{"mixed", `["a",[1]]`, 0},
	}
	for _, tt := range tests {
		items, err := prompts([]byte(tt.raw))
		if (err == nil) != (tt.n > 0) || len(items) != tt.n {
			t.Errorf("%s: got %d prompts, %v, want %d", tt.why, len(items), err, tt.n)
		}
	}
}

func TestConversation(t *testing.T) {
	s := &Server{}
	ts, err := turns([]byte(`[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"text","text":" there"}]}]`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.conversation(ts, true, &body{})
	want := "system: Be brief.\n\nuser: Hi there\n\nassistant:"
	if err != nil || got != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	for _, bad := range []string{`{}`, `[{"content":"x"}]`, `[{"role":"user","content":7}]`, `"x"`, ``} {
		if ts, err := turns([]byte(bad)); err == nil {
			t.Errorf("%s was taken as %v", bad, ts)
		}
	}
}

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

func TestLedgerDropsTheOldest(t *testing.T) {
	l := ledger{limit: 100}
	for i := range 1000 {
		l.add(Truth{Arrived: int64(i), Sent: make([]int64, 5), Due: make([]int64, 5)})
	}
	if n := len(l.rows); n < 5 || n > 10 || l.rows[n-1].Arrived != 999 || l.dropped+n != 1000 || l.stamps != 10*n {
		t.Fatalf("got %d rows of %d stamps, %d dropped", n, l.stamps, l.dropped)
	}
	if l.forget(); len(l.rows)+l.stamps+l.dropped != 0 {
		t.Fatalf("got %d rows, %d stamps, %d dropped", len(l.rows), l.stamps, l.dropped)
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
	spec := Spec{Model: "m"}
	s, err := Start(Options{Fixed: &spec})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, text string) {
		for _, path := range []string{pathCompletions, pathChat, pathResponses} {
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
			if fail != nil && (fail.status < 400 || fail.status > 499 || fail.message == "" || strings.Contains(fail.message, "%!") && !strings.Contains(text, "%")) {
				t.Fatalf("%s: %q was refused with %+v", path, text, fail)
			}
		}
	})
}
