package load

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/record"
	"tokmeter/internal/schedule"
	"tokmeter/internal/workload"
)

// thinking is a closed loop whose users think before they ask again: after the
// first request that ends, for the first of these times, and so on.
type thinking struct {
	users int
	think []time.Duration
	due   []time.Duration
}

func (p *thinking) Next() (time.Duration, bool) {
	if p.users > 0 {
		p.users--
		return 0, true
	}
	if len(p.due) == 0 {
		return 0, false
	}
	due := p.due[0]
	p.due = p.due[1:]
	return due, true
}

func (p *thinking) Ended(e schedule.Ended) {
	if len(p.think) == 0 {
		return
	}
	p.due = append(p.due, e.At+p.think[0])
	p.think = p.think[1:]
}

// TestRunThinks: what an end makes known goes when it is due, also where that is
// before the request that the dispatcher waits for, and at once where it is due at
// the end itself.
func TestRunThinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, client, sink := newJob(make([]time.Duration, 6)...)
		// Two users: one asks for 1 s, the other for 2 s.
		client.takes = func(id string) time.Duration {
			if id == "r1" {
				return 2 * time.Second
			}
			return time.Second
		}
		j.Pace = &thinking{users: 2, think: []time.Duration{10 * time.Second, 3 * time.Second, 0, 0}}
		end, err := Run(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		var sent []time.Duration
		for _, r := range sink.Records() {
			if r.Due != r.Released || r.Released != r.Sent {
				t.Errorf("request %d: due %v, released %v, sent %v", r.Index, r.Due, r.Released, r.Sent)
			}
			sent = append(sent, r.Sent.Sub(end.Start))
		}
		slices.Sort(sent)
		// r0 ends at 1 s and is followed at 11 s; r1 ends at 2 s and is followed at
		// 5 s, that one at once at 6 s and 7 s.
		want := []time.Duration{0, 0, 5 * time.Second, 6 * time.Second, 7 * time.Second, 11 * time.Second}
		if d := cmp.Diff(want, sent); d != "" {
			t.Fatal(d)
		}
		if end.Reason != record.AllSent || end.Sent != 6 {
			t.Errorf("got %+v", end)
		}
	})
}

// counted is a source without end that counts what was made of it.
type counted struct{ made atomic.Int64 }

func (s *counted) Next() (workload.Request, bool) {
	n := s.made.Add(1)
	return workload.Request{Index: int(n) - 1, Body: make([]byte, 1000)}, true
}

// TestWindow: of a source without end no more is made than the window holds.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &counted{}
		w := openWindow(source, 1<<40)
		w.await()
		synctest.Wait()
		if got := source.made.Load(); got != windowRequests {
			t.Errorf("%d requests were made ahead, want %d", got, windowRequests)
		}
		for i := range 10 {
			if r, ok := w.next(); !ok || r.Index != i {
				t.Fatalf("request %d: got %d, %v", i, r.Index, ok)
			}
		}
		synctest.Wait()
		if got := source.made.Load(); got != windowRequests+10 {
			t.Errorf("%d requests were made, want 10 more", got)
		}
		w.stop()
		if _, ok := w.next(); ok {
			t.Error("a stopped window gave a request")
		}
		if r, ok := w.rest(); !ok || r.Index != 10 {
			t.Errorf("the rest begins with request %d", r.Index)
		}
	})
}
