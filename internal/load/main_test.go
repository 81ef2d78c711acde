package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tokmeter/internal/plan"
	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/schedule"
	"tokmeter/internal/wire"
	"tokmeter/internal/workload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fakeClient answers every call after a time with three tokens, the first
// after a third of it. It uses Go's timers, so it runs under synctest.
type fakeClient struct {
	clock  *wire.Clock
	takes  func(id string) time.Duration
	answer error // instead of an answer, after the time

	mu       sync.Mutex
	order    []string // ids in the order in which they came
	connects []int
	open     int // connections there are
	busy     int
	peak     int
	refuse   error // of Connect
}

// Connect makes connections until n are idle.
func (c *fakeClient) Connect(_ context.Context, n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connects = append(c.connects, n)
	if c.refuse != nil {
		return c.refuse
	}
	c.open = max(c.open, c.busy+n)
	return nil
}

func (c *fakeClient) idle() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open - c.busy
}

func (c *fakeClient) enter(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order = append(c.order, id)
	c.busy++
	c.open = max(c.open, c.busy)
	c.peak = max(c.peak, c.busy)
}

func (c *fakeClient) leave() {
	c.mu.Lock()
	c.busy--
	c.mu.Unlock()
}

func (c *fakeClient) Do(ctx context.Context, call wire.Call, event wire.Handler) (record.Timing, error) {
	c.enter(call.ID)
	defer c.leave()
	t := record.Timing{Sent: c.clock.Now(), Status: 200}
	takes := time.Second
	if c.takes != nil {
		takes = c.takes(call.ID)
	}
	for _, gap := range [3]time.Duration{takes / 3, takes / 3, takes - takes/3*2} {
		if err := sleep(ctx, gap); err != nil {
			return t, err
		}
		if c.answer != nil {
			return t, c.answer
		}
		event(wire.Event{Data: []byte(`{"choices":[{"index":0,"text":"a","finish_reason":null}]}`), At: c.clock.Now()})
	}
	event(wire.Event{Data: []byte(`[DONE]`), At: c.clock.Now()})
	t.Done = c.clock.Now()
	return t, nil
}

func (c *fakeClient) Close() error { return nil }

// sleep fails as a real client does: by the context's cause.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		outcome := record.Cancelled
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			outcome = record.Timeout
		}
		return &wire.Error{Outcome: outcome, Err: context.Cause(ctx)}
	}
}

// fakeWait waits with Go's timers, which are exact under synctest.
func fakeWait(clock *wire.Clock) *waiter {
	woken := make(chan struct{}, 1)
	return &waiter{
		wake: func() { woken <- struct{}{} },
		until: func(ctx context.Context, moment record.Stamp) bool {
			timer := time.NewTimer(moment.Sub(clock.Now()))
			defer timer.Stop()
			select {
			case <-timer.C:
				return ctx.Err() == nil
			case <-woken:
			case <-ctx.Done():
			}
			return false
		},
	}
}

// at is a pace of requests at these times, and what it has within a time.
func at(due ...time.Duration) *schedule.Schedule {
	s, err := schedule.New(plan.Load{SelfTimed: true}, len(due), append([]time.Duration{}, due...), nil)
	if err != nil {
		panic(err)
	}
	return s
}

// requests is a source of n requests r0, r1, …
type requests struct{ next, n int }

func (s *requests) Next() (workload.Request, bool) {
	if s.next == s.n {
		return workload.Request{}, false
	}
	i := s.next
	s.next++
	return workload.Request{Index: i, ID: fmt.Sprintf("r%d", i), Body: []byte("{}"), WantOutput: 3}, true
}

// A memory is a sink that keeps the records.
type memory struct {
	mu   sync.Mutex
	recs []*record.Record
}

func (m *memory) Add(r *record.Record) error {
	m.mu.Lock()
	m.recs = append(m.recs, r)
	m.mu.Unlock()
	return nil
}

func (m *memory) Close() error { return nil }

// Records are those so far, in order of Index.
func (m *memory) Records() []*record.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	recs := slices.Clone(m.recs)
	slices.SortStableFunc(recs, func(a, b *record.Record) int { return a.Index - b.Index })
	return recs
}

// newJob is a job of one request for each due time.
func newJob(due ...time.Duration) (Job, *fakeClient, *memory) {
	clock := wire.NewClock()
	client := &fakeClient{clock: clock}
	sink := new(memory)
	return Job{
		Source: &requests{n: len(due)}, Requests: len(due), Pace: at(due...).Pace(), Busiest: at(due...).Busiest,
		Client: client, Dialect: completions(), Sink: sink, Clock: clock,
		Progress: new(record.Progress), wait: fakeWait(clock),
	}, client, sink
}

func completions() protocol.Dialect {
	d, err := protocol.New("openai")
	if err != nil {
		panic(err)
	}
	return d
}

// every is n due times a fixed distance apart.
func every(d time.Duration, n int) []time.Duration {
	due := make([]time.Duration, n)
	for i := range due {
		due[i] = time.Duration(i) * d
	}
	return due
}
