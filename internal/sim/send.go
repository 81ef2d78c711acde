package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"tokmeter/internal/sim/fault"
)

// frame appends each event as an HTTP chunk.
func frame(dst, events []byte) []byte {
	for len(events) > 0 {
		n := bytes.Index(events, []byte("\n\n")) + 2
		if n < 2 {
			n = len(events)
		}
		dst = strconv.AppendInt(dst, int64(n), 16)
		dst = append(dst, "\r\n"...)
		dst = append(dst, events[:n]...)
		dst = append(dst, "\r\n"...)
		events = events[n:]
	}
	return dst
}

// lastChunk ends a chunked body.
const lastChunk = "0\r\n\r\n"

// send writes a.events, which carry so many tokens. The lock is held and nobody
// else writes.
func (a *answer) send(tokens int) {
	if a.faults != nil {
		a.sendFaulty(tokens)
		return
	}
	a.out = frame(a.out[:0], a.events)
	if a.over {
		a.out = append(a.out, lastChunk...)
	}
	a.stamp(tokens)
	if a.over && a.failure == nil {
		a.complete()
	}
	n, err := a.call.sock.write(a.out)
	switch {
	case err != nil:
		a.lost()
	case n < len(a.out):
		a.busy = true
		a.s.wg.Add(1)
		go a.drain(bytes.Clone(a.out[n:]))
	case a.over:
		a.close(true)
	}
}

// stamp notes that the write of so many tokens begins.
func (a *answer) stamp(tokens int) {
	now := time.Now().UnixNano()
	for range tokens {
		a.truth.Sent = append(a.truth.Sent, now)
	}
}

// complete keeps the truth of a whole answer: before its last write, so that a
// client that saw the end finds it kept.
func (a *answer) complete() {
	a.truth.Complete = true
	a.keepTruth()
}

// lost ends an answer whose connection is gone. The lock is held, perhaps by the
// engine's thread, which must not call itself: another goroutine aborts.
func (a *answer) lost() {
	a.over = true
	a.close(false)
	if a.open > 0 {
		a.s.wg.Add(1)
		go func() {
			defer a.s.wg.Done()
			for _, c := range a.choices {
				a.s.engine.Abort(c.req)
			}
		}()
	}
}

// drain writes what a full socket did not take, and then what came meanwhile,
// until nothing is left.
func (a *answer) drain(rest []byte) {
	defer a.s.wg.Done()
	sock := a.call.sock
	_ = sock.SetWriteDeadline(time.Time{})
	_, err := sock.Write(rest)
	a.resume(err)
}

// resume goes on after a write of another goroutine than the engine's.
func (a *answer) resume(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return
	}
	a.busy = false
	if err != nil {
		a.lost()
		return
	}
	if a.over {
		a.close(true)
		return
	}
	for _, c := range a.choices {
		if c.held {
			a.render()
			return
		}
	}
}

// head is the head of a streamed response.
func head() []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nServer: %s\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n", serverName)
}

// open writes the head of a streamed response and what comes with it. The
// answer is busy until then.
func (a *answer) openStream() {
	a.mu.Lock()
	a.events = a.api.begin(a, a.events[:0])
	if a.faults != nil {
		a.pieces = make(chan fault.Piece, 1<<10)
		a.s.wg.Add(1)
		go a.writePieces()
		for _, p := range a.faults.Head(nil, head()) {
			a.push(p)
		}
		if len(a.events) > 0 {
			a.sendFaulty(0)
		}
		a.mu.Unlock()
		a.resume(nil)
		return
	}
	out := frame(head(), a.events)
	a.mu.Unlock()
	_, err := a.call.sock.Write(out)
	a.resume(err)
}

// sendFaulty sends a.events through the faults.
func (a *answer) sendFaulty(tokens int) {
	if a.over && a.failure == nil {
		a.complete()
	}
	ended := false
	for _, p := range a.faults.Events(nil, a.events, tokens, a.over) {
		a.push(p)
		ended = ended || p.End != fault.Goes
	}
	if ended && !a.over {
		a.over = true
		a.lost()
	}
	if a.over {
		close(a.pieces)
		a.pieces = nil
	}
}

// push hands a piece to the goroutine that writes. Where that is far behind, the
// piece is lost with the connection.
func (a *answer) push(p fault.Piece) {
	if a.pieces == nil {
		return
	}
	select {
	case a.pieces <- p:
	default:
		a.call.sock.Close()
	}
}

// writePieces writes the pieces of a faulty answer at their times.
func (a *answer) writePieces() {
	defer a.s.wg.Done()
	goesOn := true
	stamped := 0
	pieces := a.pieces
	for p := range pieces {
		if !goesOn || !a.pause(p.Wait) {
			goesOn = false
			continue
		}
		a.mu.Lock()
		a.stamp(p.Tokens - stamped)
		stamped = max(stamped, p.Tokens)
		a.mu.Unlock()
		if _, err := a.call.sock.Write(p.Bytes); err != nil {
			goesOn = false
		}
		switch p.End {
		case fault.Reset:
			a.call.reset()
			goesOn = false
		case fault.Close:
			goesOn = false
		}
	}
	a.mu.Lock()
	a.close(goesOn && !a.decision.CloseDelimited)
	a.mu.Unlock()
}

// pause waits and reports whether the server is still there.
func (a *answer) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-a.s.ctx.Done():
		return false
	}
}

// reset closes the connection with a reset in place of an end.
func (c *call) reset() {
	if tc, ok := c.sock.Conn.(*net.TCPConn); ok {
		_ = tc.SetLinger(0)
	}
	c.sock.Close()
}

// respond writes an answer that is not streamed.
func (a *answer) respond() {
	defer a.s.wg.Done()
	ok := true
	if a.detached {
		a.keepResponse()
	} else {
		ok = a.respondNow()
	}
	a.mu.Lock()
	a.close(ok)
	a.mu.Unlock()
}

// keepResponse stores an answer of the background.
func (a *answer) keepResponse() {
	if r, ok := a.api.(*responsesAPI); ok {
		o := r.finished(a)
		if a.failure != nil {
			o.Status = "failed"
		}
		a.s.store.finish(a.id, o)
	}
}

func (a *answer) respondNow() bool {
	if a.failure != nil {
		return a.call.replyError(a.failure)
	}
	status, kind, v := http.StatusOK, "application/json", a.api.whole(a)
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return false
	}
	raw := bytes.TrimRight(buf.Bytes(), "\n")
	a.mu.Lock()
	a.stamp(a.completionTokens())
	a.complete()
	a.mu.Unlock()
	if !a.decision.Streams() {
		return a.call.replyBytes(status, kind, raw)
	}
	goesOn := true
	whole := fmt.Appendf(nil, "HTTP/1.1 %d OK\r\nServer: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", status, serverName, kind, len(raw))
	for _, p := range a.decision.Whole(whole, raw) {
		if !goesOn || !a.pause(p.Wait) {
			return false
		}
		if _, err := a.call.sock.Write(p.Bytes); err != nil {
			return false
		}
		if p.End == fault.Reset {
			a.call.reset()
		}
		goesOn = p.End == fault.Goes
	}
	return goesOn && !a.decision.CloseDelimited
}
