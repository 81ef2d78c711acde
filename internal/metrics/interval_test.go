package metrics_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// spaced is quiet with TTFTs and gaps of their own.
func spaced(n int, ttft func(i int) time.Duration, gap func(i int) time.Duration) (plan.Plan, record.Ending, []*record.Record) {
	p, end, recs := quiet(n)
	for i, r := range recs {
		at, step := r.Sent+record.Stamp(ttft(i)), record.Stamp(gap(i))
		for k := range r.Events {
			r.Events[k] = at
			at += step
		}
		r.FirstByte, r.FirstToken, r.FirstAnswer, r.LastToken = r.Events[0], r.Events[0], r.Events[0], r.Events[4]
		r.Done = r.LastToken + 1000
		end.End = max(end.End, r.Done)
	}
	return p, end, recs
}

func random(seed uint64, mean time.Duration) func(int) time.Duration {
	rng := rand.New(rand.NewPCG(seed, 1))
	return func(int) time.Duration { return mean/2 + time.Duration(rng.ExpFloat64()*float64(mean)/2) }
}

// TestWithheld: a percentile has an interval from the number of requests on that
// supports it, and below that the highest one that has is named.
func TestWithheld(t *testing.T) {
	for _, c := range []struct {
		n       int
		known   bool
		highest float64
	}{{5, false, 0}, {30, false, 75}, {100, false, 95}, {367, false, 95}, {500, true, 99}} {
		p, end, recs := spaced(c.n, random(1, 50*time.Millisecond), random(2, 20*time.Millisecond))
		s := summarize(recs, end, p)
		l, ok := s.Intervals.Of(metrics.TTFT)
		if !ok {
			t.Fatalf("%d requests: TTFT has no intervals", c.n)
		}
		last := l.Percentiles[len(l.Percentiles)-1]
		if last.P != 99 || last.Known != c.known || l.Highest.P != c.highest {
			t.Errorf("%d requests: P%v known %v, highest P%v; want %v, P%v", c.n, last.P, last.Known, l.Highest.P, c.known, c.highest)
		}
		if last.Known && !(last.Low <= last.Value && last.Value <= last.High) {
			t.Errorf("%d requests: %+v does not hold its value", c.n, last)
		}
	}
}

// TestGapsOfOneRequestAreAlike: requests whose gaps are all alike tell no more about
// ITL than their number, however many gaps they have.
func TestGapsOfOneRequestAreAlike(t *testing.T) {
	p, end, recs := spaced(120, random(1, 50*time.Millisecond), random(2, 20*time.Millisecond))
	s := summarize(recs, end, p)
	l, _ := s.Intervals.Of(metrics.ITL)
	if l.N != 480 || l.Percentiles[1].Known {
		t.Errorf("P99 of %d gaps in 120 requests has an interval: %+v", l.N, l.Percentiles[1])
	}
	if a := l.Percentiles[0].Alike; a < 3 || a > 6 {
		t.Errorf("%.1f gaps tell as much as one, where four are equal", a)
	}
}

// TestCutOff: requests that timed out are longer than any that ended, and count.
func TestCutOff(t *testing.T) {
	p, end, recs := spaced(400, random(1, 50*time.Millisecond), random(2, 20*time.Millisecond))
	for i := range recs {
		if i%20 != 0 {
			continue
		}
		r := recs[i]
		r.Outcome, r.Events, r.PerEvent = record.Timeout, nil, nil
		r.FirstByte, r.FirstToken, r.FirstAnswer, r.LastToken = 0, 0, 0, 0
		r.Done = r.Sent + record.Stamp(10*time.Second)
	}
	s := summarize(recs, end, p)
	l, _ := s.Intervals.Of(metrics.TTFT)
	if s.Intervals.CutOff != 20 || len(l.WithCut) != 2 {
		t.Fatalf("%d cut off, %d percentiles with them", s.Intervals.CutOff, len(l.WithCut))
	}
	if !(l.WithCut[0].Value >= l.Percentiles[0].Value) || !math.IsInf(l.WithCut[1].Value, 1) {
		t.Errorf("one in twenty never answered: median %v (without them %v), P99 %v", l.WithCut[0].Value, l.Percentiles[0].Value, l.WithCut[1].Value)
	}
}

// TestCourse: what a run does over its time is told apart.
func TestCourse(t *testing.T) {
	const n = 400                     // at 10 a second: 40 s
	var draws func(int) time.Duration // anew for each row, whatever their order
	noise := func(i int) time.Duration { return draws(i) }
	for name, c := range map[string]struct {
		ttft      func(int) time.Duration
		gap       func(int) time.Duration
		saturated bool
		drift     bool
		warmUp    float64 // at least, in seconds; 0 for none
	}{
		"level":                {ttft: noise, gap: noise},
		"a queue that grows":   {ttft: func(i int) time.Duration { return time.Duration(i) * 50 * time.Millisecond }, gap: noise, saturated: true},
		"slow at first":        {ttft: func(i int) time.Duration { return noise(i) + time.Duration(max(0, 60-i))*50*time.Millisecond }, gap: noise, warmUp: 3},
		"TPOT rises by a half": {ttft: noise, gap: func(i int) time.Duration { return 20*time.Millisecond + time.Duration(i)*25*time.Microsecond }, drift: true},
		"a queue that came and went": {ttft: func(i int) time.Duration {
			return noise(i) + time.Duration(max(0, 50-max(i-200, 200-i)))*20*time.Millisecond
		}, gap: noise},
	} {
		draws = random(1, 20*time.Millisecond)
		p, end, recs := spaced(n, c.ttft, c.gap)
		s := summarize(recs, end, p)
		x := s.Course
		if x == nil {
			t.Fatalf("%s: no course", name)
		}
		if x.Saturated != c.saturated || (x.DriftTPOT != 0) != c.drift || x.DriftTTFT != 0 {
			t.Errorf("%s: %+v", name, x)
		}
		if c.saturated != (s.Steady == nil) {
			t.Errorf("%s: steady part %+v", name, s.Steady)
		}
		if c.drift {
			continue // where it begins is a matter of taste
		}
		if x.WarmUp < c.warmUp || c.warmUp == 0 && x.WarmUp > 2 || x.WarmUp > 8 {
			t.Errorf("%s: warm-up until %.2f s", name, x.WarmUp)
		}
	}
	p, end, recs := quiet(99)
	if s := summarize(recs, end, p); s.Course != nil || s.Steady != nil {
		t.Error("99 requests have a course")
	}
}
