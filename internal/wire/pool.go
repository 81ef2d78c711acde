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

	// hasty says that the server closes connections right after an answer that
	// promised to keep them: a request on one may cross the close and be lost, so
	// that no further one is kept.
	hasty atomic.Bool

	mu    sync.Mutex
	used  []*conn
	ahead []*conn
}

// hastyWithin bounds how long after its answer a kept connection may end for its
// server to be hasty: limits on idle connections are seconds.
const hastyWithin = record.Stamp(time.Second)

// noteEnd keeps whether a server ended a connection in haste.
func (p *pool) noteEnd(k *conn) {
	if k.used && p.client.cfg.Clock.Now()-k.rested < hastyWithin {
		p.hasty.Store(true)
	}
}

// get takes an idle connection, nil when there is none. Kept connections that
// the server has closed are thrown away and counted; one that was made ahead
// is handed out as it is: its failure is the server's, and is to be seen.
func (p *pool) get(t *record.Timing) *conn {
	now := p.client.cfg.Clock.Now()
	for {
		k := p.pop()
		if k == nil || !k.used {
			return k
		}
		if k.expires >= now {
			readable, dead := k.raw.peek()
			if !dead && (!readable || p.tls != nil) {
				return k
			}
			p.noteEnd(k)
			t.Replaced++
		}
		k.raw.Close()
	}
}

func (p *pool) pop() (k *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.used); n > 0 {
		k, p.used[n-1] = p.used[n-1], nil
		p.used = p.used[:n-1]
	} else if len(p.ahead) > 0 {
		k, p.ahead[0] = p.ahead[0], nil
		p.ahead = p.ahead[1:]
	}
	return k
}

// put keeps k for the next call.
func (p *pool) put(k *conn) {
	p.mu.Lock()
	limit := p.client.cfg.MaxIdle
	full := limit > 0 && len(p.used)+len(p.ahead) >= limit || k.used && p.hasty.Load()
	switch {
	case full:
	case k.used:
		p.used = append(p.used, k)
	default:
		p.ahead = append(p.ahead, k)
	}
	p.mu.Unlock()
	if full {
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

// connect dials until n connections are idle, and gives the first error.
func (p *pool) connect(ctx context.Context, n int) error {
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
	raw, err := p.client.dialer.dial(ctx, p.addr)
	if err != nil {
		return nil, failure(ctx, refusedError{err})
	}
	link := &pulled{stampConn: raw, rw: raw}
	k := &conn{raw: link, pool: p, cutter: p.client.cfg.cutter()}
	raw.patient = true
	if p.tls != nil {
		limited, cancel := context.WithTimeout(ctx, p.client.cfg.DialTimeout)
		secured := tls.Client(raw, p.tls)
		err := secured.HandshakeContext(limited)
		cancel()
		if err != nil {
			raw.Close()
			return nil, failure(ctx, refusedError{fmt.Errorf("TLS with %s: %w", p.addr, err)})
		}
		link.rw = secured
	}
	k.connected = p.client.cfg.Clock.Now()
	return k, nil
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

func (d *dialer) dial(ctx context.Context, addr string) (*stampConn, error) {
	dialed := d.clock.Now()
	c, err := d.net.DialContext(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EMFILE):
		return nil, fmt.Errorf("%w; raise the limit of open files (ulimit -n)", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%w; too many connections to one address: limit the concurrency", err)
	case err != nil:
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
