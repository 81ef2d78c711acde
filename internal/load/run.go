package load

import (
	"context"
	"sync"
	"time"

	"tokmeter/internal/record"
	"tokmeter/internal/schedule"
)

// Run sends the requests of j at their due times and returns when each of them
// has delivered its record. Cancelling ctx stops the sending: requests that are
// under way have j.Grace to finish and are cancelled then; those that still
// wait for a slot are recorded as cancelled and never sent; those that are not
// due yet leave no record. The error is of the set-up or the first of the
// sink; after an error of the sink the Ending holds all the same.
func Run(ctx context.Context, j Job) (record.Ending, error) {
	if err := j.Validate(); err != nil {
		return record.Ending{}, err
	}
	if j.Progress == nil {
		j.Progress = new(record.Progress)
	}
	r := &run{Job: &j, gate: gate{limit: j.MaxConcurrency}, due: firstOf(j.Due, j.Requests)}
	r.Progress.Total.Store(int64(len(r.due)))

	calls, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	defer kill(nil)
	r.calls = calls
	r.supply = newSupply(r)
	r.supply.fill(ctx)

	end := record.Ending{Began: j.Clock.Began(), Start: j.Clock.Now(), Reason: record.Interrupted}
	all, err := r.dispatch(ctx, end.Start)
	if r.drain(ctx, kill) && all {
		end.Reason = record.AllSent
	}
	end.End = j.Clock.Now()
	for _, w := range r.supply.stop() {
		end.Warnings = append(end.Warnings, record.Warning{Code: "connections", Text: w})
	}
	end.Sent = r.sent
	end.ClockSteps = j.Clock.Steps()
	if err == nil {
		err = r.sinkErr
	}
	return end, err
}

func firstOf(due schedule.Arrivals, n int) []time.Duration {
	offsets := make([]time.Duration, 0, n)
	for d := range due {
		if len(offsets) == n {
			break
		}
		offsets = append(offsets, d)
	}
	return offsets
}

// A run is a Job under way.
type run struct {
	*Job
	due    []time.Duration
	gate   gate
	supply *supply

	// calls is the context of every request; it outlives the caller's by the
	// grace.
	calls    context.Context
	underWay sync.WaitGroup // requests let go that have not delivered a record
	sent     int            // requests let go; the dispatcher's until it is gone

	sinkMu  sync.Mutex
	sinkErr error
}

// dispatch lets the requests go. It reports whether all of them went.
func (r *run) dispatch(ctx context.Context, start record.Stamp) (all bool, err error) {
	if r.wait != nil {
		return r.release(ctx, start, r.wait), nil
	}
	err = onThread(ctx, r.Clock, func(wait waitFunc) { all = r.release(ctx, start, wait) })
	return all, err
}

// release is the core loop: whatever takes time is done before the wait.
func (r *run) release(ctx context.Context, start record.Stamp, wait waitFunc) (all bool) {
	for _, due := range r.due {
		req, ok := r.Source.Next()
		if !ok {
			return true
		}
		s := newStream(r.Job, req)
		s.rec.Due = start + record.Stamp(due)
		r.underWay.Add(1)
		if !wait(ctx, s.rec.Due) {
			r.underWay.Done()
			return false
		}
		s.rec.Released = r.Clock.Now()
		if r.gate.enter(s) {
			go r.follow(s)
		}
		r.sent++
		r.Progress.Released.Add(1)
		r.supply.used()
	}
	return true
}

// follow is the goroutine of a stream that has its slot.
func (r *run) follow(s *stream) {
	r.Progress.InFlight.Add(1)
	s.exchange(r.calls, func() {
		r.Progress.InFlight.Add(-1)
		// The next request must not wait for this one's record.
		if next := r.gate.leave(); next != nil {
			go r.follow(next)
		}
	})
	r.deliver(s.rec)
}

// deliver hands a complete record over.
func (r *run) deliver(rec *record.Record) {
	defer r.underWay.Done()
	r.Progress.Done.Add(1)
	if rec.Outcome != record.OK {
		r.Progress.Failed.Add(1)
	}
	if err := r.Sink.Add(rec); err != nil {
		r.sinkMu.Lock()
		if r.sinkErr == nil {
			r.sinkErr = err
		}
		r.sinkMu.Unlock()
	}
}

// drain waits for the requests that were let go. It reports whether they could
// all end by themselves.
func (r *run) drain(ctx context.Context, kill context.CancelCauseFunc) (undisturbed bool) {
	ended := make(chan struct{})
	go func() {
		r.underWay.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-ctx.Done():
	}
	for _, s := range r.gate.close() {
		s.rec.Outcome = record.Cancelled
		s.rec.Err = "not sent: the run was stopped while the request waited for a slot"
		r.deliver(s.rec)
	}
	grace := time.NewTimer(r.Grace)
	defer grace.Stop()
	select {
	case <-ended:
	case <-grace.C:
	case <-r.Abort:
	}
	kill(errStopped)
	<-ended
	return false
}
