package wire

import (
	"sync"
	"testing"
	"time"

	"tokmeter/internal/record"
)

// fakeClock is a Clock whose two sources are set by hand.
func fakeClock(run, wall *int64, gap int64) *Clock {
	c := &Clock{base: time.Now().Add(-1)}
	c.read = func() sample { return sample{before: *run, wall: *wall + gap/2, after: *run + gap} }
	s := c.sharpest()
	c.offset.Store(s.wall - s.middle())
	c.measure.Store(s.after + int64(measureEvery))
	return c
}

func TestClockFollowsSteps(t *testing.T) {
	const day = int64(24 * time.Hour)
	for _, row := range []struct {
		why   string
		step  int64 // of the wall clock, in ns
		after int64 // run time between the step and the next stamp
		steps int
	}{
		{"none", 0, int64(time.Second), 0},
		{"noise is no step", 20_000, int64(time.Second), 0},
		{"forward", 3 * int64(time.Hour), int64(time.Second), 1},
		{"backward", -3 * int64(time.Hour), int64(time.Second), 1},
		{"forward, seen at once by a stamp from the future", day, 1000, 1},
	} {
		run, wall := int64(1000), 50*day
		c := fakeClock(&run, &wall, 100)
		if got := c.fromWall(wall, record.Stamp(run)); got != 1000 {
			t.Fatalf("%s: before the step %d, want 1000", row.why, got)
		}
		wall += row.step
		run, wall = run+row.after, wall+row.after
		at := c.fromWall(wall-500, record.Stamp(run))
		if want := record.Stamp(run - 500); at < want-25_000 || at > want+25_000 {
			t.Errorf("%s: %d, want %d", row.why, at, want)
		}
		if c.Steps() != row.steps {
			t.Errorf("%s: %d steps, want %d", row.why, c.Steps(), row.steps)
		}
	}
}

// TestClockBluntReading: readings with a pause of the thread between them must
// not move a good offset.
func TestClockBluntReading(t *testing.T) {
	run, wall := int64(1000), int64(1e18)
	c := fakeClock(&run, &wall, 100)
	good := c.offset.Load()
	c.read = func() sample { return sample{before: run, wall: wall, after: run + 5e6} }
	run, wall = run+1e9, wall+1e9
	c.fromWall(wall, record.Stamp(run))
	if c.offset.Load() != good || c.Steps() != 0 {
		t.Errorf("the offset moved by %d ns, %d steps", c.offset.Load()-good, c.Steps())
	}
}

func TestClockReal(t *testing.T) {
	c := NewClock()
	if c.Now() < 1 {
		t.Error("a stamp below 1")
	}
	if age := time.Since(c.Began()); age < 0 || age > time.Minute {
		t.Errorf("began %v ago", age)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5000 {
				before := c.Now()
				w := time.Now()
				at := c.fromWall(w.UnixNano(), c.Now())
				// Generous: the offset is known to some 100 ns.
				if after := c.Now(); at < before-200_000 || at > after {
					t.Errorf("wall time between %d and %d became %d", before, after, at)
					return
				}
			}
		})
	}
	wg.Wait()
	if c.Steps() != 0 {
		t.Errorf("%d steps of a clock that nobody set", c.Steps())
	}
}

func BenchmarkFromWall(b *testing.B) {
	c := NewClock()
	wall := time.Now().UnixNano()
	b.ReportAllocs()
	for b.Loop() {
		c.fromWall(wall, c.Now())
	}
}
