package workload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"tokmeter/internal/dataset"
	"tokmeter/internal/plan"
	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// letters is a tokenizer whose texts do not keep their length: 40 tokens, one
// letter each or two of the same, and two equal letters encode as one token. It
// adds one special token, 40.
type letters struct{}

func (letters) Encode(text string, addSpecial bool) []int {
	var ids []int
	if addSpecial {
		ids = append(ids, 40)
	}
	for i := 0; i < len(text); i++ {
		id := int(text[i]-'a') % 20
		if i+1 < len(text) && text[i+1] == text[i] {
			id += 20
			i++
		}
		ids = append(ids, id)
	}
	return ids
}

func (letters) Decode(ids []int, _ bool) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteByte(byte('a' + id%20))
		if id >= 20 && id < 40 {
			b.WriteByte(byte('a' + id%20))
		}
	}
	return b.String()
}

func (letters) VocabSize() int    { return 40 }
func (letters) SpecialIDs() []int { return []int{3, 40} }
func (letters) SpecialToAdd() int { return 1 }

func build(t testing.TB, p *plan.Plan, data string, change func(*Config)) (*Set, error) {
	t.Helper()
	rnd, err := NewRandoms(p.Seed)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Plan: p, Tokenizer: letters{}, Randoms: rnd, Workers: 3}
	if data != "" {
		if c.Data, err = dataset.NewInput("f", strings.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(&c)
	}
	return Build(t.Context(), c)
}

func mustBuild(t testing.TB, p *plan.Plan, data string, change func(*Config)) *Set {
	t.Helper()
	s, err := build(t, p, data, change)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// However many goroutines encode, the workload is the same: here many prompts
// need random tokens, so that guesses about where the next begins go wrong.
func TestWorkersDoNotMatter(t *testing.T) {
	for _, name := range []string{"random", "prefix_repetition"} {
		p := basePlan(name)
		p.Workload.NumPrompts = 60
		p.Workload.Random.InputLen = 30
		p.Workload.Prefix = plan.Prefix{PrefixLen: 12, SuffixLen: 9, NumPrefixes: 7, OutputLen: 2}
		var hashes []string
		for _, workers := range []int{1, 2, 3, 16} {
			hashes = append(hashes, mustBuild(t, p, "", func(c *Config) { c.Workers = workers }).Hash())
		}
		for _, h := range hashes[1:] {
			if h != hashes[0] {
				t.Errorf("%s: hashes differ with the number of workers: %v", name, hashes)
			}
		}
		p.Seed = 1
		if h := mustBuild(t, p, "", nil).Hash(); h == hashes[0] {
			t.Errorf("%s: another seed gives the same workload", name)
		}
	}
}

func TestInOrder(t *testing.T) {
	// What a job draws hangs on where it begins, as with real prompts.
	used := func(i, from int) int { return 3 + (i*7+from*5)%4%2 }
	for workers := 1; workers <= 6; workers++ {
		for n := range 20 {
			want, wantTotal := make([]int, n), 0
			for i := range n {
				want[i] = wantTotal
				wantTotal += used(i, wantTotal)
			}
			got := make([]int, n)
			total, err := inOrder(t.Context(), workers, n, func(int) int { return 3 }, func(i, from int) int {
				got[i] = from
				return used(i, from)
			})
			if err != nil || total != wantTotal || !cmp.Equal(got, want) {
				t.Fatalf("%d workers, %d jobs: got %v, %d, %v, want %v, %d", workers, n, got, total, err, want, wantTotal)
			}
		}
	}
}

func TestEachStops(t *testing.T) {
	bad := errors.New("bad")
	if err := each(t.Context(), 4, 100, func(i int) error {
		if i == 7 {
			return bad
		}
		return nil
	}); !errors.Is(err, bad) {
		t.Errorf("got %v, want the job's error", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(bad)
	if err := each(ctx, 4, 100, func(int) error { return nil }); !errors.Is(err, bad) {
		t.Errorf("got %v, want the cause", err)
	}
}

// Quirk Q18: vLLM's client sends fewer prompts when they do not divide. Ours
// come after its own, which stay as they are.
func TestPrefixRest(t *testing.T) {
	p := basePlan("prefix_repetition")
	p.Workload.NumPrompts = 11
	p.Workload.Prefix = plan.Prefix{PrefixLen: 8, SuffixLen: 6, NumPrefixes: 4, OutputLen: 2}
	var rnds [2]*Randoms
	ours := mustBuild(t, p, "", func(c *Config) { rnds[0] = c.Randoms })
	p.Compat = "vllm"
	theirs := mustBuild(t, p, "", func(c *Config) { rnds[1] = c.Randoms })
	if a, b := rnds[0].Np.Float64(), rnds[1].Np.Float64(); a != b {
		t.Errorf("NumPy's generator draws %v next, with --compat vllm %v: due times would differ", a, b)
	}
	if len(ours.Items) != 11 || len(theirs.Items) != 8 {
		t.Fatalf("got %d and %d requests, want 11 and 8", len(ours.Items), len(theirs.Items))
	}
	if diff := cmp.Diff(theirs.Items, ours.Items[:8]); diff != "" {
		t.Error(diff)
	}
	d, _ := protocol.New("openai")
	for s, want := range map[*Set]string{ours: "bench-2", theirs: ""} {
		if rs := requests(t, s, d, p); rs[2].ID != want {
			t.Errorf("got id %q, want %q", rs[2].ID, want)
		}
	}
}

// Quirk Q17: vLLM's client applies the chat template even when the server does.
func TestCustomTemplate(t *testing.T) {
	const data = `{"prompt": "abc"}`
	render := func(user string) (string, error) { return "q" + user + "q", nil }
	for _, c := range []struct {
		why, backend, compat string
		skip                 bool
		want                 string
	}{
		{"completions", "vllm", "", false, "qabcq"},
		{"completions, raw", "vllm", "", true, "abc"},
		{"the server applies it", "openai-chat", "", false, "abc"},
		{"the server applies it", "openai-responses", "", false, "abc"},
		{"as vLLM", "openai-chat", "vllm", false, "qabcq"},
	} {
		p := basePlan("custom")
		p.Workload.NumPrompts = 1
		p.Target.Backend, p.Compat, p.Workload.SkipChat = c.backend, c.compat, c.skip
		s := mustBuild(t, p, data, func(c *Config) { c.Template = render })
		if got := s.Items[0].Prompt.Text; got != c.want {
			t.Errorf("%s (%s): got %q, want %q", c.why, c.backend, got, c.want)
		}
		if got, want := s.Items[0].PromptLen, len(c.want)+1; got != want {
			t.Errorf("%s (%s): got %d tokens, want %d", c.why, c.backend, got, want)
		}
	}
}

func TestBuildErrors(t *testing.T) {
	const conv = `[{"conversations": [{"value": "abcdefgh"}, {"value": "abcdefgh"}]}, {"conversations": [{"value": "ab"}, {"value": "abcdefgh"}]}]`
	for _, c := range []struct {
		name, dataset, data string
		change              func(*plan.Plan, *Config)
		want                string
	}{
		{"unknown", "hf", "", nil, `dataset "hf" is not one of`},
		{"no file", "sharegpt", "", nil, "give it with --dataset-path"},
		{"no tokenizer", "random", "", func(_ *plan.Plan, c *Config) { c.Tokenizer = nil }, "give one with --tokenizer"},
		{"tokenizer left out", "sharegpt", conv, func(p *plan.Plan, _ *Config) { p.Workload.SkipTokenizer = true }, "--skip-tokenizer-init"},
		{"no prompts", "random", "", func(p *plan.Plan, _ *Config) { p.Workload.NumPrompts = 0 }, "--num-prompts 0"},
		{"ids to chat", "random", "", func(p *plan.Plan, _ *Config) {
			p.Workload.AsTokenIDs, p.Target.Backend = true, "openai-chat"
		}, "--prompt-token-ids"},
		{"trace to chat", "timed_trace", "{}", func(p *plan.Plan, _ *Config) { p.Target.Backend = "openai-chat" }, "use vllm or openai"},
		{"batch by ids", "random", "", func(p *plan.Plan, _ *Config) {
			p.Workload.NumPrompts, p.Workload.Random.InputLen = 4, 9
			p.Workload.AsTokenIDs, p.Workload.Random.BatchSize = true, 2
		}, "leave --random-batch-size out"},
		{"too short", "random", "", func(p *plan.Plan, _ *Config) { p.Workload.Random.InputLen = 1 }, "--random-input-len 1 leaves prompts of 0 tokens"},
		{"too few prompts", "prefix_repetition", "", func(p *plan.Plan, _ *Config) { p.Workload.NumPrompts = 9 }, "less than --prefix-repetition-num-prefixes 10"},
		{"none left", "sharegpt", `[{"id": 1}, {"conversations": [{"value": "ab"}, {"value": "abcdefgh"}]}]`, nil,
			"none of 2 entries can be used: 1 no conversations, 1 prompt under 4 tokens"},
		{"fault reached", "sharegpt", `[{"conversations": [{"value": 5}, {"value": "abcdefgh"}]}]`, nil, `entry 1: the "value" of the first turn is a number`},
		{"nothing fits", "sharegpt", conv, func(p *plan.Plan, _ *Config) { p.Workload.MaxModelLen = 5 }, "--max-model-len 5 leaves none"},
		{"no GPT-4 rows", "burstgpt", "Timestamp,Model,Request tokens,Response tokens\n1,ChatGPT,1,2\n", nil, "1 model is not GPT-4"},
		{"no template, as vLLM", "custom", `{"prompt": "a"}`, func(p *plan.Plan, _ *Config) { p.Compat = "vllm" }, "add --skip-chat-template"},
		{"bad template", "custom", `{"prompt": "a"}`, func(_ *plan.Plan, c *Config) {
			c.Template = func(string) (string, error) { return "", errors.New("boom") }
		}, "line 1: chat template: boom"},
		{"no length of its own", "custom", `{"prompt": "a"}`, func(p *plan.Plan, _ *Config) {
			p.Workload.Custom.OutputLen, p.Workload.SkipChat = -1, true
		}, `line 1: there is no "output_tokens"`},
		{"question too long", "sonnet", "ab\n", func(p *plan.Plan, _ *Config) { p.Workload.Sonnet.InputLen = 20 }, "--sonnet-input-len 20"},
		{"chunks", "timed_trace", "{}", func(p *plan.Plan, _ *Config) { p.Workload.Trace.ChunkSize = 0 }, "--timed-trace-chunk-hash-size 0"},
		{"ids saved, chat asked", "requests", `{"prompt_token_ids": [1], "prompt_len": 1, "output_len": 1}`, func(p *plan.Plan, _ *Config) { p.Target.Backend = "openai-chat" }, "request 1 asks with token ids"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := basePlan(c.dataset)
			_, err := build(t, p, c.data, func(cfg *Config) {
				if c.change != nil {
					c.change(p, cfg)
				}
			})
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q on one line", err, c.want)
			}
		})
	}
}

// TestSonnetReport: the lines of its text are no entries that a prompt each
// would come of.
// overloaded is a tokenizer whose own patterns came to no end.
type overloaded struct{ letters }

func (overloaded) Encode(string, bool) []int { return nil }
func (overloaded) Err() error                { return errors.New("the pattern (a|aa)+b: no end") }

// TestTokenizerOverload: prompts of a tokenizer that gave up are no workload.
func TestTokenizerOverload(t *testing.T) {
	for _, dataset := range []string{"random", "prefix_repetition", "sonnet"} {
		_, err := build(t, basePlan(dataset), "", func(c *Config) { c.Tokenizer = overloaded{} })
		if err == nil || !strings.Contains(err.Error(), "tokenizer: the pattern (a|aa)+b: no end") || !strings.Contains(err.Error(), "--tokenizer") {
			t.Errorf("%s: got %v", dataset, err)
		}
	}
}

func TestSonnetReport(t *testing.T) {
	p := basePlan("sonnet")
	p.Workload.NumPrompts = 3
	got := mustBuild(t, p, "", nil).Report
	if got.Entries != 0 || got.Kept != 0 || strings.Contains(got.String(), "entries") || len(got.Dropped) != 0 {
		t.Errorf("got %q", got.String())
	}
}

func TestReport(t *testing.T) {
	var b strings.Builder
	b.WriteByte('[')
	for i := range 10 {
		fmt.Fprintf(&b, `{"conversations": [{"value": "abcdefgh%c"}, {"value": "abcdefgh"}]},`, 'a'+i%3)
	}
	b.WriteString(`{"id": 1}, {"conversations": [{"value": "ab"}, {"value": "abcdefgh"}]}]`)
	p := basePlan("sharegpt")
	p.Workload.NumPrompts, p.Workload.NoShuffle = 15, true
	r := mustBuild(t, p, b.String(), nil).Report
	want := record.Workload{Entries: 12, Kept: 10, Dropped: record.Drops{{Reason: "no conversations", N: 1}, {Reason: "prompt under 4 tokens", N: 1}},
		Oversampled: 5, Requests: 15, Unique: 3, PromptToks: 150, OutputToks: 135}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
	if got, want := r.String(), "12 entries: 10 kept, 2 dropped (1 no conversations, 1 prompt under 4 tokens)\n15 requests, 3 different prompts, 5 of them repeats, 150 prompt and 135 output tokens"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Half of a surrogate pair stays what it is where no tokenizer has to take it.
func TestHalfPairs(t *testing.T) {
	p := basePlan("custom")
	p.Workload.NumPrompts, p.Workload.SkipChat = 1, true
	s := mustBuild(t, p, `{"prompt": "a\ud83db"}`, nil)
	if got, want := s.Items[0].Prompt.Text, "a\uFFFDb"; got != want || len(s.Report.Warnings) != 1 {
		t.Errorf("got %q and %q, want %q and a warning", got, s.Report.Warnings, want)
	}
	p.Workload.SkipTokenizer = true
	s = mustBuild(t, p, `{"prompt": "a\ud83db"}`, func(c *Config) { c.Tokenizer = nil })
	if got, want := s.Items[0].Prompt.Text, "a\xed\xa0\xbdb"; got != want || s.Report.Warnings != nil {
		t.Errorf("got %q and %q, want %q", got, s.Report.Warnings, want)
	}
	d, err := protocol.New("vllm")
	if err != nil {
		t.Fatal(err)
	}
	rs := requests(t, s, d, p)
	if !bytes.Contains(rs[0].Body, []byte(`a\ud83db`)) {
		t.Errorf("got %s, want the escape, as Python writes it", rs[0].Body)
	}
}

func TestLoRA(t *testing.T) {
	p := basePlan("random")
	p.Workload.NumPrompts, p.Workload.Random.InputLen = 6, 8
	p.Target.LoRAModules, p.Target.LoRAAssignment = []string{"x", "y", "z"}, "round-robin"
	models := func() (m string) {
		for _, it := range mustBuild(t, p, "", nil).Items {
			m += it.Model
		}
		return m
	}
	if got := models(); got != "xyzxyz" {
		t.Errorf("round-robin: got %s", got)
	}
	p.Target.LoRAAssignment = "random"
	// python3 -c 'import random; random.seed(0); print("".join(random.choice("xyz") for _ in range(6)))'
	if got, want := models(), "yyxyzy"; got != want {
		t.Errorf("random: got %s, want %s", got, want)
	}
	d, _ := protocol.New("openai")
	rs := requests(t, mustBuild(t, p, "", nil), d, p)
	if rs[0].Model != "y" || !bytes.Contains(rs[0].Body, []byte(`"model":"y"`)) {
		t.Errorf("got model %q in %s, want y", rs[0].Model, rs[0].Body)
	}
}

func TestTokenIDs(t *testing.T) {
	p := basePlan("random")
	p.Workload.NumPrompts, p.Workload.Random.InputLen = 6, 12
	text := mustBuild(t, p, "", nil)
	p.Workload.AsTokenIDs = true
	for i, it := range mustBuild(t, p, "", nil).Items {
		if diff := cmp.Diff(letters{}.Encode(text.Items[i].Prompt.Text, true), it.Prompt.IDs); diff != "" || it.PromptLen != len(it.Prompt.IDs) {
			t.Errorf("request %d: %d tokens, %s", i, it.PromptLen, diff)
		}
	}
}

// TestMooncake: the units of Mooncake's traces are found out, unless the user
// gave others, and a line without hashes has a prompt of its length.
func TestMooncake(t *testing.T) {
	const data = `{"timestamp": 27482, "input_length": 700, "output_length": 1, "hash_ids": [46, 47]}
{"timestamp": 30482, "input_length": 40, "output_length": 2, "hash_ids": [46]}
{"timestamp": 31482, "input_length": 33, "output_length": 2}
{"timestamp": 31982, "input_length": 33, "output_length": 2, "hash_ids": []}`
	lengths := func(s *Set) (out []int) {
		for _, it := range s.Items {
			out = append(out, it.PromptLen)
		}
		return out
	}
	p := basePlan("timed_trace")
	p.Workload.Trace.ChunkSize, p.Workload.Trace.Multiplier = 16, 1
	s := mustBuild(t, p, data, nil)
	if diff := cmp.Diff([]int{700, 40, 33, 33}, lengths(s)); diff != "" {
		t.Errorf("lengths: %s", diff)
	}
	if diff := cmp.Diff([]time.Duration{0, 3 * time.Second, 4 * time.Second, 4500 * time.Millisecond}, s.Times()); diff != "" {
		t.Errorf("times: %s", diff)
	}
	if len(s.Report.Warnings) != 1 || !strings.Contains(s.Report.Warnings[0].Text, "Mooncake's by its form: each hash stands for 512 tokens") {
		t.Errorf("got the warnings %v", s.Report.Warnings)
	}
	if a, b := s.Items[2].Prompt.IDs, s.Items[3].Prompt.IDs; cmp.Equal(a, b) {
		t.Error("two prompts without hashes are equal")
	}
	p.Workload.Trace.Multiplier, p.Workload.Trace.MultiplierGiven = 0.01, true
	if got := mustBuild(t, p, data, nil).Times()[1]; got != 30*time.Second {
		t.Errorf("a multiplier of the user's: got %v, want 30 s", got)
	}
	p.Workload.Trace.Multiplier, p.Workload.Trace.ChunkSizeGiven = 1, true
	if s := mustBuild(t, p, data, nil); s.Times()[1] != 3000*time.Second || lengths(s)[0] != 32 {
		t.Errorf("the defaults, given by the user: got %v and %v, want 3000 s and 32 tokens", s.Times()[1], lengths(s)[0])
	}
	p.Compat = "vllm"
	p.Workload.Trace.ChunkSize, p.Workload.Trace.Multiplier = 16, 1
	if got := lengths(mustBuild(t, p, data, nil)); got[0] != 32 || got[2] != 0 {
		t.Errorf("as vLLM: got lengths %v", got)
	}
}

func TestTraceOrder(t *testing.T) {
	const data = `{"timestamp": 5, "input_length": 20, "output_length": 1, "hash_ids": [1]}
{"timestamp": 3, "input_length": 4, "output_length": 2, "hash_ids": [1, 2]}`
	p := basePlan("timed_trace")
	s := mustBuild(t, p, data, nil)
	if diff := cmp.Diff([]time.Duration{0, 2 * time.Second}, s.Times()); diff != "" {
		t.Errorf("times: %s", diff)
	}
	if s.Items[0].OutputLen != 2 || len(s.Report.Warnings) != 1 || !strings.Contains(s.Report.Warnings[0].Text, "1 of 2 prompts are shorter") {
		t.Errorf("got %+v, want the earlier first and a warning about the short prompt", s)
	}
	p.Compat = "vllm"
	if diff := cmp.Diff([]time.Duration{5 * time.Second, 3 * time.Second}, mustBuild(t, p, data, nil).Times()); diff != "" {
		t.Errorf("as vLLM: %s", diff)
	}
}

// TestRequestIDs: each request has an id of its own, unless the user gives one for
// all of them; vLLM's client puts its own over that.
func TestRequestIDs(t *testing.T) {
	for _, tt := range []struct{ header, compat, want string }{
		{"", "", "r-0"},
		{"X-Other", "", "r-0"},
		{"x-request-ID", "", ""},
		{"x-request-ID", "vllm", "r-0"},
	} {
		p := basePlan("random")
		p.Target.RequestIDPrefix, p.Compat = "r-", tt.compat
		if tt.header != "" {
			p.Target.Headers = []plan.Header{{Name: tt.header, Value: "x"}}
		}
		d, _ := protocol.New("openai")
		if rs := requests(t, mustBuild(t, p, "", nil), d, p); rs[0].ID != tt.want {
			t.Errorf("with the header %q and compat %q: got %q, want %q", tt.header, tt.compat, rs[0].ID, tt.want)
		}
	}
}
