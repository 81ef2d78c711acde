package run

import (
	"context"
	"sync"
	"time"

	"tokmeter/internal/record"
)

// untilAbort is a context that outlives ctx and ends with the world's Abort. The
// caller must call done.
func (j *job) untilAbort(ctx context.Context) (lasting context.Context, done func()) {
	lasting, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var gone sync.WaitGroup
	gone.Go(func() {
		select {
		case <-j.world.Abort:
			cancel(ErrInterrupted)
		case <-lasting.Done():
		}
	})
	return lasting, func() { cancel(nil); gone.Wait() }
}

// afterwards is the context for what is done when the requests are through: the
// next interrupt ends it, be it the end of ctx or Abort.
func (j *job) afterwards(ctx context.Context, timeout time.Duration) (context.Context, func()) {
	done := func() {}
	if ctx.Err() != nil {
		ctx, done = j.untilAbort(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	return ctx, func() { cancel(); done() }
}

// tellDraining says when ctx ends what is waited for, until stop is called.
func (j *job) tellDraining(ctx context.Context, p *record.Progress) (stop func()) {
	told := make(chan struct{})
	off := context.AfterFunc(ctx, func() {
		defer close(told)
		if n := p.InFlight.Load(); n > 0 && interrupted(ctx) {
			j.tell(Draining{Requests: n, Grace: j.plan.Load.Grace})
		}
	})
	return func() {
		if !off() {
			<-told
		}
	}
}
