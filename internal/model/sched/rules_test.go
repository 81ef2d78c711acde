package sched

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A script is a sampler that ends requests at given tokens and accepts a given
// number of drafts.
type script struct {
	ends   map[string]int
	accept int
}

func (s script) Accept(*Request, int) int { return s.accept }

func (s script) Sample(r *Request) (int, bool) {
	return 1000 + len(r.Output), len(r.Output)+1 == s.ends[r.ID]
}

func req(id string, prompt, output int) *Request {
	return &Request{ID: id, Prompt: make([]int, prompt), MaxOutput: output}
}

// steps runs the requests, all added at once, and says each step in short:
// shares in order, + for admissions, - for preemptions, . for the ended.
func steps(t *testing.T, c Config, m Sampler, rs ...*Request) []string {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		if err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	var out []string
	for s.Busy() && len(out) < 200 {
		var line []string
		st := s.Schedule()
		for _, sh := range st.Shares {
			text := fmt.Sprintf("%s%d", sh.Request.ID, sh.Tokens)
			if slices.Contains(st.New, sh.Request) || slices.Contains(st.Resumed, sh.Request) {
				text = "+" + text
			}
			line = append(line, text)
		}
		for _, r := range st.Preempted {
			line = append(line, "-"+r.ID)
		}
		for _, r := range s.Commit(m) {
			line = append(line, "."+r.ID)
		}
		out = append(out, strings.Join(line, " "))
	}
	if s.Free() != c.Blocks-1 {
		t.Errorf("free blocks at the end: got %d, want %d", s.Free(), c.Blocks-1)
	}
	return out
}

func TestRules(t *testing.T) {
	v0 := func(edit func(*Config)) Config {
		c := defaultConfig2024(64)
		c.Blocks, c.BlockSize = 1001, 4
		edit(&c)
		return c
	}
	v1 := func(edit func(*Config)) Config {
		c := DefaultConfig()
		c.BlockSize, c.MaxModelLen = 4, 64
		edit(&c)
		return c
	}
	lora := func(r *Request, adapter string) *Request { r.Adapter = adapter; return r }
	least := func(r *Request, n int) *Request { r.MinOutput = n; return r }
	tests := []struct {
		why    string
		c      Config
		m      Sampler
		rs     []*Request
		want   []string
		finish string
	}{
		{"2024: prompts alone while there are any, then every running request one token",
			v0(func(c *Config) { c.MaxBatchedTokens = 64; c.MaxSeqs = 9 }), script{},
			[]*Request{req("a", 40, 3), req("b", 20, 3), req("c", 10, 2)},
			[]string{"+a40 +b20", "+c10", "a1 b1 c1 .c", "a1 b1 .a .b"}, "LLL"},
		{"2024: whole prompts only: the second waits for a step of its own although four tokens are left",
			v0(func(c *Config) { c.MaxBatchedTokens = 64; c.MaxSeqs = 9 }), script{},
			[]*Request{req("a", 60, 1), req("b", 5, 1)},
			[]string{"+a60 .a", "+b5 .b"}, "LL"},
		{"2024: 1 % of the blocks stay free: of 100 of one token one is kept, so that b's 50 after a's 50 wait",
			v0(func(c *Config) { c.Blocks, c.BlockSize, c.MaxSeqs = 101, 1, 9 }), script{},
			[]*Request{req("a", 50, 1), req("b", 50, 1), req("c", 9, 1)},
			[]string{"+a50 .a", "+b50 +c9 .b .c"}, "LLL"},
		{"2024: one block less and it fits",
			v0(func(c *Config) { c.Blocks, c.BlockSize, c.MaxSeqs = 101, 1, 9 }), script{},
			[]*Request{req("a", 50, 1), req("b", 49, 1), req("c", 9, 1)},
			[]string{"+a50 +b49 .a .b", "+c9 .c"}, "LLL"},
		{"2024: the last is preempted, and computes prompt and output anew",
			v0(func(c *Config) { c.Blocks, c.MaxSeqs = 8, 9 }), script{},
			[]*Request{req("a", 12, 9), req("b", 12, 6)},
			[]string{"+a12 +b12", "a1 -b", "a1", "a1", "a1", "a1", "a1", "a1", "a1 .a", "+b13", "b1", "b1", "b1", "b1 .b"}, "LL"},
		{"2024: an adapter too many is set aside, those behind it go on",
			v0(func(c *Config) { c.MaxAdapters = 1; c.MaxSeqs = 9 }), script{},
			[]*Request{lora(req("a", 4, 1), "x"), lora(req("b", 4, 1), "y"), lora(req("c", 4, 1), "x"), req("d", 4, 1)},
			[]string{"+a4 +c4 +d4 .a .c .d", "+b4 .b"}, "LLLL"},
		{"an adapter too many is set aside and keeps its place",
			v1(func(c *Config) { c.MaxAdapters = 1 }), script{},
			[]*Request{lora(req("a", 4, 2), "x"), lora(req("b", 4, 1), "y"), lora(req("c", 4, 1), "z"), req("d", 4, 2)},
			[]string{"+a4 +d4", "a1 d1 .a .d", "+b4 .b", "+c4 .c"}, "LLLL"},
		{"three drafts a step; the limit of output cuts what is accepted",
			v1(func(c *Config) { c.Drafts = 3 }), script{accept: 3},
			[]*Request{req("a", 6, 10)},
			[]string{"+a6", "a4", "a4", "a4 .a"}, "L"},
		{"no draft is right: one token a step, at four times the work",
			v1(func(c *Config) { c.Drafts = 3 }), script{},
			[]*Request{req("a", 6, 3)},
			[]string{"+a6", "a4", "a4 .a"}, "L"},
		{"drafts never pass the model length",
			v1(func(c *Config) { c.Drafts, c.MaxModelLen = 3, 10 }), script{},
			[]*Request{req("a", 6, 9)},
			[]string{"+a6", "a3", "a2", "a1 .a"}, "L"},
		{"the sampler ends a request",
			v1(func(*Config) {}), script{ends: map[string]int{"a": 2}},
			[]*Request{req("a", 6, 9)},
			[]string{"+a6", "a1 .a"}, "S"},
		{"the sampler cannot end it among its first tokens",
			v1(func(*Config) {}), script{ends: map[string]int{"a": 2}},
			[]*Request{least(req("a", 6, 4), 2)},
			[]string{"+a6", "a1", "a1", "a1 .a"}, "L"},
		{"the token after them may be the end",
			v1(func(*Config) {}), script{ends: map[string]int{"a": 3}},
			[]*Request{least(req("a", 6, 4), 2)},
			[]string{"+a6", "a1", "a1 .a"}, "S"},
		{"asynchronous: no step too many where the length is known",
			v1(func(c *Config) { c.Async = true }), script{},
			[]*Request{req("a", 6, 3), req("b", 3, 1)},
			[]string{"+a6 +b3 .b", "a1", "a1 .a"}, "LL"},
		{"asynchronous: one slot too many where the sampler ends it",
			v1(func(c *Config) { c.Async = true }), script{ends: map[string]int{"a": 2}},
			[]*Request{req("a", 6, 9), req("b", 3, 4)},
			[]string{"+a6 +b3", "a1 b1 .a", "a1 b1", "b1 .b"}, "SL"},
		{"asynchronous: alone, too, as the device is busy with it",
			v1(func(c *Config) { c.Async = true }), script{ends: map[string]int{"a": 2}},
			[]*Request{req("a", 6, 9)},
			[]string{"+a6", "a1 .a", "a1"}, "S"},
		{"asynchronous: with drafts the length is not known until they are judged",
			v1(func(c *Config) { c.Async = true; c.Drafts = 2 }), script{accept: 2},
			[]*Request{req("a", 6, 7)},
			[]string{"+a6", "a3", "a3 .a", "a3"}, "L"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, steps(t, tt.c, tt.m, tt.rs...)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			got := ""
			for _, r := range tt.rs {
				got += map[Finish]string{Unfinished: "U", Stopped: "S", Length: "L", Aborted: "A"}[r.Finish]
			}
			if got != tt.finish {
				t.Errorf("ends: got %s, want %s", got, tt.finish)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	tests := []struct {
		why  string
		edit func(*Config)
		want string
	}{
		{"vLLM's defaults", func(*Config) {}, ""},
		{"those of mid-2024", func(c *Config) { *c = defaultConfig2024(8192) }, ""},
		{"nothing set: every problem at once", func(c *Config) { *c = Config{} },
			"blocks 0: at least 2, at most 1073741824; block size 0: at least 1, at most 1073741824; batched tokens 0: at least 1, at most 1073741824; " +
				"running requests 0: at least 1, at most 1073741824; model length 0: at least 2, at most 1073741824"},
		{"fewer tokens than requests", func(c *Config) { c.MaxBatchedTokens = 255 }, "batched tokens 255: at least the running requests, 256"},
		{"a prompt that no step holds", func(c *Config) { c.ChunkedPrefill = false }, "batched tokens 2048: without chunked prefill at least the model length, 4096"},
		{"threshold", func(c *Config) { c.LongPrefillThreshold = 4097 }, "long prefill threshold 4097: at most the model length, 4096"},
		{"watermark is a share", func(c *Config) { c.Watermark = 1 }, "watermark 1: from 0 to less than 1"},
		{"a head without drafts", func(c *Config) { c.DraftHead = true }, "draft head: needs drafts"},
		{"what mid-2024 had not", func(c *Config) { c.Profile, c.Async, c.MaxBatchedTokens = V02024, true, 4096 },
			"prefix caching: the profile of mid-2024 is followed without it; chunked prefill: the profile of mid-2024 is followed without it; asynchronous scheduling: the profile of mid-2024 has none"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			c := DefaultConfig()
			tt.edit(&c)
			got := ""
			if err := c.Validate(); err != nil {
				got = strings.ReplaceAll(err.Error(), "\n", "; ")
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if s, err := New(c); (err == nil) != (tt.want == "") || (s == nil) == (err == nil) {
				t.Errorf("New: %v, %v", s, err)
			}
		})
	}
}

func TestAdd(t *testing.T) {
	c := DefaultConfig()
	c.Blocks, c.BlockSize, c.MaxModelLen = 11, 4, 50
	tests := []struct {
		why  string
		edit func(*Config)
		r    *Request
		want string
		long bool
	}{
		{"it just fits: its last token is never computed", nil, req("a", 31, 10), "", false},
		{"one token more does not", nil, req("a", 32, 10), `request "a": 32 prompt and 10 output tokens need 11 blocks of 10: longer than the engine can serve`, true},
		{"the model length bounds what it may need", func(c *Config) { c.MaxModelLen = 41 }, req("a", 32, 1<<60), "", false},
		{"drafts take slots beyond", func(c *Config) { c.Drafts = 1 }, req("a", 31, 10), `request "a": 31 prompt and 10 output tokens need 11 blocks of 10: longer than the engine can serve`, true},
		{"no room for a token", nil, req("a", 50, 1), `request "a": 50 prompt tokens of at most 49: longer than the engine can serve`, true},
		{"no prompt", nil, req("a", 0, 1), `request "a": its prompt is empty; it needs at least one token`, false},
		{"no output", nil, req("a", 5, 0), `request "a": MaxOutput is 0; ask for at least one token`, false},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			c := c
			if tt.edit != nil {
				tt.edit(&c)
			}
			c.MaxSeqs = 8
			s, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := s.Add(tt.r); err != nil {
				got = err.Error()
				if errors.Is(err, ErrTooLong) != tt.long {
					t.Errorf("is it ErrTooLong? got %v, want %v", !tt.long, tt.long)
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.want == "" {
				if err := s.Add(tt.r); err == nil || err.Error() != `request "a": it was added before; make another one` {
					t.Errorf("twice: got %v", err)
				}
			}
		})
	}
}

// Look-ups, resets, aborts and what is told of the engine meanwhile.
func TestCacheAndQueues(t *testing.T) {
	c := DefaultConfig()
	c.Blocks, c.BlockSize = 17, 4
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	a, b := req("a", 10, 5), req("b", 10, 5)
	for _, r := range []*Request{a, b} {
		if err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Waiting(); len(got) != 2 || got[0] != a || got[1] != b {
		t.Errorf("waiting: %v", got)
	}
	st := s.Schedule()
	if diff := cmp.Diff([]int{0, 8}, st.Hits); diff != "" {
		t.Errorf("b hits what a computes in the same step (-want +got):\n%s", diff)
	}
	if s.Schedule() != st {
		t.Error("Schedule before Commit decides again")
	}
	s.Commit(script{})
	if diff := cmp.Diff(PrefixStats{Requests: 2, Queries: 20, Hits: 8}, s.Prefix()); diff != "" {
		t.Errorf("prefix (-want +got):\n%s", diff)
	}
	if s.Free() != 12 || s.Usage() != 0.25 || s.CachedBlocks() != 2 || b.Cached != 8 {
		t.Errorf("free %d, usage %g, cached %d, of b %d; want 12, 0.25, 2, 8", s.Free(), s.Usage(), s.CachedBlocks(), b.Cached)
	}
	if diff := cmp.Diff([]int32{1, 2, 4}, s.Blocks(b)); diff != "" {
		t.Errorf("blocks of b (-want +got):\n%s", diff)
	}
	if s.ResetPrefixCache() {
		t.Error("the cache was reset under running requests")
	}
	if !s.ResetRunning() || s.CachedBlocks() != 0 || s.Free() != 16 {
		t.Errorf("reset: %d cached, %d free", s.CachedBlocks(), s.Free())
	}
	if running, waiting, deferred := s.Counts(); running != 0 || waiting != 2 || deferred != 0 || s.Waiting()[0] != a {
		t.Errorf("after the reset: %d run, %d wait, %d set aside", running, waiting, deferred)
	}
	s.Abort(a)
	s.Abort(a)
	s.Abort(req("never added", 1, 1))
	if a.Finish != Aborted || len(s.Waiting()) != 1 {
		t.Errorf("aborted: %d, %d wait", a.Finish, len(s.Waiting()))
	}
	if st := s.Schedule(); len(st.Resumed) != 1 || st.Shares[0].Tokens != 11 {
		t.Errorf("b computes its prompt and its output anew: %+v", st)
	}
	s.Abort(b)
	if done := s.Commit(script{}); len(done) != 0 || len(b.Output) != 1 || s.Free() != 16 || s.Busy() {
		t.Errorf("an abort during a step: %d ended, %d tokens, %d free", len(done), len(b.Output), s.Free())
	}
	if done := s.Commit(script{}); len(done) != 0 {
		t.Error("Commit without a step")
	}
	if !s.ResetPrefixCache() || s.CachedBlocks() != 0 {
		t.Error("the cache of an idle engine was not reset")
	}
}

// Salt and adapter keep equal prompts apart.
func TestSalt(t *testing.T) {
	c := DefaultConfig()
	c.BlockSize = 4
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	rs := []*Request{req("a", 9, 1), req("b", 9, 1), req("c", 9, 1), req("d", 9, 1)}
	rs[1].Salt, rs[2].Adapter, rs[3].Adapter = 7, "x", "x"
	for _, r := range rs {
		if err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]int{0, 0, 0, 8}, s.Schedule().Hits); diff != "" {
		t.Errorf("hits (-want +got):\n%s", diff)
	}
}

// A step in which requests only generate allocates nothing.
func TestNoAllocations(t *testing.T) {
	c := DefaultConfig()
	c.Blocks, c.MaxModelLen = 40000, 4096
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.MaxSeqs {
		r := req(fmt.Sprint(i), 30, 2000)
		r.Prompt[0], r.Output = i, make([]int, 0, 2000)
		if err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	m := &sayer{}
	for range 300 { // the lists of blocks and hashes reach their size
		s.Schedule()
		s.Commit(m)
	}
	if n := testing.AllocsPerRun(15, func() { s.Schedule(); s.Commit(m) }); n > 0 {
		t.Errorf("%g allocations a step", n)
	}
}
