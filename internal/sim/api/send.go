package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"tokmeter/internal/sim/call"
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
	n, err := a.call.Sock.TryWrite(a.out)
	switch {
	case err != nil:
		a.lost()
	case n < len(a.out):
		a.busy = true
		a.api.in.Work.Add(1)
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

// lost ends an answer whose connection is gone. The lock is held.
func (a *answer) lost() {
	a.over = true
	a.close(false)
	a.letGo()
}

// drain writes what a full socket did not take, and then what came meanwhile,
// until nothing is left.
func (a *answer) drain(rest []byte) {
	defer a.api.in.Work.Done()
	sock := a.call.Sock
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
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nServer: %s\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n", call.ServerName)
}

// open writes the head of a streamed response and what comes with it. The
// answer is busy until then.
func (a *answer) openStream() {
	a.mu.Lock()
	a.events = a.dialect.begin(a, a.events[:0])
	if a.faults != nil {
		a.signal = make(chan struct{}, 1)
		a.pieces = a.faults.Head(nil, head())
		a.api.in.Work.Add(1)
		go a.writePieces()
		if len(a.events) > 0 {
			a.sendFaulty(0)
		}
		a.mu.Unlock()
		a.resume(nil)
		return
	}
	out := frame(head(), a.events)
	a.mu.Unlock()
	_, err := a.call.Sock.Write(out)
	a.resume(err)
}

// sendFaulty hands a.events to the goroutine that writes, through the faults.
func (a *answer) sendFaulty(tokens int) {
	whole := a.over
	a.pieces = a.faults.Events(a.pieces, a.events, tokens, a.over)
	if n := len(a.pieces); n > 0 && a.pieces[n-1].End != fault.Goes {
		a.over = true
	}
	if a.over && !whole {
		a.letGo()
	}
	select {
	case a.signal <- struct{}{}:
	default:
	}
}

// letGo aborts what the engine still computes for an answer that is over. The
// engine's thread, which may be the caller, must not call itself.
func (a *answer) letGo() {
	if a.open == 0 {
		return
	}
	a.api.in.Work.Add(1)
	go func() {
		defer a.api.in.Work.Done()
		for _, c := range a.choices {
			a.api.in.Engine.Abort(c.req)
		}
	}()
}

// writePieces writes the pieces of a faulty answer at their times.
func (a *answer) writePieces() {
	defer a.api.in.Work.Done()
	stamped := 0
	for {
		a.mu.Lock()
		pieces, over := a.pieces, a.over
		a.pieces = nil
		a.mu.Unlock()
		for _, p := range pieces {
			if !a.pause(p.Wait) || !a.writePiece(p, &stamped) {
				return
			}
		}
		if len(pieces) > 0 {
			continue
		}
		if over {
			a.mu.Lock()
			a.close(false)
			a.mu.Unlock()
			return
		}
		select {
		case <-a.signal:
		case <-a.api.in.Closed:
			return
		}
	}
}

// writePiece writes one piece and reports whether others follow.
func (a *answer) writePiece(p fault.Piece, stamped *int) bool {
	a.mu.Lock()
	a.stamp(p.Tokens - *stamped)
	*stamped = max(*stamped, p.Tokens)
	if p.End != fault.Goes && a.failure == nil && a.open == 0 && !a.ended && !a.truth.Complete {
		a.complete()
	}
	a.mu.Unlock()
	var err error
	if len(p.Bytes) > 0 {
		_, err = a.call.Sock.Write(p.Bytes)
	}
	if err == nil && p.End == fault.Goes {
		return true
	}
	if p.End == fault.Reset {
		a.call.Reset()
	}
	a.mu.Lock()
	a.over = true
	a.letGo()
	a.close(err == nil && p.End == fault.Done)
	a.mu.Unlock()
	return false
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
	case <-a.api.in.Closed:
		return false
	}
}

// respond writes an answer that is not streamed.
func (a *answer) respond() {
	defer a.api.in.Work.Done()
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
	if r, ok := a.dialect.(*responses); ok {
		o := r.finished(a)
		if a.failure != nil {
			o.Status = "failed"
		}
		a.api.store.finish(a.id, o)
	}
}

func (a *answer) respondNow() bool {
	if a.failure != nil {
		return a.call.ReplyError(a.failure)
	}
	status, kind, v := http.StatusOK, "application/json", a.dialect.whole(a)
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
		return a.call.ReplyBytes(status, kind, raw)
	}
	goesOn := true
	whole := fmt.Appendf(nil, "HTTP/1.1 %d OK\r\nServer: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", status, call.ServerName, kind, len(raw))
	for _, p := range a.decision.Whole(whole, raw) {
		if !goesOn || !a.pause(p.Wait) {
			return false
		}
		if _, err := a.call.Sock.Write(p.Bytes); err != nil {
			return false
		}
		if p.End == fault.Reset {
			a.call.Reset()
		}
		goesOn = p.End == fault.Goes || p.End == fault.Done
	}
	return goesOn
}
