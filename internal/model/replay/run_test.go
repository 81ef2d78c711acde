package replay

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/sched"
	"tokmeter/internal/model/setup"
)

func build(t testing.TB, s setup.Setup) *setup.Built {
	t.Helper()
	if s.Model == "" {
		s.Model = "llama-3-8b"
	}
	if s.GPU == "" {
		s.GPU = "a10g"
	}
	b, err := s.Build()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func replayed(t interface {
	Helper()
	Fatal(...any)
}, b *setup.Built, a []Arrival, o Options) *Result {
	t.Helper()
	r, err := Run(b, a, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// anySetup draws an engine with few blocks, so that it preempts.
func anySetup(t *rapid.T) setup.Setup {
	s := setup.Setup{Model: "llama-3-8b", GPU: "a10g", Blocks: rapid.IntRange(40, 400).Draw(t, "blocks")}
	s.Constants = rapid.SampledFrom([]roofline.Constants{roofline.Measured, roofline.Datasheet, roofline.Ideal}).Draw(t, "constants")
	s.MaxModelLen = 512
	if rapid.Bool().Draw(t, "v0") {
		s.Engine = setup.EngineV02024
		s.Blocks += 20
		return s
	}
	async := rapid.Bool().Draw(t, "async")
	s.Async = &async
	s.MaxSeqs = rapid.IntRange(1, 40).Draw(t, "seqs")
	s.MaxBatchedTokens = rapid.IntRange(64, 600).Draw(t, "tokens")
	s.Policy = rapid.SampledFrom([]string{"fcfs", "priority"}).Draw(t, "policy")
	if !async && rapid.Bool().Draw(t, "drafts") {
		s.Acceptance = []float64{0.8, 0.5}
	}
	return s
}

// anyLoad draws requests that fit every engine of anySetup.
func anyLoad(t *rapid.T) []Arrival {
	load := make([]Arrival, rapid.IntRange(1, 60).Draw(t, "requests"))
	spread := rapid.SampledFrom([]float64{0, 1, 30}).Draw(t, "spread")
	for i := range load {
		load[i] = Arrival{
			ID: fmt.Sprint(i), At: spread * rapid.Float64Range(0, 1).Draw(t, "at"), Prompt: rapid.IntRange(1, 300).Draw(t, "prompt"),
			Output: rapid.IntRange(1, 120).Draw(t, "output"), Priority: rapid.IntRange(0, 2).Draw(t, "priority"),
		}
	}
	return load
}

// Whatever the engine: every token asked for is made, times are in order, each
// request's tokens are computed once and again only after preemptions, and the
// time that requests spend in the engine is what its counts add up to (Little).
func TestConservation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, err := anySetup(t).Build()
		if err != nil {
			t.Fatal(err)
		}
		load := anyLoad(t)
		type change struct {
			at float64
			by int
		}
		var changes []change
		last, busy := 0.0, 0.0
		r, err := Run(b, load, Options{Seed: 1, Each: func(s Step) {
			if s.Start < last || !(s.End > s.Start) || len(s.Seqs) != len(s.Decision.Shares) {
				t.Fatalf("step from %v to %v with %d of %d sequences, after %v", s.Start, s.End, len(s.Seqs), len(s.Decision.Shares), last)
			}
			if n := s.Running; n > b.Sched.MaxSeqs {
				t.Fatalf("%d requests run, at most %d may", n, b.Sched.MaxSeqs)
			}
			tokens := 0
			for _, q := range s.Seqs {
				tokens += q.Tokens
			}
			if tokens > b.Sched.MaxBatchedTokens {
				t.Fatalf("%d tokens in a step of at most %d", tokens, b.Sched.MaxBatchedTokens)
			}
			last, busy = s.End, busy+s.End-s.Start
		}})
		if err != nil {
			t.Fatal(err)
		}
		least, preempted, sojourn := 0, 0, 0.0
		for i, x := range r.Timings {
			a := load[i]
			if x.ID != a.ID || x.Prompt != a.Prompt || x.Output != a.Output || x.Arrived != a.At {
				t.Fatalf("request %+v came out as %+v", a, x)
			}
			if !(x.Arrived <= x.Queued && x.Queued <= x.Scheduled && x.Scheduled < x.First && x.First <= x.Last) {
				t.Fatalf("times are out of order: %+v", x)
			}
			if x.Output > 1 != (x.Last > x.First) && b.Setup.Acceptance == nil {
				t.Fatalf("%d tokens between %v and %v", x.Output, x.First, x.Last)
			}
			least += a.Prompt + a.Output - 1 - x.Cached
			preempted += x.Preemptions
			sojourn += x.Last - x.Queued
			changes = append(changes, change{x.Queued, 1}, change{x.Last, -1})
		}
		slices.SortFunc(changes, func(x, y change) int {
			switch {
			case x.at < y.at:
				return -1
			case x.at > y.at:
				return 1
			}
			return y.by - x.by
		})
		area, n := 0.0, 0
		for i, c := range changes {
			if i > 0 {
				area += float64(n) * (c.at - changes[i-1].at)
			}
			n += c.by
		}
		if math.Abs(area-sojourn) > 1e-6*(1+sojourn) {
			t.Fatalf("requests spend %v s, their number adds up to %v", sojourn, area)
		}
		if math.Abs(busy-r.Busy) > 1e-9*(1+busy) || r.Busy > r.Duration+1e-9 && load[0].At == 0 && b.Frontend == 0 {
			t.Fatalf("busy %v s of %v, steps add up to %v", r.Busy, r.Duration, busy)
		}
		if r.Preemptions != preempted {
			t.Fatalf("steps preempt %d, requests %d", r.Preemptions, preempted)
		}
		if b.Setup.Acceptance == nil && (r.Computed < least || preempted == 0 && r.Computed != least) {
			t.Fatalf("%d tokens computed, %d are needed, %d preemptions", r.Computed, least, preempted)
		}
	})
}

// The same input gives the same result, in whatever order the file has it.
func TestDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, err := anySetup(t).Build()
		if err != nil {
			t.Fatal(err)
		}
		load := anyLoad(t)
		for i := range load {
			load[i].At += float64(i) * 1e-6 // no two at once
		}
		one, err := Run(b, load, Options{Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		two, err := Run(b, load, Options{Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(one, two); d != "" {
			t.Fatalf("two runs differ:\n%s", d)
		}
		turned := slices.Clone(load)
		slices.Reverse(turned)
		three, err := Run(b, turned, Options{Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(three.Timings)
		if d := cmp.Diff(one, three); d != "" {
			t.Fatalf("the order of the file counts:\n%s", d)
		}
	})
}

// One request alone takes the steps that its tokens need, one after the other.
func TestAlone(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		why   string
		s     setup.Setup
		steps int
	}{
		{"synchronous", setup.Setup{Async: &no}, 10},
		{"asynchronous: nobody else is there to wait for", setup.Setup{Async: &yes}, 10},
		{"a prompt in two chunks", setup.Setup{Async: &no, MaxBatchedTokens: 60, MaxSeqs: 8}, 11},
		{"mid-2024", setup.Setup{Engine: setup.EngineV02024}, 10},
		{"the speed of light", setup.Setup{Constants: roofline.Ideal}, 10},
	} {
		b := build(t, c.s)
		sum := 0.0
		r := replayed(t, b, []Arrival{{ID: "a", At: 4, Prompt: 100, Output: 10}}, Options{Each: func(s Step) { sum += s.Cost.Total }})
		want := []Timing{{ID: "a", Arrived: 4, Queued: 4 + b.FrontendOf(100), Scheduled: 4 + b.FrontendOf(100), First: r.Timings[0].First, Last: 4 + b.FrontendOf(100) + sum, Prompt: 100, Output: 10}}
		if d := cmp.Diff(want, r.Timings, cmpopts.EquateApprox(0, 1e-9)); d != "" {
			t.Errorf("%s: -want +got\n%s", c.why, d)
		}
		if r.Steps != c.steps {
			t.Errorf("%s: %d steps, want %d", c.why, r.Steps, c.steps)
		}
	}
}

// With asynchronous scheduling a request that comes during step N is first
// computed in step N+2, as the stamps of the measured trace show; else in N+1.
func TestAsyncWaitsAStep(t *testing.T) {
	for _, async := range []bool{false, true} {
		b := build(t, setup.Setup{Async: &async})
		var ends []float64
		r := replayed(t, b, []Arrival{{ID: "a", Prompt: 100, Output: 50}, {ID: "b", At: 0.5, Prompt: 100, Output: 5}},
			Options{Each: func(s Step) { ends = append(ends, s.End) }})
		queued, _ := slices.BinarySearch(ends, r.Timings[1].Queued)
		first, _ := slices.BinarySearch(ends, r.Timings[1].First)
		want := 1
		if async {
			want = 2
		}
		if first-queued != want {
			t.Errorf("async %v: the first token comes %d steps after the queue, want %d", async, first-queued, want)
		}
	}
}

// Prompts of which nothing is known share nothing; those that are known do, in
// blocks of 16, with at least one token left to compute.
func TestPrefixHits(t *testing.T) {
	b := build(t, setup.Setup{})
	long := make([]int, 64)
	for i := range long {
		long[i] = i
	}
	for _, c := range []struct {
		why  string
		a    Arrival
		want int
	}{
		{"unknown", Arrival{Prompt: 64}, 0},
		{"equal tokens", Arrival{Prompt: 64, Tokens: long}, 48},
		{"equal stretches", Arrival{Prompt: 64, Hashes: []uint64{5, 6}, HashTokens: 32}, 48},
		{"stretches of which the last has no name", Arrival{Prompt: 64, Hashes: []uint64{5}, HashTokens: 32}, 32},
	} {
		one, two := c.a, c.a
		one.ID, one.Output, two.ID, two.Output, two.At = "1", 3, "2", 3, 100
		r := replayed(t, b, []Arrival{one, two}, Options{})
		if got := r.Timings[1].Cached; got != c.want {
			t.Errorf("%s: %d tokens from the cache, want %d", c.why, got, c.want)
		}
		if r.Timings[0].Cached != 0 || r.Prefix.Hits != c.want {
			t.Errorf("%s: the first request hit %d, all hits are %d", c.why, r.Timings[0].Cached, r.Prefix.Hits)
		}
	}
}

// A request that the engine can never serve is named.
func TestTooLong(t *testing.T) {
	b := build(t, setup.Setup{Blocks: 11})
	for _, a := range []Arrival{{ID: "odd", Prompt: 161, Output: 1}, {ID: "odd", Prompt: 1000, Output: 1}} {
		_, err := Run(b, []Arrival{{ID: "ok", Prompt: 5, Output: 5}, a}, Options{})
		if !errors.Is(err, sched.ErrTooLong) || !strings.Contains(err.Error(), `"odd"`) {
			t.Errorf("%+v: got %v, want it named as too long", a, err)
		}
	}
	if _, err := Run(b, []Arrival{{ID: "x", At: math.NaN(), Prompt: 5, Output: 5}}, Options{}); err == nil {
		t.Error("an arrival at no time was taken")
	}
	if _, err := Run(b, []Arrival{{ID: "x", Prompt: 0, Output: 5}}, Options{}); err == nil {
		t.Error("an empty prompt was taken")
	}
	if r := replayed(t, b, nil, Options{}); len(r.Timings) != 0 || r.Duration != 0 {
		t.Errorf("no requests give %+v", r)
	}
}

// Accepted drafts shorten answers as their chances say.
func TestDrafts(t *testing.T) {
	load := []Arrival{{ID: "a", Prompt: 10, Output: 2000}}
	plain := replayed(t, build(t, setup.Setup{}), load, Options{})
	all := replayed(t, build(t, setup.Setup{Acceptance: []float64{1, 1}}), load, Options{})
	some := replayed(t, build(t, setup.Setup{Acceptance: []float64{0.5, 0.5}}), load, Options{Seed: 5})
	if plain.Steps != 2000 || all.Steps > 670 {
		t.Errorf("%d steps without drafts, %d with two that are always right; want 2000 and about 667", plain.Steps, all.Steps)
	}
	if perStep := 2000 / float64(some.Steps); math.Abs(perStep-1.75) > 0.1 {
		t.Errorf("%.2f tokens a step, want 1 + 0.5 + 0.25", perStep)
	}
}

// manyRequests is a load that keeps an H100-like engine busy.
func manyRequests(n int) []Arrival {
	rng := rand.New(rand.NewPCG(1, 2))
	load := make([]Arrival, n)
	at := 0.0
	for i := range load {
		at += rng.ExpFloat64() / 20
		load[i] = Arrival{ID: "x", At: at, Prompt: 50 + rng.IntN(400), Output: 20 + rng.IntN(200)}
	}
	return load
}

func BenchmarkRun(b *testing.B) {
	e := build(b, setup.Setup{GPU: "rtx4090"})
	load := manyRequests(20000)
	b.ReportAllocs()
	steps, n := 0, 0
	for b.Loop() {
		steps = replayed(b, e, load, Options{}).Steps
		n++
	}
	b.ReportMetric(float64(len(load)*n)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(steps*n)/b.Elapsed().Seconds(), "steps/s")
}
