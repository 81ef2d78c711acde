package experiment

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tokmeter/internal/compare"
)

// finish runs a search against a server.
func finish(b Bounds, holds func(rate float64) bool) Held {
	s := newSearch(b)
	for {
		rate, confirm, ok := s.Next()
		if !ok {
			return s.Held("v")
		}
		s.Add(Tried{Rate: rate, Confirm: confirm, Held: holds(rate)})
	}
}

func TestSearch(t *testing.T) {
	tests := []struct {
		reason string
		b      Bounds
		limit  float64 // rates up to it hold
		low    float64 // of the found rate
		high   float64
		stop   string
		whole  bool
		tries  int
	}{
		{"doubling, then bisection", Bounds{}, 10, 10 / 1.05, 10, "found within", true, 10},
		{"halving, where the first rate is too much", Bounds{Start: 8}, 0.3, 0.3 / 1.05, 0.3, "found within", true, 11},
		{"nothing holds", Bounds{Low: 0.25}, 0, 0, 0, "no rate from 0.25 holds", true, 3},
		{"everything holds", Bounds{High: 10}, 1e9, 10, 10, "every rate up to 10 holds", true, 6},
		{"the lowest rate alone holds", Bounds{Low: 0.25, Start: 1}, 0.25, 0.25, 0.25, "found within", true, 8},
		{"one rate", Bounds{Low: 4, Start: 4, High: 4}, 5, 4, 4, "every rate up to 4 holds", true, 2},
		{"a limit of runs", Bounds{Most: 4}, 5, 4, 4, "limit of 4 runs: the rate may be up to 8", false, 4},
		{"a limit of runs before anything failed", Bounds{Most: 2}, 5, 2, 2, "limit of 2 runs: the rate may be up to any higher one", false, 2},
		{"a limit of runs before anything held", Bounds{Most: 2}, 0.1, 0, 0, "limit of 2 runs", false, 2},
		{"no confirmation", Bounds{Confirm: -1, Tolerance: 1}, 10, 8, 8, "found within 100 %", true, 5},
	}
	for _, tt := range tests {
		h := finish(tt.b, func(rate float64) bool { return rate <= tt.limit })
		if h.Rate < tt.low || h.Rate > tt.high || !strings.HasPrefix(h.Stop, tt.stop) || h.Complete != tt.whole || len(h.Tries) != tt.tries {
			t.Errorf("%s: got %.4g, %q, complete %v after %d runs; want %.4g to %.4g, %q, %v, %d", tt.reason, h.Rate, h.Stop, h.Complete, len(h.Tries), tt.low, tt.high, tt.stop, tt.whole, tt.tries)
		}
	}
}

// TestSearchConfirms: a rate that held by luck does not hold the second time.
func TestSearchConfirms(t *testing.T) {
	seen := map[float64]int{}
	h := finish(Bounds{Confirm: 2}, func(rate float64) bool {
		seen[rate]++
		return rate <= 10 && (rate <= 8 || seen[rate] == 1)
	})
	if !h.Complete || h.Rate < 8/1.05 || h.Rate > 8 {
		t.Errorf("got %+v, want a rate that holds each time", h)
	}
}

// TestSearchProperties: whatever the server, a search ends, stays within its
// bounds, never calls a rate held at or above one that was not, and has every
// found rate confirmed; with a server that is sure it finds the limit within
// the tolerance.
func TestSearchProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Bounds{
			Low: 0.1, High: 100, Start: rapid.Float64Range(0.1, 100).Draw(t, "start"),
			Tolerance: rapid.Float64Range(0.01, 0.5).Draw(t, "tolerance"), Confirm: rapid.IntRange(1, 3).Draw(t, "confirm"),
			Most: rapid.IntRange(1, 60).Draw(t, "most"),
		}
		limit := math.Exp(rapid.Float64Range(-4, 6).Draw(t, "limit"))
		noise := rapid.SampledFrom([]float64{0, 0.05, 0.3}).Draw(t, "noise")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		h := finish(b, func(rate float64) bool { return rate*math.Exp(noise*rng.NormFloat64()) <= limit })
		lowest, confirmed, held := math.Inf(1), 0, false
		for _, x := range h.Tries {
			if x.Rate < b.Low || x.Rate > b.High {
				t.Fatalf("tried %v, beyond %v to %v", x.Rate, b.Low, b.High)
			}
			if !x.Held {
				lowest = min(lowest, x.Rate)
			}
			if x.Rate == h.Rate && x.Held {
				held = true
				if x.Confirm {
					confirmed++
				}
			}
		}
		if len(h.Tries) > b.Most {
			t.Fatalf("%d runs, want %d at most", len(h.Tries), b.Most)
		}
		if h.Rate >= lowest || h.Rate > 0 && !held {
			t.Fatalf("%v is called held; %v was not: %+v", h.Rate, lowest, h.Tries)
		}
		if h.Complete && h.Rate > 0 && confirmed < b.Confirm {
			t.Fatalf("%v has %d confirmations, want %d", h.Rate, confirmed, b.Confirm)
		}
		if noise > 0 || !h.Complete {
			return
		}
		want := min(limit, b.High)
		if limit < b.Low {
			want = 0
		}
		if h.Rate > want || h.Rate < want/(1+b.Tolerance)*(1-1e-9) {
			t.Fatalf("got %v, want %v within %v", h.Rate, want, b.Tolerance)
		}
	})
}

// TestGoals: a percentile is over all requests, those that failed included.
func TestGoals(t *testing.T) {
	run := func(bad int, ttft ...float64) compare.Run {
		var r compare.Run
		for _, x := range ttft {
			r.Requests = append(r.Requests, compare.Request{OK: true, TTFT: x, TPOT: math.NaN(), E2EL: 2 * x})
		}
		for range bad {
			r.Requests = append(r.Requests, compare.Request{TTFT: 1, TPOT: 1, E2EL: 1})
		}
		return r
	}
	tests := []struct {
		reason string
		goal   string
		run    compare.Run
		want   bool
	}{
		{"at the limit", "ttft_p100=10", run(0, 1, 10), true},
		{"above it", "ttft_p100=10", run(0, 1, 10.1), false},
		{"half of them", "ttft_p50=10", run(0, 1, 99), true},
		{"more than half", "ttft_p51=10", run(0, 1, 99), false},
		{"a failed one is over the limit", "ttft_p51=10", run(1, 1), false},
		{"and counts like any other", "ttft_p50=10", run(1, 1), true},
		{"of a mean it is the end", "ttft_mean=10", run(1, 1, 1, 1, 1), false},
		{"a mean", "ttft_mean=10", run(0, 5, 15), true},
		{"the whole of a request", "e2el_mean=10", run(0, 5.1), false},
		{"no request has a TPOT", "tpot_p99=10", run(0, 5), false},
		{"an empty run", "ttft_p99=10", run(0), false},
		{"all failed", "ttft_p1=10", run(3), false},
		{"99 of 100, where floating point is short of it", "ttft_p99=10", run(1, make([]float64, 99)...), true},
	}
	for _, tt := range tests {
		g, err := ParseGoals(tt.goal)
		if err != nil {
			t.Fatal(err)
		}
		if got := met(g[0], tt.run); got != tt.want {
			t.Errorf("%s: %s is %v, want %v", tt.reason, tt.goal, got, tt.want)
		}
	}
	for _, bad := range []string{"", "ttft", "ttft=5", "itl_p99=5", "ttft_p0=5", "ttft_p101=5", "ttft_p99=0", "ttft_p99=inf", "ttft_p99=nan", "ttft_pnan=1", "ttft_p99=5,", "ttft_99=5", "success>=99%"} {
		if g, err := ParseGoals(bad); err == nil {
			t.Errorf("%q: got %v, want an error", bad, g)
		}
	}
}
