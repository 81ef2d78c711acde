package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tokmeter/internal/record"
)

// untilAbort is a context that outlives the first interrupt and ends with the
// second one. The caller must call done.
func (r *serveRun) untilAbort(ctx context.Context) (lasting context.Context, done func()) {
	lasting, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var gone sync.WaitGroup
	gone.Go(func() {
		select {
		case <-r.opts.Abort:
			cancel(errInterrupted)
		case <-lasting.Done():
		}
	})
	return lasting, func() { cancel(nil); gone.Wait() }
}

// afterwards is the context for what is done when the requests are through:
// the next interrupt ends it, be it the first or the second one.
func (r *serveRun) afterwards(ctx context.Context, limit time.Duration) (context.Context, func()) {
	done := func() {}
	if ctx.Err() != nil {
		ctx, done = r.untilAbort(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	return ctx, func() { cancel(); done() }
}

// tellInterrupt says on an interrupt what is waited for. It says so until stop
// is called.
func (r *serveRun) tellInterrupt(ctx context.Context, p *record.Progress) (stop func()) {
	told := make(chan struct{})
	off := context.AfterFunc(ctx, func() {
		defer close(told)
		n := p.InFlight.Load()
		if n == 0 || !errors.Is(context.Cause(ctx), errInterrupted) {
			return
		}
		wipe := ""
		if r.opts.Live && r.env.StderrTTY {
			wipe = "\r\x1b[K"
		}
		fmt.Fprintf(r.env.Stderr, "%stokmeter: interrupted: waiting up to %.0f s for %d requests under way; interrupt again to cut them\n", wipe, r.plan.Stop.Grace.Seconds(), n)
	})
	return func() {
		if !off() {
			<-told
		}
	}
}
