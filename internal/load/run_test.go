package load

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/record"
	"tokmeter/internal/schedule"
)

func TestRunKeepsTheSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The server takes far longer than the gap between two requests: an
		// open loop does not wait for it.
		due := every(7*time.Millisecond, 1000)
		j, client, sink := newJob(due...)
		client.takes = func(string) time.Duration { return 3 * time.Second }
		end, err := Run(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		recs := sink.Records()
		if len(recs) != 1000 || end.Sent != 1000 || end.Reason != record.AllSent {
			t.Fatalf("got %d records, ending %+v", len(recs), end)
		}
		for i, r := range recs {
			want := end.Start + record.Stamp(due[i])
			if r.Due != want || r.Released != want || r.Sent != want || r.Outcome != record.OK {
				t.Fatalf("request %d: due %d, released %d, sent %d, want %d; %s", i, r.Due, r.Released, r.Sent, want, r.Outcome)
			}
		}
		if got, want := end.End.Sub(end.Start), due[999]+3*time.Second; got != want {
			t.Errorf("the run took %v, want %v", got, want)
		}
		p := j.Progress
		if p.Total.Load() != 1000 || p.Done.Load() != 1000 || p.Failed.Load() != 0 || p.InFlight.Load() != 0 || p.Tokens.Load() != 3000 {
			t.Errorf("progress: total %d done %d failed %d in flight %d tokens %d", p.Total.Load(), p.Done.Load(), p.Failed.Load(), p.InFlight.Load(), p.Tokens.Load())
		}
		if got := time.Duration(p.TTFTSum.Load() / p.TTFTCount.Load()); got != time.Second {
			t.Errorf("TTFT so far: got %v, want 1s", got)
		}
	})
}

func TestRunShapes(t *testing.T) {
	tests := []struct {
		why  string
		edit func(*Job)
		want int // records
	}{
		{"rate inf: all are due at the start", func(j *Job) { j.Pace = at(make([]time.Duration, 20)...).Pace() }, 20},
		{"arrivals without end stop at Requests", func(j *Job) {
			j.Pace = &ticking{gap: time.Millisecond}
		}, 20},
		{"fewer arrivals than requests", func(j *Job) { j.Pace = at(every(time.Second, 3)...).Pace() }, 3},
		{"fewer requests than arrivals", func(j *Job) { j.Source = &requests{n: 5} }, 5},
		{"a due time before the one before is due at once", func(j *Job) { j.Pace = &backwards{} }, 2},
		{"none", func(j *Job) { j.Requests = 0 }, 0},
		{"nobody looks at the progress", func(j *Job) { j.Progress = nil }, 20},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, _, sink := newJob(every(time.Millisecond, 20)...)
				tt.edit(&j)
				end, err := Run(t.Context(), j)
				if err != nil {
					t.Fatal(err)
				}
				if got := len(sink.Records()); got != tt.want || end.Sent != tt.want || end.Reason != record.AllSent {
					t.Fatalf("got %d records, ending %+v, want %d", got, end, tt.want)
				}
			})
		})
	}
}

// ticking is a pace without end, of requests a fixed distance apart.
type ticking struct{ gap, next time.Duration }

func (p *ticking) Next() (time.Duration, bool) { p.next += p.gap; return p.next, true }
func (p *ticking) Ended(schedule.Ended)        {}

// backwards is a pace whose second request is due before its first.
type backwards struct{ n int }

func (p *backwards) Next() (time.Duration, bool) {
	p.n++
	return time.Second * time.Duration(2-p.n), p.n <= 2
}
func (p *backwards) Ended(schedule.Ended) {}

func TestRunInOrderUnderALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, client, sink := newJob(make([]time.Duration, 50)...)
		j.MaxConcurrency = 3
		client.takes = func(id string) time.Duration { return time.Duration(len(id)) * time.Second }
		end, err := Run(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		if client.peak != 3 {
			t.Errorf("got %d at once, want 3", client.peak)
		}
		recs := sink.Records()
		sent := slices.Clone(recs)
		slices.SortStableFunc(sent, func(a, b *record.Record) int { return int(a.Sent - b.Sent) })
		for i, r := range recs {
			if sent[i].Sent != r.Sent {
				t.Fatalf("request %d was sent out of order", i)
			}
			if r.Released != end.Start {
				t.Fatalf("request %d: released %v after the start, want at once", i, r.Released.Sub(end.Start))
			}
		}
		// r0…r9 take 2 s, the others 3 s: the fourth waits for one slot.
		if got := recs[3].Sent.Sub(recs[3].Released); got != 2*time.Second {
			t.Errorf("time in the queue: got %v, want 2s", got)
		}
	})
}

func TestRunInterrupted(t *testing.T) {
	tests := []struct {
		why   string
		after time.Duration // of Ctrl-C
		grace time.Duration
		abort time.Duration // of the second Ctrl-C, 0 for none
		limit int
		takes time.Duration
		want  map[record.Outcome]int
		ends  time.Duration
	}{
		{"what is under way may finish; what is not due leaves no record", 3500 * time.Millisecond, time.Minute, 0, 0,
			2 * time.Second, map[record.Outcome]int{record.OK: 4}, 5 * time.Second},
		{"the grace ends", 3500 * time.Millisecond, time.Second, 0, 0,
			2 * time.Second, map[record.Outcome]int{record.OK: 3, record.Cancelled: 1}, 4500 * time.Millisecond},
		{"no grace", 3500 * time.Millisecond, 0, 0, 0,
			2 * time.Second, map[record.Outcome]int{record.OK: 2, record.Cancelled: 2}, 3500 * time.Millisecond},
		{"those who wait for a slot are never sent", 3500 * time.Millisecond, time.Minute, 0, 1,
			10 * time.Second, map[record.Outcome]int{record.OK: 1, record.Cancelled: 3}, 10 * time.Second},
		{"a second Ctrl-C ends the grace", 3500 * time.Millisecond, time.Hour, 2 * time.Second, 0,
			time.Hour, map[record.Outcome]int{record.Cancelled: 4}, 5500 * time.Millisecond},
		{"all were sent already: still an interruption", 15 * time.Second, time.Second, 0, 0,
			time.Hour, map[record.Outcome]int{record.Cancelled: 10}, 16 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, client, sink := newJob(every(time.Second, 10)...)
				client.takes = func(string) time.Duration { return tt.takes }
				j.Grace, j.MaxConcurrency = tt.grace, tt.limit
				abort := make(chan struct{})
				j.Abort = abort
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() {
					time.Sleep(tt.after)
					cancel()
					if tt.abort > 0 {
						time.Sleep(tt.abort)
						close(abort)
					}
				}()
				end, err := Run(ctx, j)
				if err != nil {
					t.Fatal(err)
				}
				got := make(map[record.Outcome]int)
				for _, r := range sink.Records() {
					got[r.Outcome]++
					if unsent := strings.HasPrefix(r.Err, "not sent"); unsent != (r.Sent == 0) {
						t.Errorf("request %d: sent %d, %q", r.Index, r.Sent, r.Err)
					}
				}
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Error(d)
				}
				if end.Reason != record.Interrupted || end.End.Sub(end.Start) != tt.ends {
					t.Errorf("got %s after %v, want interrupted after %v", end.Reason, end.End.Sub(end.Start), tt.ends)
				}
			})
		})
	}
}

func TestRunTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, client, sink := newJob(0, 0, 0)
		client.takes = func(string) time.Duration { return 3 * time.Second }
		j.Timeout, j.MaxConcurrency = 2500*time.Millisecond, 1
		if _, err := Run(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		for i, r := range sink.Records() {
			// Tokens flow when it runs out, and the time in the queue is not in it.
			if r.Outcome != record.Timeout || len(r.Events) != 2 || r.Sent.Sub(r.Due) != time.Duration(i)*2500*time.Millisecond {
				t.Errorf("request %d: got %s with %d tokens, sent after %v", i, r.Outcome, len(r.Events), r.Sent.Sub(r.Due))
			}
		}
	})
}

func TestRunTellsOfTheSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _, sink := newJob(every(time.Second, 4)...)
		j.Sink = record.Tee(fullDisk{}, sink)
		end, err := Run(t.Context(), j)
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v, want the sink's error", err)
		}
		if end.Sent != 4 || len(sink.Records()) != 4 {
			t.Errorf("a measurement goes on without its file: sent %d", end.Sent)
		}
	})
}

type fullDisk struct{}

func (fullDisk) Add(*record.Record) error { return fs.ErrPermission }
func (fullDisk) Close() error             { return nil }

func TestRunRefuses(t *testing.T) {
	_, err := Run(t.Context(), Job{Requests: -1, MaxConcurrency: -1, Grace: -1})
	if got := strings.Count(fmt.Sprint(err), "load: "); got != 9 {
		t.Fatalf("got %d problems, want 9: %v", got, err)
	}
}

func TestSupply(t *testing.T) {
	tests := []struct {
		why   string
		due   []time.Duration
		limit int
		want  []int // connections made, in order
		left  int   // connections there are at the end
	}{
		{"rate inf: one for each", make([]time.Duration, 100), 0, []int{100}, 100},
		{"no more than may be under way", make([]time.Duration, 100), 7, []int{7}, 7},
		{"no more than there are requests", every(time.Second, 2), 0, []int{2}, 2},
		{"a fast schedule begins with its busiest second", every(10*time.Millisecond, 300), 0, []int{101}, 300},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, client, _ := newJob(tt.due...)
				j.MaxConcurrency = tt.limit
				client.takes = func(string) time.Duration { return 10 * time.Second }
				if _, err := Run(t.Context(), j); err != nil {
					t.Fatal(err)
				}
				if got := client.connects[:len(tt.want)]; !slices.Equal(got, tt.want) {
					t.Errorf("got %v, want %v", client.connects, tt.want)
				}
				if client.open != tt.left {
					t.Errorf("got %d connections in the end, want %d", client.open, tt.left)
				}
			})
		})
	}
}

// Whatever comes in the middle of a run finds a connection ready.
func TestSupplyStaysAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, client, _ := newJob(every(10*time.Millisecond, 3000)...)
		client.takes = func(string) time.Duration { return time.Hour }
		worst := 1 << 30
		inner := j.wait.until
		j.wait.until = func(ctx context.Context, moment record.Stamp) bool {
			ok := inner(ctx, moment)
			synctest.Wait()
			worst = min(worst, client.idle())
			return ok
		}
		if _, err := Run(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if worst < 1 {
			t.Errorf("a request found %d idle connections", worst)
		}
		if client.open != 3000 {
			t.Errorf("got %d connections for 3000 requests", client.open)
		}
	})
}

func TestSupplyRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, client, sink := newJob(every(time.Second, 3)...)
		client.refuse = errors.New("connection refused")
		end, err := Run(t.Context(), j)
		if err != nil || len(sink.Records()) != 3 {
			t.Fatalf("got %v and %d records, want each request to find out for itself", err, len(sink.Records()))
		}
		if len(end.Warnings) != 1 || !strings.Contains(end.Warnings[0].Text, "refused") || len(client.connects) != 1 {
			t.Errorf("got warnings %q after %d attempts, want one of each", end.Warnings, len(client.connects))
		}
	})
}
