package replay

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tokmeter/internal/model/setup"
)

// byID is the timings of a result by the names of their requests.
func byID(r *Result) map[string]Timing {
	out := map[string]Timing{}
	for _, t := range r.Timings {
		out[t.ID] = t
	}
	return out
}

// moved are timings so many seconds later.
func moved(all map[string]Timing, by float64) map[string]Timing {
	out := map[string]Timing{}
	for id, t := range all {
		for _, p := range []*float64{&t.Arrived, &t.Queued, &t.Scheduled, &t.First, &t.Last} {
			*p += by
		}
		out[id] = t
	}
	return out
}

// TestMetamorphic: a load that is told in another way has the same history.
func TestMetamorphic(t *testing.T) {
	tests := []struct {
		name string
		same func(t *rapid.T, b *setup.Built, load []Arrival) (want, got map[string]Timing)
	}{
		{"arrivals need no order", func(t *rapid.T, b *setup.Built, load []Arrival) (want, got map[string]Timing) {
			for i := range load {
				load[i].At = math.Floor(load[i].At) + float64(i)/(1<<20) // of two at once the first in the list goes first
			}
			want = byID(replayed(t, b, load, Options{}))
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
			rng.Shuffle(len(load), func(i, j int) { load[i], load[j] = load[j], load[i] })
			return want, byID(replayed(t, b, load, Options{}))
		}},
		{"equal requests that come at once may change places", func(t *rapid.T, b *setup.Built, load []Arrival) (want, got map[string]Timing) {
			for i := range load {
				load[i].Prompt, load[i].Output, load[i].Priority, load[i].At = load[0].Prompt, load[0].Output, 0, math.Floor(load[i].At)
			}
			want = byID(replayed(t, b, load, Options{}))
			// Names go with places: the k-th of each moment is the k-th again.
			places := slices.Clone(load)
			slices.SortStableFunc(places, func(x, y Arrival) int { return int(x.At - y.At) })
			return want, byID(replayed(t, b, places, Options{}))
		}},
		{"the start of time is a name", func(t *rapid.T, b *setup.Built, load []Arrival) (want, got map[string]Timing) {
			want = byID(replayed(t, b, load, Options{}))
			for i := range load {
				load[i].At += 1024
			}
			return moved(want, 1024), byID(replayed(t, b, load, Options{}))
		}},
		{"who watches changes nothing", func(t *rapid.T, b *setup.Built, load []Arrival) (want, got map[string]Timing) {
			steps := 0
			r := replayed(t, b, load, Options{Each: func(Step) { steps++ }})
			if steps < r.Steps {
				t.Fatalf("%d of %d steps were told", steps, r.Steps)
			}
			return byID(replayed(t, b, load, Options{})), byID(r)
		}},
		{"a trace may be cut where the engine stands empty", func(t *rapid.T, b *setup.Built, load []Arrival) (want, got map[string]Timing) {
			const rest = 4096 // seconds, by which all is served
			want = byID(replayed(t, b, load, Options{}))
			twice := slices.Clone(load)
			for i, a := range load {
				a.ID, a.At = fmt.Sprint("again ", i), a.At+rest
				twice = append(twice, a)
			}
			for i, x := range byID(replayed(t, b, load, Options{})) {
				x.ID = "again " + i
				want[x.ID] = moved(map[string]Timing{"": x}, rest)[""]
			}
			return want, byID(replayed(t, b, twice, Options{}))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				s := anySetup(rt)
				s.Acceptance = nil // drafts are drawn in the order of the steps
				b := build(t, s)
				load := anyLoad(rt)
				for i := range load { // in steps that a shift in time does not round
					load[i].At = math.Round(load[i].At*(1<<20)) / (1 << 20)
				}
				want, got := tt.same(rt, b, load)
				if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-6)); diff != "" {
					rt.Fatalf("(-one way +the other):\n%s", diff)
				}
			})
		})
	}
}
