package sched

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A job is a request with what should become of it.
type job struct {
	req   *Request
	step  int // arrival
	ends  int // output token, from 1, with which the sampler ends it; 0 for none
	abort int // step; -1 for never
	left  int // step in which it left the engine
}

// want is the number of output tokens that a job should end with, and why.
func (j *job) want(c Config) (int, Finish) {
	n := min(j.req.MaxOutput, c.MaxModelLen-len(j.req.Prompt))
	if j.ends > j.req.MinOutput && j.ends <= n {
		return j.ends, Stopped
	}
	return n, Length
}

// A world is an engine with its jobs; it is the sampler too.
type world struct {
	t     *rapid.T
	c     Config
	s     *Scheduler
	jobs  []*job
	of    map[*Request]*job
	reset map[int]bool // step → running requests too
}

func word(r *Request, at int) int { return (at*7919 + len(r.ID)*31 + r.Priority) % 97 }

func (w *world) Accept(r *Request, drafts int) int {
	return (len(r.Output)*5 + len(r.Prompt)) % (drafts + 1)
}

func (w *world) Sample(r *Request) (int, bool) {
	return word(r, len(r.Prompt)+len(r.Output)), len(r.Output)+1 == w.of[r].ends
}

func drawConfig(t *rapid.T) Config {
	draw := func(name string, from, to int) int { return rapid.IntRange(from, to).Draw(t, name) }
	yes := func(name string) bool { return rapid.Bool().Draw(t, name) }
	length := draw("model length", 2, 80)
	c := Config{BlockSize: draw("block", 1, 9), MaxSeqs: draw("seqs", 1, 6), MaxModelLen: length, MaxAdapters: draw("adapters", 0, 2)}
	if draw("profile", 0, 4) == 0 {
		c.Profile = V02024
		c.MaxBatchedTokens = max(length, c.MaxSeqs) + draw("budget", 0, 50)
	} else {
		c.PrefixCaching, c.ChunkedPrefill, c.ReserveFullPrompt = yes("caching"), yes("chunked"), yes("reserve")
		c.Policy = Policy(draw("policy", 0, 1))
		c.LongPrefillThreshold = draw("threshold", 0, min(20, length))
		c.LongPrefillAdaptive, c.Async = yes("adaptive"), yes("async")
		c.Drafts = draw("drafts", 0, 3)
		c.DraftHead = c.Drafts > 0 && yes("head")
		c.Watermark = rapid.SampledFrom([]float64{0, 0, 0.1, 0.4}).Draw(t, "watermark")
		c.MaxBatchedTokens = max(c.MaxSeqs, c.Drafts+1, draw("budget", 1, 60))
		if !c.ChunkedPrefill {
			c.MaxBatchedTokens = max(c.MaxBatchedTokens, length)
		}
	}
	c.Blocks = 2 + (length+c.BlockSize-1)/c.BlockSize + draw("more blocks", 0, 20)
	return c
}

func drawJobs(t *rapid.T, c Config) []*job {
	var out []*job
	step := 0
	for i := range rapid.IntRange(1, 14).Draw(t, "jobs") {
		step += rapid.IntRange(0, 4).Draw(t, "gap")
		n := rapid.IntRange(1, c.MaxModelLen-1).Draw(t, "prompt")
		own := rapid.IntRange(0, n).Draw(t, "own part")
		p := make([]int, n)
		for k := range p {
			p[k] = k
			if k >= n-own {
				p[k] = k + 1000*rapid.IntRange(0, 2).Draw(t, "word")
			}
		}
		r := &Request{
			ID: fmt.Sprintf("r%d", i), Prompt: p, MaxOutput: rapid.IntRange(1, 40).Draw(t, "output"),
			MinOutput: rapid.SampledFrom([]int{0, 0, 3}).Draw(t, "least"), Priority: rapid.IntRange(0, 2).Draw(t, "priority"),
			Arrival: float64(step) + float64(i)/100, // two equal ones may preempt each other for ever, as in vLLM
			Salt:    uint64(rapid.IntRange(0, 1).Draw(t, "salt")),
		}
		if c.MaxAdapters > 0 {
			r.Adapter = rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "adapter")
		}
		j := &job{req: r, step: step, abort: -1, ends: max(0, rapid.IntRange(-20, 40).Draw(t, "ends"))}
		if rapid.IntRange(0, 5).Draw(t, "aborted") == 0 {
			j.abort = step + rapid.IntRange(0, 20).Draw(t, "abort")
		}
		out = append(out, j)
	}
	return out
}

// play runs all jobs to their ends and returns a line for each step.
func (w *world) play() []string {
	var log []string
	present, total, added := 0, 0, 0
	for step := 0; added < len(w.jobs) || w.s.Busy(); step++ {
		if step > 20000 {
			w.t.Fatalf("no end after %d steps", step)
		}
		for ; added < len(w.jobs) && w.jobs[added].step <= step; added++ {
			j := w.jobs[added]
			err := w.s.Add(j.req)
			if err != nil {
				w.t.Fatalf("%v", err)
			}
			j.left = -1
			present++
		}
		for _, j := range w.jobs[:added] {
			if j.abort == step && j.left < 0 {
				w.s.Abort(j.req)
				j.left = step
				present--
			}
		}
		if running, ok := w.reset[step]; ok && !running {
			w.s.ResetPrefixCache()
		} else if ok && !w.s.ResetRunning() {
			w.t.Fatal("blocks in use although nothing runs")
		}
		st := w.s.Schedule()
		w.checkStep(st)
		total += present
		done := w.s.Commit(w)
		for _, r := range done {
			w.of[r].left = step + 1
			present--
		}
		log = append(log, fmt.Sprintf("%d %v %d %d %v", len(st.Shares), st.Hits, len(st.Preempted), w.s.Free(), len(done)))
		w.checkBlocks()
	}
	spent := 0
	for _, j := range w.jobs { // Little's law: requests present, summed over time, are times summed over requests
		spent += j.left - j.step
	}
	if spent != total {
		w.t.Errorf("requests were present for %d steps and counted for %d", spent, total)
	}
	return log
}

// checkStep: no step is larger than its limits.
func (w *world) checkStep(st *Step) {
	tokens, adapters := 0, map[string]bool{}
	for i, sh := range st.Shares {
		tokens += sh.Tokens
		if sh.Tokens < 1 || sh.Drafts < 0 || sh.Drafts >= sh.Tokens && sh.Drafts > 0 {
			w.t.Errorf("a share of %d tokens with %d drafts", sh.Tokens, sh.Drafts)
		}
		if sh.Context+sh.Tokens > w.c.MaxModelLen {
			w.t.Errorf("%d tokens of at most %d", sh.Context+sh.Tokens, w.c.MaxModelLen)
		}
		if a := sh.Request.Adapter; a != "" {
			adapters[a] = true
		}
		for _, other := range st.Shares[:i] {
			if other.Request == sh.Request {
				w.t.Errorf("%s has two shares of a step", sh.Request.ID)
			}
		}
	}
	if tokens > w.c.MaxBatchedTokens {
		w.t.Errorf("%d tokens of at most %d", tokens, w.c.MaxBatchedTokens)
	}
	if len(st.Shares) > w.c.MaxSeqs || len(w.s.Running()) > w.c.MaxSeqs {
		w.t.Errorf("%d shares, %d running of at most %d", len(st.Shares), len(w.s.Running()), w.c.MaxSeqs)
	}
	if w.c.MaxAdapters > 0 && len(adapters) > w.c.MaxAdapters {
		w.t.Errorf("%d adapters of at most %d", len(adapters), w.c.MaxAdapters)
	}
	aside := 0
	for _, r := range w.s.Waiting() {
		if r.aside {
			aside++
		}
	}
	if _, waiting, deferred := w.s.Counts(); deferred != aside || deferred > waiting {
		w.t.Errorf("%d of %d waiting requests are set aside, counted %d", aside, waiting, deferred)
	}
	if len(st.Hits) != len(st.New)+len(st.Resumed) {
		w.t.Errorf("%d hits of %d admissions", len(st.Hits), len(st.New)+len(st.Resumed))
	}
	if w.c.Profile == V02024 && len(st.New)+len(st.Resumed) > 0 && len(st.Shares) != len(st.New)+len(st.Resumed) {
		w.t.Error("prompts and decodes in one step")
	}
}

// checkBlocks: each block is free or has as many users as tables hold it; the
// cache holds what the blocks say.
func (w *world) checkBlocks() {
	p := w.s.pool
	users := make([]int32, p.n)
	for _, r := range w.s.running {
		seen := map[int32]bool{}
		for _, b := range r.blocks {
			if b == 0 || seen[b] {
				w.t.Errorf("%s holds block %d twice, or the null block: %v", r.ID, b, r.blocks)
			}
			seen[b] = true
			users[b]++
		}
		if have := len(r.blocks) * w.c.BlockSize; have < r.Computed {
			w.t.Errorf("%s has computed %d tokens in %d slots", r.ID, r.Computed, have)
		}
	}
	if !slices.Equal(users, p.users) {
		w.t.Errorf("users of blocks: got %v, want %v", p.users, users)
	}
	free := 0
	for b := p.next[0]; b != 0; b = p.next[b] {
		if free++; users[b] != 0 || p.prev[p.next[b]] != b || free > p.n {
			w.t.Fatalf("the free list is broken at block %d", b)
		}
	}
	if idle := p.n - 1 - len(slices.DeleteFunc(users[1:], func(n int32) bool { return n == 0 })); free != p.free || free != idle {
		w.t.Errorf("free blocks: %d in the list, %d counted, %d unused", free, p.free, idle)
	}
	if !p.caching {
		return
	}
	hashes := map[uint64]bool{}
	for b := int32(1); int(b) < p.n; b++ {
		if p.same[b] == 0 {
			continue
		}
		hashes[p.hash[b]] = true
		if first := p.find(p.hash[b]); first == 0 || p.hash[first] != p.hash[b] || p.back[p.same[b]] != b {
			w.t.Errorf("block %d is not found by its hash", b)
		}
	}
	if len(hashes) != p.count {
		w.t.Errorf("%d different hashes, counted %d", len(hashes), p.count)
	}
}

// checkEnd: nobody lost a token, nothing is held.
func (w *world) checkEnd() {
	for _, j := range w.jobs {
		n, why := j.want(w.c)
		r := j.req
		if r.Finish == Aborted && j.abort >= 0 {
			n, why = len(r.Output), Aborted
		}
		if r.Finish != why || len(r.Output) != n {
			w.t.Errorf("%s: ended %d with %d tokens, want %d with %d", r.ID, r.Finish, len(r.Output), why, n)
		}
		for i, got := range r.Output {
			if want := word(r, len(r.Prompt)+i); got != want {
				w.t.Errorf("%s: output token %d is %d, want %d", r.ID, i, got, want)
			}
		}
	}
	if got, want := w.s.Free(), w.c.Blocks-1; got != want || w.s.Usage() != 0 {
		w.t.Errorf("free blocks at the end: got %d, want %d; usage %g", got, want, w.s.Usage())
	}
}

func newWorld(t *rapid.T, c Config, jobs []*job, reset map[int]bool) *world {
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, c: c, s: s, of: map[*Request]*job{}, reset: reset}
	for _, j := range jobs {
		r := &Request{}
		*r = *j.req
		w.jobs = append(w.jobs, &job{req: r, step: j.step, ends: j.ends, abort: j.abort})
		w.of[r] = w.jobs[len(w.jobs)-1]
	}
	return w
}

// Whatever the settings and the load: limits hold in every step, blocks are
// owned once and given back, every request gets the tokens it asked for, and
// the same load gives the same steps.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		jobs := drawJobs(t, c)
		jobs = slices.DeleteFunc(jobs, func(j *job) bool { s, _ := New(c); return s.mostBlocks(j.req) > s.usable() })
		reset := map[int]bool{}
		if rapid.IntRange(0, 3).Draw(t, "resets") == 0 {
			reset[rapid.IntRange(0, 40).Draw(t, "reset")] = rapid.Bool().Draw(t, "reset running")
		}
		a, b := newWorld(t, c, jobs, reset), newWorld(t, c, jobs, reset)
		first := a.play()
		a.checkEnd()
		if diff := cmp.Diff(first, b.play()); diff != "" {
			t.Errorf("the same load twice (-first +second):\n%s", diff)
		}
	})
}

// The prefix cache says a block is there only where its tokens are.
func TestHitsHoldTheirTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		c.Profile, c.PrefixCaching, c.Policy, c.Drafts, c.DraftHead, c.Async = V1, true, FCFS, 0, false, false
		jobs := slices.DeleteFunc(drawJobs(t, c), func(j *job) bool { s, _ := New(c); return s.mostBlocks(j.req) > s.usable() })
		w := newWorld(t, c, jobs, nil)
		memory := make([][]int, c.Blocks)
		for i := range memory {
			memory[i] = make([]int, c.BlockSize)
		}
		at := func(r *Request, i int) int {
			if i < len(r.Prompt) {
				return r.Prompt[i]
			}
			return r.Output[i-len(r.Prompt)]
		}
		added := 0
		for step := 0; added < len(w.jobs) || w.s.Busy(); step++ {
			for ; added < len(w.jobs) && w.jobs[added].step <= step; added++ {
				if err := w.s.Add(w.jobs[added].req); err != nil {
					t.Fatal(err)
				}
			}
			for _, sh := range w.s.Schedule().Shares {
				table := w.s.Blocks(sh.Request)
				for i := range sh.Context {
					if got, want := memory[table[i/c.BlockSize]][i%c.BlockSize], at(sh.Request, i); got != want {
						t.Fatalf("%s: slot %d holds token %d, want %d", sh.Request.ID, i, got, want)
					}
				}
				for i := sh.Context; i < sh.Context+sh.Tokens; i++ {
					memory[table[i/c.BlockSize]][i%c.BlockSize] = at(sh.Request, i)
				}
			}
			w.s.Commit(w)
		}
	})
}
