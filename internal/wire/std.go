package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tokmeter/internal/origin"
	"tokmeter/internal/record"
)

// std is the client on top of net/http.
type std struct {
	cfg    Config
	dialer *dialer
	first  *target
	keep   *http.Transport // keeps connections for the next call
	once   *http.Transport // has a connection for each call
	calls  *calls
	state  sync.Pool // *stdState
	manners

	mu       sync.Mutex
	ahead    map[string][]*stampConn // made ahead, by address
	watching bool                    // a call is under way whose connection is to be the witness
	witness  *stampConn              // rests while manners are unknown; nil for none
}

// stdState is what one call needs and the next may use again.
type stdState struct {
	cutter cutter
	buf    []byte
}

// NewStd makes the client on top of net/http: it goes through proxies and
// speaks HTTP/2 where the server offers it over TLS. Over HTTP/1.1 stamps are
// the kernel's, as in the native client; over HTTP/2, where one read may serve
// many streams, they are the reader's. Connect makes TCP connections ahead;
// TLS is spoken when a call takes one. BytesIn and BytesOut of an HTTP/2 call
// count bodies alone.
func NewStd(cfg Config) (Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	u, err := parseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	c := &std{cfg: cfg.withDefaults(), ahead: map[string][]*stampConn{}, calls: newCalls()}
	c.dialer = newDialer(c.cfg)
	room := smallBuffer
	if cfg.Reader != ReadEvents {
		room = wholeRead
	}
	c.state.New = func() any { return &stdState{cutter: cfg.cutter(), buf: make([]byte, room)} }
	c.first = newTarget(u, cfg.Header.Clone(), false)
	c.keep = &http.Transport{
		DialContext:            c.dial,
		TLSClientConfig:        c.cfg.tlsConfig(""),
		TLSHandshakeTimeout:    c.cfg.DialTimeout,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           c.cfg.MaxIdle,
		MaxIdleConnsPerHost:    1 << 30,
		IdleConnTimeout:        c.cfg.IdleTimeout,
		MaxResponseHeaderBytes: maxHead,
		ReadBufferSize:         room,
	}
	if cfg.Proxy != nil {
		c.keep.Proxy = func(r *http.Request) (*url.URL, error) { return cfg.Proxy(r.URL) }
	}
	c.once = c.keep.Clone()
	c.once.MaxIdleConnsPerHost = -1 // DisableKeepAlives would say so to the server
	return c, nil
}

// staleKey is where a call's context has the count of connections that were
// found ended on the way to its own.
type staleKey struct{}

// dial takes a connection made ahead that is open, or makes one.
func (c *std) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	for s := c.popAhead(addr); s != nil; s = c.popAhead(addr) {
		// Nothing was sent on it, so that the server has nothing to say.
		if readable, dead := s.sys.peek(); !readable && !dead {
			return s, nil
		}
		s.Close()
		if stale, ok := ctx.Value(staleKey{}).(*atomic.Int64); ok {
			stale.Add(1)
		}
	}
	s, err := c.dialer.dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	s.idle.told = c.sawEnd
	return s, nil
}

// popAhead takes the oldest connection made ahead, for the reason that pool
// gives; nil when there is none.
func (c *std) popAhead(addr string) *stampConn {
	c.mu.Lock()
	defer c.mu.Unlock()
	ahead := c.ahead[addr]
	if len(ahead) == 0 {
		return nil
	}
	c.ahead[addr] = ahead[1:]
	return ahead[0]
}

// Connect makes TCP connections, to the proxy where there is one, until n are
// ready.
func (c *std) Connect(ctx context.Context, n int) error {
	ctx, leave, err := c.calls.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	to := c.first.url
	if c.cfg.Proxy != nil {
		proxy, err := c.cfg.Proxy(to)
		if err != nil {
			return &Error{Outcome: record.Refused, Err: fmt.Errorf("proxy for %s: %w", to.Host, err)}
		}
		if proxy != nil {
			to = proxy
		}
	}
	addr := origin.Address(to)
	c.learn(ctx, watchFor)
	c.mu.Lock()
	missing := n - len(c.ahead[addr])
	c.mu.Unlock()
	return failure(ctx, inParallel(ctx, missing, func(ctx context.Context) error {
		s, err := c.dialer.dial(ctx, addr)
		if err != nil {
			return refusedError{err}
		}
		s.waited, s.idle.told = true, c.sawEnd
		c.mu.Lock()
		c.ahead[addr] = append(c.ahead[addr], s)
		c.mu.Unlock()
		return nil
	}))
}

// Do sends one call.
func (c *std) Do(ctx context.Context, call Call, event Handler) (t record.Timing, err error) {
	return c.calls.follow(ctx, c.cfg.Clock, c.first, func(ctx context.Context, to *target, t *record.Timing) (string, error) {
		return c.send(ctx, to, call, event, t)
	})
}

// send sends one request through the transport, again if its connection was
// stale. The transport does that by itself only where it wrote nothing.
func (c *std) send(ctx context.Context, to *target, call Call, fn Handler, t *record.Timing) (location string, err error) {
	for {
		location, err = c.try(ctx, to, call, fn, t)
		if !errors.Is(err, errStale) || ctx.Err() != nil {
			return location, err
		}
		t.Replaced++
	}
}

func (c *std) try(ctx context.Context, to *target, call Call, fn Handler, t *record.Timing) (location string, err error) {
	if ctx.Err() != nil {
		return "", stopped(ctx)
	}
	reading, giveUp := context.WithCancel(ctx)
	defer giveUp()
	w := &watch{clock: c.cfg.Clock}
	var stale atomic.Int64
	defer func() { t.Replaced += int(stale.Load()) }()
	reading = context.WithValue(reading, staleKey{}, &stale)
	req, err := to.request(httptrace.WithClientTrace(reading, w.trace()), call)
	if err != nil {
		return "", badStream{err}
	}
	through, watched := c.through(ctx, to, call.Punctual)
	kept := false
	defer func() { c.rest(w, watched, kept) }()
	resp, err := through.RoundTrip(req)
	if err != nil {
		now := c.cfg.Clock.Now()
		w.account(t, now, false)
		err = w.explain(err)
		if errors.As(err, new(resetError)) || errors.Is(err, errStale) {
			w.lost(now)
		}
		return "", err
	}
	defer resp.Body.Close()
	if w.unasked(resp.StatusCode) {
		w.account(t, c.cfg.Clock.Now(), false)
		return "", errStale
	}
	h := headOf(resp)
	t.Status = h.status
	b := &stdBody{r: resp.Body, watch: w, shared: resp.ProtoMajor != 1}
	state := c.state.Get().(*stdState)
	defer c.state.Put(state)
	b.buf = state.buf
	var timers []*time.Timer
	hurry := func(d time.Duration) { timers = append(timers, time.AfterFunc(d, giveUp)) }
	defer func() {
		for _, timer := range timers {
			timer.Stop()
		}
	}()
	a := answer{head: h, cutter: state.cutter, fn: fn, hurry: hurry, last: b.stamp()}
	if location = h.redirect(); location != "" {
		a.drain()
	} else {
		a.open()
	}
	b.pump(&a)
	w.account(t, b.stamp(), b.shared)
	t.Framed, t.ContentType, kept = a.framed, a.named, a.framed && !resp.Close
	if b.shared {
		t.BytesIn, t.BytesOut = t.BytesIn+b.total, t.BytesOut+req.ContentLength
	}
	return location, a.err
}

// request is the call as net/http wants it.
func (to *target) request(ctx context.Context, call Call) (*http.Request, error) {
	method, body := http.MethodPost, io.Reader(bytes.NewReader(call.Body))
	if to.get {
		method, body = http.MethodGet, nil
	}
	req, err := http.NewRequestWithContext(ctx, method, to.url.String(), body)
	if err != nil {
		return nil, err
	}
	for _, d := range to.defaults() {
		req.Header.Set(d[0], d[1])
	}
	for name, values := range to.header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	if call.ID != "" {
		req.Header.Set("X-Request-Id", strings.Map(printable, call.ID))
	}
	return req, nil
}

// Close ends everything. It is safe to call more than once.
func (c *std) Close() error {
	c.calls.close()
	c.keep.CloseIdleConnections()
	c.once.CloseIdleConnections()
	c.dialer.close()
	return nil
}
