package load

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	aheadOf   = time.Second
	spareFor  = 250 * time.Millisecond
	leastIdle = 4
	// settle is how long a request that was let go has to take its connection
	// before the idle ones are counted.
	settle = time.Millisecond
	// mostAhead is below the open files that systems allow at most by default
	// and the ports that one address has.
	mostAhead = 10_000
	// fillLimit is how long a run waits for connections before it starts.
	fillLimit = 15 * time.Second
)

// The supply keeps connections ready ahead of need, so that the time to make
// one is in no request's latency. Before the start it makes as many as the
// schedule asks for within its busiest second, but no more than may be under
// way at once; during the run it makes more whenever fewer are idle than the
// busiest quarter of a second asks for.
type supply struct {
	run    *run
	first  int // connections before the start
	spare  int // idle connections to keep
	wake   chan struct{}
	cancel context.CancelFunc
	gone   sync.WaitGroup
	warned []string
}

func newSupply(r *run) *supply {
	limit := min(r.Requests, mostAhead)
	if r.MaxConcurrency > 0 {
		limit = min(limit, r.MaxConcurrency)
	}
	within := func(time.Duration, int) int { return 0 }
	if r.Busiest != nil {
		within = r.Busiest
	}
	return &supply{
		run:   r,
		first: min(limit, max(leastIdle, within(aheadOf, limit))),
		spare: min(limit, max(leastIdle, within(spareFor, limit))),
		wake:  make(chan struct{}, 1),
	}
}

// fill makes the first connections and starts to keep the spares. A failure is
// no reason to give up: each request finds out for itself, and its record says
// what happened.
func (s *supply) fill(ctx context.Context) {
	short, cancel := context.WithTimeout(ctx, fillLimit)
	err := s.run.Client.Connect(short, s.first)
	cancel()
	if err != nil && ctx.Err() == nil {
		s.warn(err)
	}
	ctx, s.cancel = context.WithCancel(ctx)
	if err == nil {
		s.gone.Go(func() { s.keep(ctx) })
	}
}

// used says that a request may have taken a connection. It never blocks.
func (s *supply) used() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// keep has the client make connections until enough are idle, after each
// request that took one, up to the first failure.
func (s *supply) keep(ctx context.Context) {
	for {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(settle):
		case <-ctx.Done():
			return
		}
		p := s.run.Progress
		want := min(s.spare, s.run.Requests-int(p.Released.Load()))
		if limit := s.run.MaxConcurrency; limit > 0 {
			want = min(want, limit-int(p.InFlight.Load()))
		}
		if want <= 0 {
			continue
		}
		if err := s.run.Client.Connect(ctx, want); err != nil {
			if ctx.Err() == nil {
				s.warn(err)
			}
			return
		}
	}
}

func (s *supply) warn(err error) {
	s.warned = append(s.warned, fmt.Sprintf("could not make connections ahead of need, so their making is in the latencies: %v", err))
}

// stop returns when nothing is being connected any more, with the warnings.
func (s *supply) stop() []string {
	s.cancel()
	s.gone.Wait()
	return s.warned
}
