package wire

import (
	"context"
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
