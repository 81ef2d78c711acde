package schedule

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tokmeter/internal/plan"
	"tokmeter/internal/python/random"
)

// recorded is one schedule of vLLM's client, made by testdata/record.py.
type recorded struct {
	Seed, Before, N  int
	Rate, Burstiness string
	Ramp             string
	Start, End       int
	Delays           []string
	Changes          [][2]int
}

func (r *recorded) plan(t *testing.T) plan.Schedule {
	return plan.Schedule{
		RequestRate: number(t, r.Rate), Burstiness: number(t, r.Burstiness),
		RampStrategy: r.Ramp, RampStartRPS: r.Start, RampEndRPS: r.End,
	}
}

func number(t *testing.T, s string) plan.Float {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Float(f)
}

func state(t interface{ Fatal(...any) }, seed int64) *random.RandomState {
	s, err := random.NewRandomState(seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDelaysAsRecorded(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Cases []recorded }
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) == 0 {
		t.Fatal("no case in the recording")
	}
	for _, c := range golden.Cases {
		name := fmt.Sprintf("rate %s burstiness %s ramp %s %d-%d", c.Rate, c.Burstiness, c.Ramp, c.Start, c.End)
		t.Run(name, func(t *testing.T) { checkRecorded(t, &c) })
	}
}

func checkRecorded(t *testing.T, c *recorded) {
	rng := state(t, int64(c.Seed))
	if c.Before > 0 {
		rng.RandInts(0, 50257, c.Before)
	}
	s := c.plan(t)
	got, err := delays(s, c.N, rng)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(c.Delays) {
		t.Fatalf("got %d delays, want %d", len(got), len(c.Delays))
	}
	offsets := make([]time.Duration, c.N)
	for i, text := range c.Delays {
		u, err := strconv.ParseUint(text, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		want := math.Float64frombits(u)
		if math.Abs(got[i]-want) > 1e-14*want {
			t.Fatalf("request %d: got %v s, want %v s", i, got[i], want)
		}
		if offsets[i], err = duration(want); err != nil {
			t.Fatal(err)
		}
	}
	var changes [][2]int
	for _, r := range RateChanges(s, offsets) {
		changes = append(changes, [2]int{r.RPS, r.Index})
		if r.RPS > s.RampStartRPS && r.At != offsets[r.Index] {
			t.Errorf("change to %d: got it at %v, want %v", r.RPS, r.At, offsets[r.Index])
		}
	}
	if d := cmp.Diff(c.Changes, changes, cmp.Transformer("empty", func(v [][2]int) [][2]int { return append([][2]int{}, v...) })); d != "" {
		t.Fatal(d)
	}
}

var inf = plan.Float(math.Inf(1))

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		why  string
		s    plan.Schedule
		n    int
		want string
	}{
		{"a linear ramp from nothing never sends its first", plan.Schedule{RequestRate: inf, Burstiness: 1, RampStrategy: "linear", RampEndRPS: 5}, 3, "request 0 would never be due"},
		{"an exponential ramp cannot leave zero", plan.Schedule{RequestRate: inf, Burstiness: 1, RampStrategy: "exponential", RampEndRPS: 5}, 3, "start from 1"},
		{"a ramp down to nothing never sends its last", plan.Schedule{RequestRate: inf, Burstiness: 1, RampStrategy: "linear", RampStartRPS: 4}, 3, "request 2"},
		{"an unknown shape", plan.Schedule{RequestRate: inf, Burstiness: 1, RampStrategy: "steep", RampStartRPS: 1, RampEndRPS: 5}, 3, `"steep": want linear or exponential`},
		{"no rate", plan.Schedule{Burstiness: 1}, 1, "request rate 0"},
		{"a rate that is no number", plan.Schedule{RequestRate: plan.Float(math.NaN()), Burstiness: 1}, 1, "request rate NaN"},
		{"no burstiness", plan.Schedule{RequestRate: 1}, 1, "burstiness 0"},
		{"negative burstiness", plan.Schedule{RequestRate: 1, Burstiness: -1}, 1, "burstiness -1"},
		{"a wait of centuries", plan.Schedule{RequestRate: 1e-11, Burstiness: inf}, 1, "raise the request rate"},
		{"a wait that no number holds", plan.Schedule{RequestRate: 5e-324, Burstiness: 1}, 2, "raise the request rate"},
	} {
		_, err := Offsets(c.s, c.n, state(t, 1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.why, err, c.want)
		}
	}
}

func TestNothingToSendIsNoError(t *testing.T) {
	got, err := Offsets(plan.Schedule{RequestRate: 1, Burstiness: 1}, 0, nil)
	if err != nil || len(got) != 0 {
		t.Fatalf("got %v, %v, want nothing", got, err)
	}
}

func TestNoDrawWhereNothingIsRandom(t *testing.T) {
	for _, s := range []plan.Schedule{
		{RequestRate: inf, Burstiness: 1},
		{RequestRate: 5, Burstiness: inf},
	} {
		if _, err := Offsets(s, 4, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func anySchedule() *rapid.Generator[plan.Schedule] {
	return rapid.Custom(func(t *rapid.T) plan.Schedule {
		s := plan.Schedule{
			RequestRate: plan.Float(rapid.Float64Range(1e-3, 1e6).Draw(t, "rate")),
			Burstiness:  plan.Float(rapid.Float64Range(1e-3, 1e4).Draw(t, "burstiness")),
		}
		if rapid.Bool().Draw(t, "even") {
			s.Burstiness = inf
		}
		if s.RampStrategy = rapid.SampledFrom([]string{"", "linear", "exponential"}).Draw(t, "ramp"); s.RampStrategy != "" {
			s.RequestRate = inf
			s.RampStartRPS = rapid.IntRange(1, 500).Draw(t, "start")
			s.RampEndRPS = rapid.IntRange(s.RampStartRPS, 1000).Draw(t, "end")
		}
		return s
	})
}

func TestOffsetsNeverGoBackAndEndOnTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySchedule().Draw(t, "schedule")
		n := rapid.IntRange(1, 300).Draw(t, "n")
		seed := rapid.Int64Range(0, math.MaxUint32).Draw(t, "seed")
		got, err := Offsets(s, n, state(t, seed))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(got) || got[0] < 0 {
			t.Fatalf("got %v, want offsets in order from 0 up", got)
		}
		again, err := Offsets(s, n, state(t, seed))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(got, again); d != "" {
			t.Fatalf("the same seed gave another schedule: %s", d)
		}
		last := got[n-1]
		want := time.Duration(float64(n) / float64(s.RequestRate) * 1e9)
		if s.RampStrategy == "" && last != 0 && math.Abs(float64(last-want)) > 2+1e-12*float64(want) {
			t.Fatalf("the last request leaves at %v, want %v", last, want)
		}
	})
}

func TestRampPassesEveryRateOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySchedule().Filter(func(s plan.Schedule) bool { return s.RampStrategy == "linear" }).Draw(t, "schedule")
		n := rapid.IntRange(2, 200).Draw(t, "n")
		offsets, err := Offsets(s, n, state(t, 1))
		if err != nil {
			t.Fatal(err)
		}
		changes := RateChanges(s, offsets)
		if len(changes) != s.RampEndRPS-s.RampStartRPS+1 {
			t.Fatalf("got %d changes, want every rate from %d to %d", len(changes), s.RampStartRPS, s.RampEndRPS)
		}
		for i, c := range changes {
			if c.RPS != s.RampStartRPS+i || i > 0 && (c.At < changes[i-1].At || c.Index < changes[i-1].Index) {
				t.Fatalf("change %d: got %+v after %+v", i, c, changes[max(i-1, 0)])
			}
		}
	})
}

func TestFromTimes(t *testing.T) {
	for _, c := range []struct {
		why    string
		times  []time.Duration
		rebase bool
		want   []time.Duration
	}{
		{"a trace that starts at noon starts at once", []time.Duration{43, 45, 50}, true, []time.Duration{0, 2, 7}},
		{"as it stands", []time.Duration{43, 45, 50}, false, []time.Duration{43, 45, 50}},
		{"out of order: no request overtakes", []time.Duration{5, 3, 9}, true, []time.Duration{2, 2, 6}},
		{"before the start means at once", []time.Duration{-5, 3}, false, []time.Duration{0, 3}},
		{"before the start, moved", []time.Duration{-5, 3}, true, []time.Duration{0, 8}},
		{"nothing", []time.Duration{}, true, []time.Duration{}},
	} {
		if d := cmp.Diff(c.want, FromTimes(c.times, c.rebase)); d != "" {
			t.Errorf("%s: %s", c.why, d)
		}
	}
}

func TestStridesMakeTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 100).Draw(t, "n")
		of := rapid.IntRange(1, 8).Draw(t, "of")
		all := make([]time.Duration, n)
		for i := range all {
			all[i] = time.Duration(i)
		}
		got := make([]time.Duration, n)
		for w := range of {
			i := w
			for at := range Stride(slices.Values(all), w, of) {
				got[i] = at
				i += of
			}
		}
		if d := cmp.Diff(all, got); d != "" {
			t.Fatal(d)
		}
	})
}

func TestStrideStops(t *testing.T) {
	all := []time.Duration{0, 1, 2, 3, 4}
	var got []time.Duration
	for at := range Stride(slices.Values(all), 1, 2) {
		got = append(got, at)
		break
	}
	if d := cmp.Diff([]time.Duration{1}, got); d != "" {
		t.Fatal(d)
	}
}

func BenchmarkOffsets(b *testing.B) {
	for b.Loop() {
		if _, err := Offsets(plan.Schedule{RequestRate: 10, Burstiness: 1}, 1000, state(b, 0)); err != nil {
			b.Fatal(err)
		}
	}
}
