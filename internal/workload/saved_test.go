package workload

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/dataset"
	"tokmeter/internal/plan"
	"tokmeter/internal/protocol"
)

func TestSave(t *testing.T) {
	items := []Item{
		{Prompt: protocol.Prompt{Text: "a <b> & \"c\"\u2028é😀\x7f\x00\t\n\xed\xa0\xbd"}, PromptLen: 3, OutputLen: 4},
		{Prompt: protocol.Prompt{IDs: []int{7, 8}}, PromptLen: 2, OutputLen: 1, Model: "lora"},
		{Prompt: protocol.Prompt{Batch: []string{"x", ""}}, PromptLen: 1},
		{Prompt: protocol.Prompt{IDs: []int{}}},
	}
	due := []time.Duration{0, 1500 * time.Millisecond, time.Hour + 1, 1}
	var b bytes.Buffer
	if err := Save(&b, items, slices.Values(due)); err != nil {
		t.Fatal(err)
	}
	want := `{"index": 0, "prompt": "a <b> & \"c\" é😀\u007f\u0000\u0009\n\ud83d", "prompt_len": 3, "output_len": 4, "due_s": 0.0}
{"index": 1, "prompt_token_ids": [7, 8], "prompt_len": 2, "output_len": 1, "due_s": 1.5, "model": "lora"}
{"index": 2, "prompt": ["x", ""], "prompt_len": 1, "output_len": 0, "due_s": 3600.000000001}
{"index": 3, "prompt_token_ids": [], "prompt_len": 0, "output_len": 0, "due_s": 0.000000001}
`
	want = strings.ReplaceAll(want, `\u007f`, "\x7f")
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	s := mustBuild(t, basePlan("requests"), b.String(), nil)
	for i := range items {
		items[i].At = due[i]
	}
	if diff := cmp.Diff(items, s.Items); diff != "" {
		t.Errorf("read back: %s", diff)
	}
	if diff := cmp.Diff(due, s.Times()); diff != "" || !s.Timed {
		t.Errorf("times: %s", diff)
	}
	if err := Save(&b, items, slices.Values(due[:1])); err == nil {
		t.Error("fewer due times than requests were taken")
	}
	if err := Save(&b, []Item{{Prompt: protocol.Prompt{Messages: []byte("[]")}}}, nil); err == nil {
		t.Error("messages were saved")
	}
}

// What is saved and run again is the same to the last byte of its bodies.
func TestSavedRunsAgain(t *testing.T) {
	p := basePlan("random")
	p.Workload.NumPrompts, p.Workload.Random.InputLen = 20, 15
	first := mustBuild(t, p, "", nil)
	var b bytes.Buffer
	if err := Save(&b, first.Items, nil); err != nil {
		t.Fatal(err)
	}
	q := basePlan("requests")
	q.Workload.NumPrompts = 3
	if some := mustBuild(t, q, b.String(), nil); len(some.Items) != 3 || some.Report.Unused != 17 {
		t.Errorf("got %d requests and %+v, want the first 3 of 20", len(some.Items), some.Report)
	}
	q.Workload.NumPrompts = 0 // all
	again := mustBuild(t, q, b.String(), func(c *Config) { c.Tokenizer = nil })
	d, err := protocol.New("vllm")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(requests(t, first, d, p), requests(t, again, d, p)); diff != "" {
		t.Error(diff)
	}
}

// requests are all that a set sends.
func requests(t testing.TB, s *Set, d protocol.Dialect, p *plan.Plan) (all []Request) {
	t.Helper()
	source, err := s.Source(d, p)
	if err != nil {
		t.Fatal(err)
	}
	for {
		r, ok := source.Next()
		if !ok {
			break
		}
		all = append(all, r)
	}
	if err := source.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSkip: a request that is skipped is the one that comes next but for its body.
func TestSkip(t *testing.T) {
	p := basePlan("random")
	p.Workload.NumPrompts, p.Workload.Random.InputLen = 3, 15
	d, err := protocol.New("vllm")
	if err != nil {
		t.Fatal(err)
	}
	s := mustBuild(t, p, "", nil)
	want := requests(t, s, d, p)
	source, err := s.Source(d, p)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := source.Skip()
	want[0].Body = nil
	if diff := cmp.Diff(want[0], got); diff != "" || !ok {
		t.Error(diff)
	}
	if got, _ := source.Next(); cmp.Diff(want[1], got) != "" {
		t.Errorf("after it: got %+v", got)
	}
}

func FuzzSave(f *testing.F) {
	f.Add("text", 3, 4, int64(1e9), "m")
	f.Add("\ud7ff\u2029\\", 0, 0, int64(1), "")
	f.Fuzz(func(t *testing.T, text string, in, out int, due int64, model string) {
		text, model = strings.ToValidUTF8(text, "?"), strings.ToValidUTF8(model, "?")
		items := []Item{{Prompt: protocol.Prompt{Text: text}, PromptLen: in & 0xffff, OutputLen: out & 0xffff, Model: model,
			At: time.Duration(due & (1<<59 - 1))}}
		var b bytes.Buffer
		if err := Save(&b, items, slices.Values([]time.Duration{items[0].At})); err != nil {
			t.Fatal(err)
		}
		data, err := dataset.NewInput("f", &b)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Build(t.Context(), Config{Plan: basePlan("requests"), Data: data})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(items, s.Items); diff != "" {
			t.Error(diff)
		}
	})
}

// remote is a server whose tokenizer takes one token a letter.
type remote struct {
	fail  string // prompts with this in them are not answered
	down  bool
	calls atomic.Int64
}

func (r *remote) Tokenize(_ context.Context, prompt string) ([]int, error) {
	r.calls.Add(1)
	if r.down || r.fail != "" && strings.Contains(prompt, r.fail) {
		return nil, errors.New("404 Not Found")
	}
	var ids []int
	for _, c := range prompt {
		ids = append(ids, int(c))
	}
	return ids, nil
}

func (r *remote) Detokenize(_ context.Context, ids []int) (string, error) {
	var b strings.Builder
	for _, id := range ids {
		b.WriteRune(rune(id))
	}
	return b.String(), nil
}

func TestAlign(t *testing.T) {
	item := func(text string, n int) Item {
		return Item{Prompt: protocol.Prompt{Text: text}, PromptLen: n, OutputLen: 1}
	}
	for _, c := range []struct {
		name   string
		remote *remote
		items  []Item
		want   []string
		calls  int64
		align  Alignment // without its warning
		warn   string
	}{
		{"same on both sides", &remote{}, []Item{item("abc", 3), item("abcdef", 2)}, []string{"abc", "abcdef"}, 1, Alignment{Checked: 1, First: 3}, ""},
		{"longer ones are cut", &remote{}, []Item{item("abcd", 3), item("abcdef", 2), item("ab", 5), item("xyz", 3)},
			[]string{"abc", "ab", "ab", "xyz"}, 5, Alignment{Checked: 4, Truncated: 2, Shorter: 1, First: 4}, "tokenizer mismatch (server=4, expected=3)"},
		{"no such endpoint", &remote{down: true}, []Item{item("abcd", 3)}, []string{"abcd"}, 1, Alignment{Missing: true}, "/tokenize unavailable, skipping alignment: 404 Not Found"},
		{"one fails", &remote{fail: "x"}, []Item{item("abcd", 3), item("xxxx", 3)}, []string{"abc", "xxxx"}, 3,
			Alignment{Checked: 1, Truncated: 1, Failed: 1, First: 4}, "1 could not be asked for"},
		{"token ids", &remote{}, []Item{{Prompt: protocol.Prompt{IDs: []int{1}}}}, []string{""}, 0, Alignment{}, ""},
		{"nothing", &remote{}, nil, nil, 0, Alignment{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Set{Items: c.items}
			a, err := Align(t.Context(), s, c.remote)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, it := range s.Items {
				got = append(got, it.Prompt.Text)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(a.Warning, c.warn) || (a.Warning == "") != (c.warn == "") {
				t.Errorf("got warning %q, want %q", a.Warning, c.warn)
			}
			a.Warning = ""
			if diff := cmp.Diff(c.align, a); diff != "" {
				t.Error(diff)
			}
			if n := c.remote.calls.Load(); n != c.calls {
				t.Errorf("%d prompts were tokenized, want %d", n, c.calls)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Align(ctx, &Set{Items: []Item{item("abcd", 3)}}, &remote{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
}
