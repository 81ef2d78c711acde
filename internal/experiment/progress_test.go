package experiment

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type wall struct{}

func (wall) Now() time.Time { return time.Now() }

// TestProgress: steps are counted from the first note on, those of a variant
// that is given up count as done, and the time left is that of the plans until
// the first step tells better.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.badStart = map[string]bool{"b": true}
		w.at = func(what string) {
			if strings.HasPrefix(what, "measure") {
				time.Sleep(2 * time.Minute)
			}
		}
		s := named("a", "b", "c")
		s.Rounds = 2
		for i := range s.Variants {
			s.Variants[i].Plan.Workload.NumPrompts = 60
		}
		d := w.deps(&memory{})
		d.Clock = wall{}
		var got []Progress
		d.Tell = func(n Note) { got = append(got, n.Progress) }
		mustRun(t, s, d)
		if first := got[0]; first != (Progress{0, 6, 6 * time.Minute}) {
			t.Errorf("at the beginning: got %+v, want 6 steps of a minute by their plans", first)
		}
		if second := got[1]; second != (Progress{1, 6, 10 * time.Minute}) {
			t.Errorf("after one step: got %+v, want five of two minutes left", second)
		}
		if last := got[len(got)-1]; last != (Progress{6, 6, 0}) {
			t.Errorf("at the end: got %+v, want all done", last)
		}
	})
}
