package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tokmeter/internal/record"
)

// A pool is the idle connections to one origin. One that was used is taken
// first, the latest before the others; then those made ahead, the oldest first:
// a server with a thread for each connection attends to the oldest, and leaves
// later ones waiting behind idle ones until it loses patience with those.
type pool struct {
	client *native
	addr   string
	tls    *tls.Config // nil for plain HTTP
	manners

	mu      sync.Mutex
	used    []*conn // one at most, the witness, while manners are unknown
	ahead   []*conn
	judging bool // a goroutine waits for the witness to have rested
}

// noteEnd keeps whether a server ended a connection in haste.
func (p *pool) noteEnd(k *conn) {
	if k.used {
		p.sawEnd(p.client.cfg.Clock.Now() - k.rested)
	}
}

// get takes an idle connection that is open, nil when there is none. Those that
// the server has ended, or on which it spoke without being asked, are thrown
// away and counted, whether they had carried a request or were made ahead. A
// witness that has not rested is waited for, but a punctual call goes past it.
func (p *pool) get(ctx context.Context, punctual bool, t *record.Timing) *conn {
	for k := p.pop(punctual); k != nil; k = p.pop(punctual) {
		if k.used && p.unknown() {
			pause(ctx, restFor-p.restOf(k))
		}
		switch now := p.client.cfg.Clock.Now(); {
		case k.used && k.expires < now:
		case k.raw.open():
			if k.used {
				p.sawOpen(now - k.rested)
			}
			return k
		default:
			p.noteEnd(k)
			t.Replaced++
		}
		k.raw.Close()
	}
	return nil
}

// pop takes a connection out, none that must rest if it is to go past such.
func (p *pool) pop(past bool) (k *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	past = past && len(p.used) > 0 && p.unknown() && p.restOf(p.used[0]) < restFor
	if n := len(p.used); n > 0 && !past {
		k, p.used[n-1] = p.used[n-1], nil
		p.used = p.used[:n-1]
	} else if len(p.ahead) > 0 {
		k, p.ahead[0] = p.ahead[0], nil
		p.ahead = p.ahead[1:]
	}
	if past && !p.judging {
		p.judging = true
		p.client.calls.work.Add(1)
		time.AfterFunc(restFor-p.restOf(p.used[0]), p.judge)
	}
	return k
}

// restOf is how long a connection has been idle.
func (p *pool) restOf(k *conn) time.Duration { return p.client.cfg.Clock.Now().Sub(k.rested) }

// judge ends a witness that a request went past, once it has rested: a server may
// have no thread for another connection while it is open.
func (p *pool) judge() {
	defer p.client.calls.work.Done()
	p.mu.Lock()
	p.judging = false
	p.mu.Unlock()
	if k := p.takeWitness(); k != nil {
		p.look(k)
		k.raw.Close()
	}
}

// takeWitness takes the witness out, nil where there is none.
func (p *pool) takeWitness() (k *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unknown() && len(p.used) > 0 {
		k, p.used = p.used[0], nil
	}
	return k
}

// look learns from an idle connection whether the server keeps it, and reports
// whether it is open.
func (p *pool) look(k *conn) (open bool) {
	if open = k.raw.open(); open {
		p.sawOpen(p.client.cfg.Clock.Now() - k.rested)
	} else {
		p.noteEnd(k)
	}
	return open
}

// put keeps k for the next call, unless there is no use for it.
func (p *pool) put(k *conn) {
	k.waited = true
	p.mu.Lock()
	limit := p.client.cfg.MaxIdle
	drop := limit > 0 && len(p.used)+len(p.ahead) >= limit ||
		k.used && (p.hasty() || p.unknown() && len(p.used) > 0)
	switch {
	case drop:
	case k.used:
		p.used = append(p.used, k)
	default:
		p.ahead = append(p.ahead, k)
	}
	p.mu.Unlock()
	if drop {
		k.raw.Close()
	}
}

// learn waits until it is known whether the server keeps connections, where one
// has had an answer: then no request that is measured finds it out.
func (p *pool) learn(ctx context.Context) {
	k := p.takeWitness()
	if k == nil {
		return
	}
	pause(ctx, watchFor-p.restOf(k))
	if p.look(k) {
		p.put(k)
	} else {
		k.raw.Close()
	}
}

func (p *pool) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.used) + len(p.ahead)
}

// parallelDials is how many connections Connect makes at the same time.
const parallelDials = 64

// connect learns the server's manners, dials until n connections are idle, and
// gives the first error.
func (p *pool) connect(ctx context.Context, n int) error {
	p.learn(ctx)
	return inParallel(ctx, n-p.len(), func(ctx context.Context) error {
		k, err := p.dial(ctx)
		if err == nil {
			p.put(k)
		}
		return err
	})
}

// inParallel runs job n times, parallelDials at once, until one fails, and
// gives the first error.
func inParallel(ctx context.Context, n int, job func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for range min(n, parallelDials) {
		wg.Go(func() {
			for left.Add(-1) >= 0 && ctx.Err() == nil {
				if err := job(ctx); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// dial makes a connection. The error is an *Error.
func (p *pool) dial(ctx context.Context) (*conn, error) {
	raw, err := p.link(ctx)
	if err != nil {
		return nil, failure(ctx, refusedError{err})
	}
	return &conn{raw: raw, pool: p, cutter: p.client.cfg.cutter(), connected: p.client.cfg.Clock.Now()}, nil
}

// link makes what a connection reads and writes through.
func (p *pool) link(ctx context.Context) (link, error) {
	if p.tls == nil && p.client.loops != nil {
		c, dialed, err := p.client.dialer.connect(ctx, p.addr)
		if err != nil {
			return nil, err
		}
		return p.client.loops.adopt(c, dialed)
	}
	raw, err := p.client.dialer.dial(ctx, p.addr)
	if err != nil {
		return nil, err
	}
	raw.patient = true
	if p.tls == nil {
		return &pulled{stampConn: raw, rw: raw}, nil
	}
	limited, cancel := context.WithTimeout(ctx, p.client.cfg.DialTimeout)
	defer cancel()
	secured := tls.Client(raw, p.tls)
	if err := secured.HandshakeContext(limited); err != nil {
		raw.Close()
		return nil, fmt.Errorf("TLS with %s: %w", p.addr, err)
	}
	return &pulled{stampConn: raw, rw: secured}, nil
}

// A dialer makes stamped connections and knows all that are open.
type dialer struct {
	net     net.Dialer
	clock   *Clock
	release func() // ends what keeps the kernel stamping

	mu     sync.Mutex
	open   map[*stampConn]struct{}
	closed bool
}

func newDialer(cfg Config) *dialer {
	return &dialer{
		net:     net.Dialer{Timeout: cfg.DialTimeout, Control: askStamps},
		clock:   cfg.Clock,
		release: holdStamps(cfg.Clock),
		open:    map[*stampConn]struct{}{},
	}
}

// connect makes a bare connection that the kernel stamps.
func (d *dialer) connect(ctx context.Context, addr string) (c net.Conn, dialed record.Stamp, err error) {
	dialed = d.clock.Now()
	c, err = d.net.DialContext(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EMFILE):
		err = fmt.Errorf("%w; raise the limit of open files (ulimit -n)", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		err = fmt.Errorf("%w; too many connections to one address: limit the concurrency", err)
	}
	return c, dialed, err
}

func (d *dialer) dial(ctx context.Context, addr string) (*stampConn, error) {
	c, dialed, err := d.connect(ctx, addr)
	if err != nil {
		return nil, err
	}
	s, err := newStampConn(c, d.clock, dialed)
	if err == nil {
		err = d.add(s)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return s, nil
}

func (d *dialer) add(s *stampConn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return errClosed
	}
	d.open[s] = struct{}{}
	s.gone = func() {
		d.mu.Lock()
		delete(d.open, s)
		d.mu.Unlock()
	}
	return nil
}

// close closes every open connection and lets no other come.
func (d *dialer) close() {
	d.mu.Lock()
	d.closed = true
	all := make([]*stampConn, 0, len(d.open))
	for s := range d.open {
		all = append(all, s)
	}
	d.mu.Unlock()
	for _, s := range all {
		s.Close()
	}
	d.release()
}
