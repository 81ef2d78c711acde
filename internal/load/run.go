package load

import (
	"context"
	"errors"
	"sync"
	"time"

	"tokmeter/internal/record"
)

// ErrEnough is the cause of a context that ends a run because enough was seen:
// requests that wait for a slot are then not recorded as cancelled.
var ErrEnough = errors.New("enough requests were sent")

// Run sends the requests of j when its pace says so and returns when each of them
// has delivered its record. Cancelling ctx stops the sending: requests that are
// under way have j.Grace to finish and are cancelled then; those that still wait
// for a slot are recorded as cancelled and never sent, unless the cause is ErrEnough; those that are not due yet
// leave no record. The error is of the set-up or the first of the sink; after an
// error of the sink the Ending holds all the same.
func Run(ctx context.Context, j Job) (record.Ending, error) {
	if err := j.Validate(); err != nil {
		return record.Ending{}, err
	}
	if j.Progress == nil {
		j.Progress = new(record.Progress)
	}
	r := &run{Job: &j, window: openWindow(j.Source, j.Requests)}
	r.pacer = newPacer(r)
	r.Progress.Total.Store(int64(j.Requests))
	unhalt := context.AfterFunc(ctx, r.window.halt)
	defer unhalt()

	calls, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	defer kill(nil)
	r.calls = calls
	r.supply = newSupply(r)
	r.supply.fill(ctx)
	r.window.await()

	end := record.Ending{Began: j.Clock.Began(), Start: j.Clock.Now(), Reason: record.Interrupted}
	r.pacer.start = end.Start
	all, err := r.dispatch(ctx)
	if r.drain(ctx, kill) && all {
		end.Reason = record.AllSent
	}
	end.End = j.Clock.Now()
	r.window.stop()
	for _, w := range r.supply.stop() {
		end.Warnings = append(end.Warnings, record.Warning{Code: "connections", Text: w})
	}
	end.Sent = r.pacer.sent
	end.ClockSteps = j.Clock.Steps()
	if err == nil {
		err = r.sinkErr
	}
	return end, err
}

// A run is a Job under way.
type run struct {
	*Job
	window *window
	pacer  *pacer
	supply *supply

	// calls is the context of every request; it outlives the caller's by the
	// grace.
	calls    context.Context
	underWay sync.WaitGroup // requests let go that have not delivered a record

	sinkMu  sync.Mutex
	sinkErr error
}

// dispatch lets the requests go. It reports whether all of them went.
func (r *run) dispatch(ctx context.Context) (all bool, err error) {
	if r.wait != nil {
		return r.release(ctx, *r.wait), nil
	}
	err = onThread(ctx, r.Clock, func(w waiter) { all = r.release(ctx, w) })
	return all, err
}

// release is the core loop: whatever takes time is done before the wait.
func (r *run) release(ctx context.Context, w waiter) (all bool) {
	p := r.pacer
	for {
		s, idle := p.upcoming(w)
		switch {
		case ctx.Err() != nil:
			p.forget(s)
			return false
		case idle:
			select {
			case <-p.poke:
			case <-ctx.Done():
			}
			continue
		case s == nil:
			return true
		}
		for !w.until(ctx, s.rec.Due) {
			if ctx.Err() != nil {
				p.forget(s)
				return false
			}
			p.sooner(s)
		}
		p.letGo(s, r.Clock.Now())
	}
}

// follow is the goroutine of a stream that was let go.
func (r *run) follow(s *stream) {
	r.Progress.InFlight.Add(1)
	s.call.Punctual = r.Punctual
	s.exchange(r.calls, func() {
		r.Progress.InFlight.Add(-1)
		// The next request must not wait for this one's record.
		r.pacer.ended()
	})
	r.deliver(s.rec)
	r.underWay.Done()
}

// deliver hands a complete record over.
func (r *run) deliver(rec *record.Record) {
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
		return ctx.Err() == nil
	case <-ctx.Done():
	}
	grace := time.NewTimer(r.Grace)
	defer grace.Stop()
	if errors.Is(context.Cause(ctx), ErrEnough) {
		r.window.stop()
		r.pacer.close()
	} else {
		r.cancelWaiting()
	}
	select {
	case <-ended:
	case <-grace.C:
	case <-r.Abort:
	}
	kill(errStopped)
	<-ended
	return false
}

// cancelWaiting records the requests that were due and waited for a slot.
func (r *run) cancelWaiting() {
	r.window.stop()
	for {
		select {
		case <-r.Abort:
			return
		default:
		}
		rec := r.pacer.waiting()
		if rec == nil {
			return
		}
		rec.Outcome = record.Cancelled
		rec.Err = "not sent: the run was stopped while the request waited for a slot"
		r.deliver(rec)
	}
}
