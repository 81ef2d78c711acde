package wire

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"tokmeter/internal/record"
)

// calls are what a client has under way, so that Close can end them all and
// wait for them.
type calls struct {
	life context.Context
	end  context.CancelCauseFunc

	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup
}

func newCalls() *calls {
	c := new(calls)
	c.life, c.end = context.WithCancelCause(context.Background())
	return c
}

// enter gives the context of one call, which ends with ctx or with the client,
// and what to do when the call is over.
func (c *calls) enter(ctx context.Context) (tied context.Context, leave func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ctx, nil, &Error{Outcome: record.Cancelled, Err: errClosed}
	}
	c.work.Add(1)
	tied, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.life, func() { cancel(errClosed) })
	return tied, func() {
		stop()
		cancel(nil)
		c.work.Done()
	}, nil
}

// close ends the calls and returns when none is left.
func (c *calls) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.end(errClosed)
	c.work.Wait()
}

// follow makes one call: send sends it to a target and returns the location of
// a redirect, "" where the answer was none.
func (c *calls) follow(ctx context.Context, clock *Clock, to *target,
	send func(context.Context, *target, *record.Timing) (location string, err error)) (t record.Timing, err error) {
	ctx, leave, err := c.enter(ctx)
	if err != nil {
		return t, err
	}
	defer leave()
	defer func() {
		if t.Done == 0 {
			t.Done = clock.Now()
		}
	}()
	for ; ; t.Redirects++ {
		location, err := send(ctx, to, &t)
		t.Stripped = to.left != ""
		if err != nil || location == "" {
			return t, to.explain(failure(ctx, err))
		}
		if to, err = to.next(&t, location); err != nil {
			return t, failure(ctx, err)
		}
	}
}

// explain says of a failure that a redirect may be why.
func (to *target) explain(err error) error {
	var e *Error
	if to.left == "" || !errors.As(err, &e) || e.Outcome != record.HTTPError && e.Outcome != record.BadStream {
		return err
	}
	told := *e
	told.Err = fmt.Errorf("%w (%s)", e.Err, to.left)
	return &told
}
