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

func (r *recorded) plan(t *testing.T) plan.Load {
	return plan.Load{
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
	got, err := offsets(s, c.N, rng)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(c.Delays) {
		t.Fatalf("got %d delays, want %d", len(got), len(c.Delays))
	}
	for i, text := range c.Delays {
		u, err := strconv.ParseUint(text, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		want := math.Float64frombits(u)
		// A nanosecond is the unit; the seconds behind it may differ in their last bit.
		if ns := want * 1e9; math.Abs(float64(got[i])-ns) > 0.5+1e-14*ns {
			t.Fatalf("request %d: got %d ns, want %v", i, got[i], ns)
		}
	}
	changes := changesOf(t, s, c.N)
	if d := cmp.Diff(c.Changes, changes, cmp.Transformer("empty", func(v [][2]int) [][2]int { return append([][2]int{}, v...) })); d != "" {
		t.Fatal(d)
	}
}

// offsets are all due times of a load.
func offsets(l plan.Load, n int, rng *random.RandomState) ([]time.Duration, error) {
	s, err := New(l, n, nil, rng)
	if err != nil {
		return nil, err
	}
	return slices.Collect(s.Arrivals()), nil
}

// changesOf lists the start of a ramp and every whole rate that it passes, with
// the request at which it does.
func changesOf(t interface{ Fatal(...any) }, l plan.Load, n int) (changes [][2]int) {
	if l.RampStrategy == "" {
		return nil
	}
	last := l.RampStartRPS
	changes = append(changes, [2]int{last, 0})
	for i := range n {
		rate, err := Rate(l, i, n)
		if err != nil {
			t.Fatal(err)
		}
		for ; last < int(rate); last++ {
			changes = append(changes, [2]int{last + 1, i})
		}
	}
	return changes
}

// TestRateAsPython: as Python has it, 8 to the power of 33/99 is 2 and to that of
// 66/99 less than 4. The standard library has it the other way round.
func TestRateAsPython(t *testing.T) {
	l := plan.Load{RequestRate: inf, Burstiness: 1, RampStrategy: "exponential", RampStartRPS: 1, RampEndRPS: 8}
	want := [][2]int{{1, 0}, {2, 33}, {3, 53}, {4, 67}, {5, 77}, {6, 86}, {7, 93}, {8, 99}}
	if d := cmp.Diff(want, changesOf(t, l, 100)); d != "" {
		t.Fatal(d)
	}
}

var inf = plan.Float(math.Inf(1))

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		why  string
		s    plan.Load
		n    int
		want string
	}{
		{"a linear ramp from nothing never sends its first", plan.Load{RequestRate: inf, Burstiness: 1, RampStrategy: "linear", RampEndRPS: 5}, 3, "request 0 would never be due"},
		{"an exponential ramp cannot leave zero", plan.Load{RequestRate: inf, Burstiness: 1, RampStrategy: "exponential", RampEndRPS: 5}, 3, "start from 1"},
		{"a ramp down to nothing never sends its last", plan.Load{RequestRate: inf, Burstiness: 1, RampStrategy: "linear", RampStartRPS: 4}, 3, "request 2"},
		{"an unknown shape", plan.Load{RequestRate: inf, Burstiness: 1, RampStrategy: "steep", RampStartRPS: 1, RampEndRPS: 5}, 3, `"steep": want linear or exponential`},
		{"no rate", plan.Load{Burstiness: 1}, 1, "request rate 0"},
		{"a rate that is no number", plan.Load{RequestRate: plan.Float(math.NaN()), Burstiness: 1}, 1, "request rate NaN"},
		{"no burstiness", plan.Load{RequestRate: 1}, 1, "burstiness 0"},
		{"negative burstiness", plan.Load{RequestRate: 1, Burstiness: -1}, 1, "burstiness -1"},
		{"a wait of centuries", plan.Load{RequestRate: 1e-11, Burstiness: inf}, 1, "raise the request rate"},
		{"a wait that no number holds", plan.Load{RequestRate: 5e-324, Burstiness: 1}, 2, "raise the request rate"},
	} {
		_, err := offsets(c.s, c.n, state(t, 1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", c.why, err, c.want)
		}
	}
}

func TestNothingToSendIsNoError(t *testing.T) {
	got, err := offsets(plan.Load{RequestRate: 1, Burstiness: 1}, 0, nil)
	if err != nil || len(got) != 0 {
		t.Fatalf("got %v, %v, want nothing", got, err)
	}
}

func TestNoDrawWhereNothingIsRandom(t *testing.T) {
	for _, s := range []plan.Load{
		{RequestRate: inf, Burstiness: 1},
		{RequestRate: 5, Burstiness: inf},
	} {
		if _, err := offsets(s, 4, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func anySchedule() *rapid.Generator[plan.Load] {
	return rapid.Custom(func(t *rapid.T) plan.Load {
		s := plan.Load{
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
		got, err := offsets(s, n, state(t, seed))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(got) || got[0] < 0 {
			t.Fatalf("got %v, want offsets in order from 0 up", got)
		}
		again, err := offsets(s, n, state(t, seed))
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
		l := anySchedule().Filter(func(l plan.Load) bool { return l.RampStrategy == "linear" }).Draw(t, "load")
		n := rapid.IntRange(2, 200).Draw(t, "n")
		changes := changesOf(t, l, n)
		if len(changes) != l.RampEndRPS-l.RampStartRPS+1 {
			t.Fatalf("got %d changes, want every rate from %d to %d", len(changes), l.RampStartRPS, l.RampEndRPS)
		}
		for i, c := range changes {
			if c[0] != l.RampStartRPS+i || i > 0 && c[1] < changes[i-1][1] {
				t.Fatalf("change %d: got %v after %v", i, c, changes[max(i-1, 0)])
			}
		}
	})
}

func TestTimes(t *testing.T) {
	for _, c := range []struct {
		why   string
		times []time.Duration
		want  []time.Duration
	}{
		{"as it stands", []time.Duration{43, 45, 50}, []time.Duration{43, 45, 50}},
		{"out of order: no request overtakes", []time.Duration{5, 3, 9}, []time.Duration{5, 5, 9}},
		{"before the start means at once", []time.Duration{-5, 3}, []time.Duration{0, 3}},
		{"nothing", []time.Duration{}, nil},
	} {
		s, err := New(plan.Load{SelfTimed: true}, len(c.times), c.times, nil)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, slices.Collect(s.Arrivals())); d != "" {
			t.Errorf("%s: %s", c.why, d)
		}
	}
}

func TestBusiest(t *testing.T) {
	ms := func(n ...int) (d []time.Duration) {
		for _, n := range n {
			d = append(d, time.Duration(n)*time.Millisecond)
		}
		return d
	}
	for _, c := range []struct {
		why  string
		due  []time.Duration
		want int
	}{
		{"none", []time.Duration{}, 0},
		{"all at once", ms(0, 0, 0), 3},
		{"the window's ends both count", ms(0, 250), 2},
		{"a burst in the middle", ms(0, 300, 600, 610, 620, 630, 2000), 4},
		{"far apart", ms(0, 1000, 2000), 1},
		{"more than anybody wants to know", make([]time.Duration, 500), 100},
	} {
		s, err := New(plan.Load{SelfTimed: true}, len(c.due), c.due, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Busiest(250*time.Millisecond, 100); got != c.want {
			t.Errorf("%s: got %d, want %d", c.why, got, c.want)
		}
	}
}

// taken is what a pace gives until it has nothing more.
func taken(p Pace) (due []time.Duration) {
	for {
		d, ok := p.Next()
		if !ok {
			return due
		}
		due = append(due, d)
	}
}

func TestLimit(t *testing.T) {
	s, err := New(plan.Load{RequestRate: 2, Burstiness: inf}, 4, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := Limit(s.Pace(), 2)
	var got [][]time.Duration
	got = append(got, taken(p))
	for _, at := range []time.Duration{3 * time.Second, 4 * time.Second, 5 * time.Second} {
		p.Ended(Ended{At: at})
		got = append(got, taken(p))
	}
	half := 500 * time.Millisecond
	want := [][]time.Duration{{half, 2 * half}, {3 * half}, {4 * half}, nil}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("those held back keep their due times: %s", d)
	}
}

func BenchmarkOffsets(b *testing.B) {
	for b.Loop() {
		if _, err := offsets(plan.Load{RequestRate: 10, Burstiness: 1}, 1000, state(b, 0)); err != nil {
			b.Fatal(err)
		}
	}
}
