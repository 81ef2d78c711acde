package experiment

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/compare"
	"tokmeter/internal/plan"
)

// TestOrder: A B C, C B A, A B C; the engine of the variant that ends one round
// and begins the next stays up, and never are two up.
func TestOrder(t *testing.T) {
	w := newWorld()
	s := named("a", "b", "c")
	s.Rounds = 3
	r := mustRun(t, s, w.deps(&memory{}))
	want := "start a; measure a 0 r1; stop a; start b; measure b 0 r1; stop b; start c; measure c 0 r1; " +
		"measure c 1 r1 [n1] ; stop c; start b; measure b 1 r1 [n1] ; stop b; start a; measure a 1 r1 [n1] ; " +
		"measure a 2 r1 [n2] ; stop a; start b; measure b 2 r1 [n2] ; stop b; start c; measure c 2 r1 [n2] ; stop c"
	if got := w.said(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if w.most != 1 {
		t.Errorf("%d engines were up at once, want 1", w.most)
	}
	if len(r.Runs) != 9 || !r.Complete || len(r.Notes) != 0 {
		t.Errorf("got %d runs, complete %v, notes %q; want 9, true, none", len(r.Runs), r.Complete, r.Notes)
	}
	for i, v := range r.Variants {
		if want := (VariantResult{Name: s.Variants[i].Name, Facts: Facts{Version: "1", Card: "c"}, Prompts: "h"}); !cmp.Equal(v, want) {
			t.Errorf("got %+v, want %+v", v, want)
		}
	}
}

// TestLoads: the rate, then the numbers under way, and backwards in the second
// round; each has prompts of its own, the same for all variants.
func TestLoads(t *testing.T) {
	w := newWorld()
	s := named("a")
	s.Rounds, s.Loads = 2, []compare.Load{{Rate: 1}, {Concurrency: 1}, {Concurrency: 8}}
	mustRun(t, s, w.deps(&memory{}))
	want := "start a; measure a 0 r1; measure a 0 c1 [n1] ; measure a 0 c8 [n2] ; measure a 1 c8 [n5] ; measure a 1 c1 [n4] ; measure a 1 r1 [n3] ; stop a"
	if got := w.said(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestCaches: what keeps prompts out of caches.
func TestCaches(t *testing.T) {
	tests := []struct {
		reason string
		change func(*Spec)
		want   string
	}{
		{"a server that ran before gets salted prompts from the start", func(s *Spec) {
			s.Variants[0].Known = true
		}, "measure a 0 r1 [n0] ; measure a 1 r1 [n1] "},
		{"a cache that is emptied needs no salt", func(s *Spec) { s.Cache = CacheReset }, "reset a; measure a 0 r1; reset a; measure a 1 r1"},
		{"a cache that is kept is left alone", func(s *Spec) { s.Cache = CacheKeep }, "measure a 0 r1; measure a 1 r1"},
	}
	for _, tt := range tests {
		w := newWorld()
		s := named("a")
		s.Rounds = 2
		tt.change(&s)
		mustRun(t, s, w.deps(&memory{}))
		if got := w.said("start", "stop"); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want)
		}
	}
}

// TestFailures: one variant's failure leaves the others' results, and one
// round's the other rounds'.
func TestFailures(t *testing.T) {
	tests := []struct {
		reason string
		world  func(*world)
		change func(*Spec)
		runs   string // by variant
		fail   map[string]string
		notes  []string
		starts int
	}{
		{"an engine that does not start is not tried again", func(w *world) { w.badStart = map[string]bool{"b": true} }, nil,
			"aaaa cccc", map[string]string{"b": "out of memory …"}, nil, 5},
		{"a round that fails is one run less, and the next has a fresh engine", func(w *world) {
			w.badRun = func(j Job) bool { return j.Variant.Name == "c" && j.Round == 0 }
		}, nil, "aaaa bbbb ccc", nil, []string{"c: round 1 at 1 request/s: connection refused"}, 9 + 1},
		{"an engine that ends on the way leaves no result of that run", func(w *world) {
			w.dies = func(j Job) bool { return j.Variant.Name == "c" && j.Round == 0 }
		}, nil, "aaaa bbbb ccc", nil, []string{"c: round 1 at 1 request/s: its engine ended during the run: out of memory"}, 9 + 1},
		{"an engine that ended is named, not the connections that it refuses", func(w *world) {
			w.dies = func(j Job) bool { return j.Kind == Measure && j.Variant.Name == "c" && j.Round == 0 }
			w.badRun = w.dies
		}, nil, "aaaa bbbb ccc", nil, []string{"c: round 1 at 1 request/s: its engine ended during the run: out of memory"}, 9 + 1},
		{"an engine that ends in its warm-up is given up", func(w *world) {
			w.dies = func(j Job) bool { return j.Kind == Warm && j.Variant.Name == "b" }
			w.badRun = w.dies
		}, func(s *Spec) { s.Warm = WarmRule{Most: 2, Batch: 2, Within: 0.1} },
			"aaaa cccc", map[string]string{"b": "its engine ended during the warm-up: out of memory"}, nil, 6},
		{"an engine whose end fails the requests of its warm-up is given up at once", func(w *world) {
			w.dies = func(j Job) bool { return j.Kind == Warm && j.Variant.Name == "b" }
			w.silent = w.dies
		}, func(s *Spec) { s.Warm = WarmRule{Most: 2, Batch: 2, Within: 0.1} },
			"aaaa cccc", map[string]string{"b": "its engine ended during the warm-up: out of memory"}, nil, 6},
		{"a run without a good request is none", func(w *world) {
			w.silent = func(j Job) bool { return j.Variant.Name == "b" && j.Round == 1 }
		}, nil, "aaaa bbb cccc", nil, []string{"b: round 2 at 1 request/s: none of its 2 requests succeeded"}, 9},
		{"two in a row are the end of it", func(w *world) {
			w.badRun = func(j Job) bool { return j.Variant.Name == "a" && j.Round > 0 }
		}, nil, "a bbbb cccc", nil, []string{"a: round 2 at 1 request/s: connection refused", "a: round 3 at 1 request/s: connection refused", "a: given up: two runs failed one after the other"}, 9},
		{"no run at all is a failure", func(w *world) { w.badRun = func(j Job) bool { return j.Variant.Name == "a" } }, nil,
			"bbbb cccc", map[string]string{"a": "connection refused"}, nil, -1},
		{"a cache that can't be emptied", func(w *world) { w.badReset = true }, func(s *Spec) { s.Cache = CacheReset },
			"", map[string]string{"a": "the prefix cache can't be reset (take cache: salt): 404", "b": "the prefix cache can't be reset (take cache: salt): 404", "c": "the prefix cache can't be reset (take cache: salt): 404"}, nil, -1},
		{"answers that fail leave the times", func(w *world) { w.badAsk = map[string]bool{"b": true} }, func(s *Spec) { s.Answers = 3 },
			"aaaa bbbb cccc", nil, []string{"b: no answers for drift: no answers"}, 9},
		{"another version after a restart", func(w *world) { w.version = func(n int) string { return fmt.Sprint(1 + n/9) } }, nil,
			"aaaa bbbb cccc", nil, nil, 9},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			w := newWorld()
			tt.world(w)
			s := named("a", "b", "c")
			s.Rounds = 4
			if tt.change != nil {
				tt.change(&s)
			}
			r := mustRun(t, s, w.deps(&memory{}))
			var runs []string
			for _, x := range []string{"a", "b", "c"} {
				n := 0
				for _, run := range r.Runs {
					if run.Variant == x {
						n++
					}
				}
				if n > 0 {
					runs = append(runs, strings.Repeat(x, n))
				}
			}
			if got := strings.Join(runs, " "); got != tt.runs {
				t.Errorf("got runs %q, want %q", got, tt.runs)
			}
			for _, v := range r.Variants {
				if v.Failure != tt.fail[v.Name] {
					t.Errorf("%s: failure %q, want %q", v.Name, v.Failure, tt.fail[v.Name])
				}
			}
			if tt.notes != nil && !cmp.Equal(r.Notes, tt.notes) {
				t.Errorf("got notes %q, want %q", r.Notes, tt.notes)
			}
			if tt.starts >= 0 && w.starts != tt.starts {
				t.Errorf("got %d starts, want %d: %s", w.starts, tt.starts, w.said())
			}
			if w.version != nil && !strings.Contains(fmt.Sprint(r.Runs[len(r.Runs)-3].Warnings), `server's version was "1" at the first start and is "2"`) {
				t.Errorf("got warnings %q, want the other version", r.Runs[len(r.Runs)-3].Warnings)
			}
			for name, n := range w.up {
				if n != 0 {
					t.Errorf("%d engines of %s are left", n, name)
				}
			}
		})
	}
}

// TestStopFails: an engine that can't be stopped would be measured beside the
// next one, so nothing follows.
func TestStopFails(t *testing.T) {
	w := newWorld()
	w.badStop = map[string]bool{"a": true}
	r, err := Run(context.Background(), named("a", "b"), w.deps(&memory{}))
	if err == nil || !strings.Contains(err.Error(), `variant "a": its engine could not be stopped`) {
		t.Fatalf("got %v, want that the engine could not be stopped", err)
	}
	if len(r.Runs) != 1 || r.Complete {
		t.Errorf("got %d runs, complete %v; want the first variant's", len(r.Runs), r.Complete)
	}
}

func TestAnswers(t *testing.T) {
	w := newWorld()
	s := named("a", "b")
	s.Rounds, s.Answers = 2, 5
	r := mustRun(t, s, w.deps(&memory{}))
	want := "start a; measure a 0 r1; ask a; stop a; start b; measure b 0 r1; ask b; measure b 1 r1 [n1] ; stop b; start a; measure a 1 r1 [n1] ; stop a"
	if got := w.said(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if a, b := r.Variants[0].Answers, r.Variants[1].Answers; a != "a-5" || b != "b-5" {
		t.Errorf("got answers at %q and %q, want where each was told to be", a, b)
	}
}

// TestWarm: the rule, by the times of the batches.
func TestWarm(t *testing.T) {
	tests := []struct {
		reason  string
		times   []float64
		batches int
		warns   bool
	}{
		{"two in a row are alike", []float64{100, 50, 20, 19}, 4, false},
		{"at once", []float64{20, 20}, 2, false},
		{"never", []float64{100, 50, 20, 10, 5, 2.5, 1}, 6, true},
		{"just outside of 10 %", []float64{110, 100, 110, 100, 110, 100}, 6, true},
	}
	for _, tt := range tests {
		w := newWorld()
		w.warm = func(j Job) float64 { return tt.times[j.Number] }
		s := named("a")
		s.Warm = WarmRule{}
		r := mustRun(t, s, w.deps(&memory{}))
		if got := strings.Count(w.said(), "warm-up a 0 c8"); got != tt.batches {
			t.Errorf("%s: %d batches, want %d: %s", tt.reason, got, tt.batches, w.said())
		}
		if got := len(r.Runs[0].Warnings) > 0; got != tt.warns {
			t.Errorf("%s: warnings %q, want some: %v", tt.reason, r.Runs[0].Warnings, tt.warns)
		}
	}
}

func TestSearchTurns(t *testing.T) {
	w := newWorld()
	s := named("a", "b")
	s.Goals = []plan.SLO{{Metric: "ttft", Percentile: 99, Limit: 500}}
	r := mustRun(t, s, w.deps(&memory{}))
	for i, name := range []string{"a", "b"} {
		h := r.Held[i]
		if h.Variant != name || !h.Complete || h.Rate > 10 || h.Rate < 10/1.05 || h.Above <= 10 {
			t.Errorf("got %+v, want a rate just below 10", h)
		}
	}
	// The pass after the last round goes the other way: b stays up.
	if w.starts != 3 {
		t.Errorf("got %d starts, want 3", w.starts)
	}
	// Where no request succeeds, the rate does not hold; that is no failure.
	w = newWorld()
	w.silent = func(j Job) bool { return j.Load.Rate > 3 }
	if h := mustRun(t, s, w.deps(&memory{})).Held[0]; !h.Complete || h.Rate > 3 || h.Rate < 3/1.05 {
		t.Errorf("got %+v, want a rate just below 3", h)
	}
	w = newWorld()
	w.badRun = func(j Job) bool { return j.Kind == Try && j.Variant.Name == "a" }
	r = mustRun(t, s, w.deps(&memory{}))
	if h := r.Held[0]; h.Complete || h.Rate != 0 || len(h.Tries) != 2 {
		t.Errorf("got %+v, want a search that ended after two failures", h)
	}
	if h := r.Held[1]; !h.Complete {
		t.Errorf("got %+v, want the other's search", h)
	}
}

// TestParallel: all are up at once, and one's failure is its own.
func TestParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.at = func(what string) {
			if strings.HasPrefix(what, "measure") {
				time.Sleep(time.Minute)
			}
		}
		w.badStart = map[string]bool{"b": true}
		s := named("a", "b", "c", "d")
		s.Parallel, s.Rounds = true, 2
		begun := time.Now()
		r := mustRun(t, s, w.deps(&memory{}))
		if took := time.Since(begun); took != 2*time.Minute {
			t.Errorf("took %v, want the two rounds of one", took)
		}
		if w.most != 3 || len(r.Runs) != 6 {
			t.Errorf("got %d up at once and %d runs, want 3 and 6", w.most, len(r.Runs))
		}
		var order []string
		for _, run := range r.Runs {
			order = append(order, fmt.Sprint(run.Variant, run.Round))
		}
		if want := []string{"a0", "c0", "d0", "a1", "c1", "d1"}; !slices.Equal(order, want) {
			t.Errorf("got %v, want %v whoever was first", order, want)
		}
	})
}

// TestInterrupt: wherever the experiment is interrupted, its engines are stopped
// and the cause is told.
func TestInterrupt(t *testing.T) {
	cause := errors.New("interrupted")
	for _, where := range []string{"start a", "measure a", "ask a", "stop a", "start b", "warm-up b", "search b"} {
		ctx, cancel := context.WithCancelCause(context.Background())
		w := newWorld()
		w.at = func(what string) {
			if strings.HasPrefix(what, where) {
				cancel(cause)
			}
		}
		s := named("a", "b")
		s.Answers, s.Warm, s.Goals = 1, WarmRule{}, []plan.SLO{{Metric: "ttft", Percentile: 99, Limit: 500}}
		store := &memory{}
		r, err := Run(ctx, s, w.deps(store))
		if !errors.Is(err, cause) || r == nil || r.Complete {
			t.Errorf("%s: got %+v, %v; want a part of the result, and the cause", where, r, err)
		}
		for name, n := range w.up {
			if n != 0 {
				t.Errorf("%s: %d engines of %s are left", where, n, name)
			}
		}
		cancel(nil)
		w.at = nil
		d := w.deps(store)
		d.Resume = true
		if r := mustRun(t, s, d); !r.Complete || len(r.Runs) != 2 || len(r.Held) != 2 || !r.Held[0].Complete {
			t.Errorf("%s: got %+v, want the whole after the resume", where, r)
		}
	}
}

// TestPlan: the job's load takes the place of the plan's own.
func TestPlan(t *testing.T) {
	inf := plan.Float(math.Inf(1))
	tests := []struct {
		reason string
		rate   plan.Float
		open   int
		load   compare.Load
		want   plan.Load
	}{
		{"the plan's own", 2, 0, compare.Load{Rate: 2}, plan.Load{RequestRate: 2}},
		{"a limit beside a rate stays", 2, 9, compare.Load{Rate: 4.5}, plan.Load{RequestRate: 4.5, MaxConcurrency: 9}},
		{"without a rate it is the load, which a rate takes the place of", inf, 9, compare.Load{Rate: 4}, plan.Load{RequestRate: 4}},
		{"so many in flight", 2, 9, compare.Load{Concurrency: 3}, plan.Load{RequestRate: inf, MaxConcurrency: 3}},
		{"all at once", inf, 0, compare.Load{}, plan.Load{RequestRate: inf}},
	}
	for _, tt := range tests {
		j := Job{Load: tt.load, Prompts: 7}
		j.Variant.Plan.Load = plan.Load{RequestRate: tt.rate, MaxConcurrency: tt.open}
		if got := j.plan(); got.Load != tt.want || got.Workload.NumPrompts != 7 {
			t.Errorf("%s: got %+v, want %+v", tt.reason, got.Load, tt.want)
		}
	}
}
