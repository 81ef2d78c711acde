package fault

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"
)

// An End says what happens to the connection after a piece.
type End uint8

const (
	Goes  End = iota // the answer goes on
	Done             // the answer is over, the connection may go on
	Close            // the connection is closed
	Reset            // the connection is reset (RST)
)

// A Piece is bytes that go out in one write; there may be none.
type Piece struct {
	Wait   time.Duration // before the write, after the piece before it
	Bytes  []byte
	Tokens int // tokens of the answer that are out once it is written, in all
	End    End // other than Goes: nothing follows
}

// settle is the time for bytes to leave before the connection is reset.
const settle = 2 * time.Millisecond

// A Stream turns the events of one healthy streamed answer into what goes on
// the wire. It is used by one goroutine at a time.
type Stream struct {
	d       Decision
	pieces  []Piece
	before  int           // pieces that are the caller's
	wait    time.Duration // before the next bytes
	came    int           // tokens of the healthy answer
	out     int           // of those, given out in pieces
	stalled bool
	over    bool

	held  []byte // merge: an event that waits for more text, without framing
	heldN int    // tokens in it
}

// NewStream starts an answer that d was decided for.
func NewStream(d Decision) *Stream { return &Stream{d: d} }

// Head appends the pieces of a response's head, which is HTTP/1.1 with chunked
// encoding and ends with an empty line.
func (s *Stream) Head(dst []Piece, head []byte) []Piece {
	return append(dst, s.d.head(head)...)
}

func (d Decision) head(head []byte) []Piece {
	if d.CloseDelimited {
		head = bytes.Replace(head, []byte("HTTP/1.1"), []byte("HTTP/1.0"), 1)
		head = dropLine(dropLine(dropLine(head, "Transfer-Encoding"), "Content-Length"), "Connection")
		head = append(bytes.TrimSuffix(head, []byte("\r\n")), "Connection: close\r\n\r\n"...)
	}
	i := bytes.Index(head, []byte("\r\n"))
	if d.SlowHeaders <= 0 || i < 0 {
		return []Piece{{Bytes: head}}
	}
	return []Piece{{Bytes: head[:i+2]}, {Wait: d.SlowHeaders, Bytes: head[i+2:]}}
}

// dropLine takes the lines of a header field out of a head.
func dropLine(head []byte, name string) []byte {
	var out []byte
	for line := range bytes.Lines(head) {
		if len(line) <= len(name) || line[len(name)] != ':' || !bytes.EqualFold(line[:len(name)], []byte(name)) {
			out = append(out, line...)
		}
	}
	return out
}

// Events appends the pieces of a step: events is its server-sent events as
// text, without framing, tokens says how many tokens they carry, and last that
// nothing follows, [DONE] being among them. There may be no piece at all. After
// a piece whose End is not Goes nothing more goes out, and the engine need not
// go on.
func (s *Stream) Events(dst []Piece, events []byte, tokens int, last bool) []Piece {
	if s.over {
		return dst
	}
	s.pieces, s.before = dst, len(dst)
	if s.cutNow() {
		return s.pieces
	}
	if s.d.Stall > 0 && !s.stalled && s.came >= s.d.StallAfter && tokens > 0 {
		s.stalled = true
		s.wait += s.d.Stall
	}
	s.came += tokens
	left := tokens // to be counted with the first event that has text
	for len(events) > 0 {
		var one []byte
		if i := bytes.Index(events, []byte("\n\n")); i >= 0 {
			one, events = events[:i+2], events[i+2:]
		} else {
			one, events = events, nil
		}
		if s.event(one, left) {
			left = 0
		}
	}
	switch {
	case left > 0 && s.held != nil:
		s.heldN += left
	case left > 0:
		s.count(left)
	}
	s.beat(tokens)
	if !last {
		s.cutNow()
		return s.pieces
	}
	s.flush()
	if s.d.Reset && s.came >= s.d.ResetAfter {
		s.end(Piece{Wait: settle, End: Reset})
	} else {
		s.finish()
	}
	return s.pieces
}

// cutNow ends the answer if it was to break after the tokens that came.
func (s *Stream) cutNow() bool {
	switch {
	case s.d.Reset && s.came >= s.d.ResetAfter:
		s.flush()
		s.end(Piece{Wait: settle, End: Reset})
	case s.d.Truncate && s.came >= s.d.TruncateAfter:
		s.flush()
		s.finish()
	default:
		return false
	}
	return true
}

// finish ends the answer as its framing does.
func (s *Stream) finish() {
	if s.d.CloseDelimited {
		s.end(Piece{Wait: s.wait, End: Close})
		return
	}
	s.end(Piece{Wait: s.wait, Bytes: []byte("0\r\n\r\n"), End: Done})
}

// end appends the last piece, to the one before it where nothing lies between.
func (s *Stream) end(p Piece) {
	s.over = true
	p.Tokens = s.out
	if n := len(s.pieces); n > s.before && p.Wait == 0 {
		last := &s.pieces[n-1]
		last.Bytes, last.Tokens, last.End = append(last.Bytes, p.Bytes...), p.Tokens, p.End
		return
	}
	s.pieces = append(s.pieces, p)
}

// data finds the JSON of an event.
func data(event []byte) (from, to int, ok bool) {
	i := bytes.Index(event, []byte("data:"))
	if i < 0 || i > 0 && event[i-1] != '\n' {
		return 0, 0, false
	}
	from = space(event, i+len("data:"))
	to = len(bytes.TrimRight(event, "\n"))
	return from, to, from < to && event[from] == '{'
}

// event sends or holds one event, which brings tokens tokens if it has text. It
// reports whether it took them.
func (s *Stream) event(event []byte, tokens int) bool {
	from, to, ok := data(event)
	if !ok {
		if s.d.Truncate && bytes.Contains(event, []byte("[DONE]")) {
			return false
		}
		s.flush()
		s.send(event, 0)
		return false
	}
	body := s.d.edit(event[from:to])
	if body == nil || s.d.Truncate && closing(body) {
		return false
	}
	path := textPath(body)
	edited := wrap(event, from, to, body)
	if v, _ := find(body, path...); path == nil || tokens == 0 || v.to-v.from <= len(`""`) {
		s.flush()
		s.send(edited, 0)
		return false
	}
	if n := s.d.EmptyEvery; n > 0 && s.came/n > (s.came-tokens)/n {
		empty := replace(replace(body, `""`, path...), "null", "choices", "0", "finish_reason")
		s.send(wrap(event, from, to, empty), 0)
	}
	if s.d.Merge <= 1 {
		s.send(edited, tokens)
		return true
	}
	s.merge(edited, path, tokens)
	return true
}

// closing reports whether an event ends an answer of /v1/responses, which has no
// [DONE].
func closing(body []byte) bool {
	v, ok := find(body, "type")
	kind := string(body[v.from:v.to])
	return ok && (kind == `"response.completed"` || kind == `"response.incomplete"`)
}

func wrap(event []byte, from, to int, body []byte) []byte {
	out := append(make([]byte, 0, len(event)+len(body)), event[:from]...)
	return append(append(out, body...), event[to:]...)
}

// merge joins the text of event to that which is held.
func (s *Stream) merge(event []byte, path []string, tokens int) {
	from, to, _ := data(event)
	body := event[from:to]
	if s.held != nil {
		hf, ht, _ := data(s.held)
		a, oka := find(s.held[hf:ht], path...)
		b, okb := find(body, path...)
		if oka && okb && s.sameChoice(s.held[hf:ht], body) {
			text := string(s.held[hf+a.from:hf+a.to-1]) + string(body[b.from+1:b.to])
			event = wrap(event, from, to, replace(body, text, path...))
		} else {
			s.flush()
		}
	}
	s.held, s.heldN = bytes.Clone(event), s.heldN+tokens
	if s.heldN >= s.d.Merge {
		s.flush()
	}
}

// sameChoice reports whether two events are of one of the answers of a request.
func (s *Stream) sameChoice(a, b []byte) bool {
	x, okx := find(a, "choices", "0", "index")
	y, oky := find(b, "choices", "0", "index")
	return okx == oky && bytes.Equal(a[x.from:x.to], b[y.from:y.to])
}

func (s *Stream) flush() {
	if s.held == nil {
		return
	}
	event, n := s.held, s.heldN
	s.held, s.heldN = nil, 0
	s.send(event, n)
}

// beat sends comment lines.
func (s *Stream) beat(tokens int) {
	if n := s.d.HeartbeatEvery; n > 0 && tokens > 0 && s.came/n > (s.came-tokens)/n {
		s.send([]byte(": heartbeat\n\n"), 0)
	}
}

// send frames an event and appends it to the pieces.
func (s *Stream) send(event []byte, tokens int) {
	if s.d.SplitUTF8 > 0 {
		for i, c := range event {
			if c >= utf8.RuneSelf {
				s.put(s.frame(event[:i+1]))
				s.wait += s.d.SplitUTF8
				event = event[i+1:]
				break
			}
		}
	}
	s.put(s.frame(event))
	s.count(tokens)
}

// count notes tokens that are out with the last piece.
func (s *Stream) count(tokens int) {
	s.out += tokens
	if n := len(s.pieces); n > s.before {
		s.pieces[n-1].Tokens = s.out
	}
}

func (s *Stream) frame(b []byte) []byte {
	if s.d.CloseDelimited {
		return b
	}
	out := strconv.AppendInt(nil, int64(len(b)), 16)
	out = append(append(out, "\r\n"...), b...)
	return append(out, "\r\n"...)
}

// put appends bytes to the last piece of this step, or to one that waits.
func (s *Stream) put(b []byte) {
	if n := len(s.pieces); n > s.before && s.wait == 0 {
		s.pieces[n-1].Bytes = append(s.pieces[n-1].Bytes, b...)
		return
	}
	s.pieces = append(s.pieces, Piece{Wait: s.wait, Bytes: bytes.Clone(b), Tokens: s.out})
	s.wait = 0
}

// Whole returns the pieces of an answer that is not streamed: its head, which
// has a Content-Length, and its body, JSON. What breaks a stream after some
// tokens breaks it in its middle. The answer is over with the last of them.
func (d Decision) Whole(head, body []byte) []Piece {
	body = d.edit(body)
	if _, length, ok := bytes.Cut(head, []byte("Content-Length:")); ok && !d.CloseDelimited {
		old, _, _ := bytes.Cut(length, []byte("\r\n"))
		head = bytes.Replace(head, append([]byte("Content-Length:"), old...), strconv.AppendInt([]byte("Content-Length: "), int64(len(body)), 10), 1)
	}
	pieces := d.head(bytes.Clone(head))
	end := Goes
	if d.CloseDelimited {
		end = Close
	}
	half := len(body) / 2
	switch {
	case d.Reset:
		return append(pieces, Piece{Bytes: body[:half]}, Piece{Wait: settle, End: Reset})
	case d.Truncate:
		return append(pieces, Piece{Bytes: body[:half], End: Close})
	case d.Stall > 0:
		return append(pieces, Piece{Bytes: body[:half]}, Piece{Wait: d.Stall, Bytes: body[half:], End: end})
	case d.SplitUTF8 > 0:
		for i, c := range body {
			if c >= utf8.RuneSelf {
				return append(pieces, Piece{Bytes: body[:i+1]}, Piece{Wait: d.SplitUTF8, Bytes: body[i+1:], End: end})
			}
		}
	}
	return append(pieces, Piece{Bytes: body, End: end})
}
