package replay

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"tokmeter/internal/model/setup"
	"tokmeter/internal/stats"
)

// boundaries are the moments at which steps of the trace ended, in seconds from
// the first queued request: the engine looks at its queue, admits and gives out
// tokens at no other time.
func boundaries(t testing.TB) []float64 {
	f, err := os.Open(tracePath)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var at []float64
	for s := bufio.NewScanner(f); s.Scan(); {
		var r struct {
			Queued    float64 `json:"queued_ts"`
			Scheduled float64 `json:"scheduled_ts"`
			First     float64 `json:"first_token_ts"`
			Last      float64 `json:"last_token_ts"`
		}
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		at = append(at, r.Queued, r.Scheduled, r.First, r.Last)
	}
	slices.Sort(at)
	start := at[0]
	var out []float64
	for _, v := range at {
		if v -= start; len(out) == 0 || v-out[len(out)-1] > 0.0015 { // stamps of one boundary lie closer
			out = append(out, v)
		}
	}
	return out
}

// TestSingleSteps compares single decode steps, where two stamps of the trace
// bound one, with those of the replay in the same seconds: while a long request
// is running, and later, when none is.
func TestSingleSteps(t *testing.T) {
	page := newTable(t, "steps", "| part of the trace | single steps | measured ms, median | simulated ms, median | error % |", "|--|--|--|--|--|")
	at := boundaries(t)
	if first := at[1] - at[0]; math.Abs(first-0.39) > 0.005 {
		t.Errorf("the trace's first step took %.3f s, docs/simulator.md says 0.39", first)
	}
	f := readTrace(t)
	b := build(t, setup.Setup{Model: "llama-3.1-8b", GPU: "rtx4090"})
	type step struct{ end, ms float64 }
	var sim []step
	replayed(t, b, f.Arrivals, Options{Each: func(s Step) {
		for _, q := range s.Seqs {
			if q.Tokens > 1 {
				return
			}
		}
		sim = append(sim, step{s.End, 1e3 * (s.End - s.Start)})
	}})
	for _, c := range []struct {
		name     string
		from, to float64
		bound    float64 // percent
	}{
		{"5 to 26 s, a request of more than 3,000 tokens is running", 5, 26, 3},
		{"27 to 160 s, none is", 27, 160, 3},
	} {
		var real, ours []float64
		for i := 1; i < len(at); i++ {
			if ms := 1e3 * (at[i] - at[i-1]); at[i] >= c.from && at[i] < c.to && ms > 20 && ms < 32 { // two steps take more, no step less
				real = append(real, ms)
			}
		}
		for _, s := range sim {
			if s.end >= c.from && s.end < c.to {
				ours = append(ours, s.ms)
			}
		}
		slices.Sort(real)
		slices.Sort(ours)
		m, s := stats.Median(real), stats.Median(ours)
		e := 100 * (s/m - 1)
		page.add("| %s | %d | %.2f | %.2f | %+.1f |", c.name, len(real), m, s, e)
		if len(real) < 15 || !(math.Abs(e) <= c.bound) {
			t.Errorf("%s: %d single steps of %.2f ms, simulated %.2f", c.name, len(real), m, s)
		}
	}
	page.check()
}
