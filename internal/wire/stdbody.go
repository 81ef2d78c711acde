package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"syscall"

	"tokmeter/internal/record"
)

// headOf is what net/http made of the headers.
func headOf(resp *http.Response) head {
	h := head{
		status: resp.StatusCode, length: resp.ContentLength,
		chunked:     len(resp.TransferEncoding) > 0,
		contentType: resp.Header.Get("Content-Type"),
		encoding:    strings.ToLower(resp.Header.Get("Content-Encoding")),
		location:    resp.Header.Get("Location"),
	}
	if h.encoding == "identity" {
		h.encoding = ""
	}
	return h
}

// A stdBody reads a body through net/http.
type stdBody struct {
	r      io.Reader
	buf    []byte
	watch  *watch
	shared bool // HTTP/2: reads of the connection say nothing of this stream
	total  int64
	last   record.Stamp
}

func (b *stdBody) stamp() record.Stamp {
	if b.shared {
		if b.last == 0 {
			b.last = b.watch.clock.Now()
		}
		return b.last
	}
	return b.watch.lastStamp()
}

func (b *stdBody) next() ([]byte, record.Stamp, error) {
	n, err := b.r.Read(b.buf)
	b.total += int64(n)
	if n > 0 {
		b.last = b.watch.clock.Now()
		return b.buf[:n], b.stamp(), nil
	}
	return nil, b.stamp(), explainBody(err)
}

// pump pushes the body into a until that is over.
func (b *stdBody) pump(a *answer) {
	for a.stage != over {
		piece, at, err := b.next()
		switch {
		case err == nil:
			a.feed(piece, at)
		case err == io.EOF:
			a.end(nil)
		default:
			a.end(err)
		}
	}
}

// explainBody tells a connection that ended from a body that is broken.
func explainBody(err error) error {
	var sys syscall.Errno
	switch {
	case err == nil || err == io.EOF || errors.Is(err, errDeadline) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return cutShort{errors.New("the connection ended in the middle of the answer")}
	case errors.As(err, &sys), errors.As(err, new(net.Error)), strings.Contains(err.Error(), "stream error"), strings.HasPrefix(err.Error(), "http2:"):
		return cutShort{err}
	}
	return badStream{err}
}

// A watch follows one call through net/http, whose goroutines report to it.
type watch struct {
	clock *Clock

	mu            sync.Mutex
	conn          *stampConn // that carries the call; nil while there is none
	turn          int        // of the connection
	tries         int        // connections that the call was given
	reused        bool
	informational int // answers before the one that counts
	connected     record.Stamp
	wrote         record.Stamp
	first         record.Stamp
}

func (w *watch) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.tries++
			w.reused, w.wrote, w.first = info.Reused, 0, 0
			if w.conn = stamped(info.Conn); w.conn != nil {
				w.turn = w.conn.idle.begin()
				w.conn.begin()
			}
			w.connected = w.clock.Now()
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if info.Err == nil {
				w.wrote = w.clock.Now()
			}
		},
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.informational++; w.informational > maxInformational {
				return errInformational
			}
			return nil
		},
		GotFirstResponseByte: func() {
			at := w.lastStamp()
			w.mu.Lock()
			defer w.mu.Unlock()
			w.first = at
		},
	}
}

// stamped finds the stamped connection under the layers of TLS.
func stamped(c net.Conn) *stampConn {
	for {
		switch under := c.(type) {
		case *stampConn:
			return under
		case *tls.Conn:
			c = under.NetConn()
		default:
			return nil
		}
	}
}

func (w *watch) lastStamp() record.Stamp {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn == nil {
		return w.clock.Now()
	}
	return w.conn.lastStamp()
}

// account writes what was seen into t. On a shared connection its counters and
// stamps say nothing of this call.
func (w *watch) account(t *record.Timing, done record.Stamp, shared bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Done = done
	if w.tries == 0 {
		return
	}
	t.Replaced += w.tries - 1
	t.Reused, t.Wrote, t.FirstByte = w.reused, w.wrote, w.first
	t.Dialed, t.Connected = 0, 0
	if w.conn == nil {
		return
	}
	if !w.reused {
		t.Dialed, t.Connected = w.conn.dialed, w.connected
	}
	sent := record.Stamp(w.conn.sent.Load())
	if shared || sent == 0 {
		sent = w.connected
	}
	if t.Redirects == 0 {
		t.Sent = sent
	}
	if shared {
		return
	}
	w.conn.account(t)
	if t.Wrote != 0 {
		// net/http reports before it empties its buffer.
		t.Wrote = record.Stamp(w.conn.wrote.Load())
	}
}

// unasked reports whether an answer is none to the request; see stampConn.
func (w *watch) unasked(status int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conn != nil && (w.reused || w.conn.waited) && w.conn.unasked(status, w.first)
}

// lost tells that the server ended the connection instead of answering.
func (w *watch) lost(now record.Stamp) {
	w.mu.Lock()
	conn := w.conn
	silent := conn != nil && w.first == 0
	w.mu.Unlock()
	if silent {
		conn.idle.lost(now)
	}
}

// explain sorts an error that came instead of an answer.
func (w *watch) explain(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var sys syscall.Errno
	words := err.Error()
	switch {
	case w.tries == 0:
		return refusedError{err}
	case errors.Is(err, errInformational):
		return errInformational
	case w.first == 0 && w.conn != nil && (w.reused || w.conn.waited) && w.conn.missed():
		return errStale
	case errors.Is(err, io.EOF), strings.Contains(words, "server closed idle connection"):
		return resetError{errors.New("the server closed the connection without an answer")}
	case errors.Is(err, io.ErrUnexpectedEOF), w.conn != nil && w.conn.ended.Load():
		return resetError{errors.New("the connection ended in the middle of the headers")}
	case errors.As(err, &sys), errors.As(err, new(net.Error)), strings.HasPrefix(words, "http2:"), strings.Contains(words, "stream error"):
		return resetError{err}
	}
	return badStream{err}
}
