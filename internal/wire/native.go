package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"tokmeter/internal/origin"
	"tokmeter/internal/record"
)

// keepRequest is the largest buffer for a written request that is kept, in
// bytes.
const keepRequest = 1 << 20

// native is the client with kernel-stamped reads.
type native struct {
	cfg     Config
	dialer  *dialer
	loops   *loops // what reads plain connections; nil where goroutines do
	first   *target
	scratch sync.Pool // *[]byte that requests are put together in
	calls   *calls

	mu    sync.Mutex
	pools map[string]*pool // by origin
}

// NewNative makes the client with kernel-stamped reads. It speaks HTTP/1.1 and
// no proxy's language: with one in the way it refuses; see Config.NeedsStd.
// Over TLS a stamp is that of the read which completed the record.
func NewNative(cfg Config) (Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if why := cfg.NeedsStd(); why != "" {
		return nil, fmt.Errorf("%s: use the std client", why)
	}
	u, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	c := &native{cfg: cfg.withDefaults(), pools: map[string]*pool{}, calls: newCalls()}
	if c.loops, err = newLoops(c.cfg); err != nil {
		return nil, err
	}
	c.dialer = newDialer(c.cfg)
	c.scratch.New = func() any { return new([]byte) }
	c.first = newTarget(u, cfg.Header.Clone(), false)
	c.first.pool = c.poolFor(u)
	return c, nil
}

// Connect makes connections until n are idle.
func (c *native) Connect(ctx context.Context, n int) error {
	ctx, leave, err := c.calls.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return failure(ctx, c.first.pool.connect(ctx, n))
}

// Do sends one call.
func (c *native) Do(ctx context.Context, call Call, event Handler) (t record.Timing, err error) {
	return c.calls.follow(ctx, c.cfg.Clock, c.first, func(ctx context.Context, to *target, t *record.Timing) (string, error) {
		if to.pool == nil {
			to.pool = c.poolFor(to.url)
		}
		return c.send(ctx, to, call, event, t)
	})
}

// send sends one request, again on another connection if its own was stale.
func (c *native) send(ctx context.Context, to *target, call Call, event Handler, t *record.Timing) (location string, err error) {
	for again := false; ; again = true {
		if ctx.Err() != nil {
			return "", stopped(ctx)
		}
		var k *conn
		if !again {
			k = to.pool.get(ctx, call.Punctual, t)
		}
		if k == nil {
			dialed := c.cfg.Clock.Now()
			if k, err = to.pool.dial(ctx); err != nil {
				t.Dialed = dialed
				return "", err
			}
		}
		location, reuse, err := k.exchange(ctx, to, call, event, t)
		if reuse {
			to.pool.put(k)
		} else {
			k.raw.Close()
		}
		if errors.Is(err, errStale) && ctx.Err() == nil {
			t.Replaced++
			continue
		}
		return location, err
	}
}

// Close ends everything. It is safe to call more than once.
func (c *native) Close() error {
	c.calls.close()
	c.dialer.close()
	c.loops.close()
	return nil
}

func (c *native) poolFor(u *url.URL) *pool {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := origin.Of(u)
	p := c.pools[key]
	if p == nil {
		var secure *tls.Config
		if u.Scheme == "https" {
			secure = c.cfg.tlsConfig(u.Hostname(), "http/1.1")
		}
		p = &pool{client: c, addr: origin.Address(u), tls: secure}
		c.pools[key] = p
	}
	return p
}
