package wire

import (
	"fmt"
	"io"
	"time"

	"tokmeter/internal/record"
)

// A reply is everything that a server sends for one request over HTTP/1.1. The
// reader of the connection pushes what each read brought; the transfer coding
// is taken off and the body goes to the answer. Nothing is allocated for an
// event and no byte of the pushed slices is kept.
type reply struct {
	answer
	// whole says that what came in one read is one segment to the cutter,
	// whatever chunks it was in.
	whole bool

	headed    bool   // the head is complete
	kept      []byte // the beginning of a head
	status    int    // of the latest head, 0 before it
	before    int    // informational heads so far
	firstByte record.Stamp
	location  string // where a redirect leads, else ""
	chunk     chunked
	left      int64 // of a Content-Length; -1 for none
	joined    []byte
	surplus   bool  // bytes came behind the end
	headErr   error // why no head came, or none that was understood
}

// newReply is for one request; hurry has the reply end with errDeadline after
// a while.
func newReply(cutter cutter, whole bool, fn Handler, hurry func(time.Duration)) *reply {
	return &reply{answer: answer{cutter: cutter, fn: fn, hurry: hurry}, whole: whole}
}

// isOver reports whether nothing more is wanted.
func (r *reply) isOver() bool { return r.stage == over }

// silent reports whether not a byte of an answer came.
func (r *reply) silent() bool { return len(r.kept) == 0 && r.status == 0 }

// push takes what one read brought and reports whether the reply is over.
func (r *reply) push(b []byte, at record.Stamp) (over bool) {
	if !r.headed {
		if b = r.pushHead(b, at); !r.headed {
			return r.isOver()
		}
	}
	r.pushBody(b, at)
	return r.isOver()
}

// stop says that the connection brings nothing more: io.EOF at its end.
func (r *reply) stop(err error) {
	switch {
	case !r.headed:
		r.headErr, r.stage = err, over
	case err != io.EOF:
		r.end(err)
	case r.left < 0 && !r.head.chunked:
		r.end(nil)
	default:
		r.end(errCut)
	}
}

// pushHead reads a response's head, skipping informational ones, and gives what
// is behind it.
func (r *reply) pushHead(b []byte, at record.Stamp) (rest []byte) {
	for len(b) > 0 {
		if r.firstByte == 0 {
			r.firstByte = at
		}
		seen := len(r.kept)
		if seen > 0 {
			r.kept = append(r.kept, b...)
			b = r.kept
		}
		end := headEnd(b, max(seen-2, 0))
		if end < 0 && len(b) > maxHead || end > maxHead {
			r.refuseHead(badStream{fmt.Errorf("the headers of the answer are longer than %d kB", maxHead>>10)})
			return nil
		}
		if end < 0 {
			if seen == 0 {
				r.kept = append(r.kept, b...)
			}
			if err := foreign(r.kept); err != nil {
				r.status = 0
				r.refuseHead(err)
			}
			return nil
		}
		h, err := parseHead(b[:end])
		r.status = h.status
		if err != nil {
			r.refuseHead(err)
			return nil
		}
		r.kept, b = nil, b[end:]
		if h.status >= 200 || h.status == 101 {
			r.headed = true
			r.openBody(&h, at)
			return b
		}
		if r.before++; r.before > maxInformational {
			r.refuseHead(errInformational)
			return nil
		}
		r.firstByte = 0
	}
	return nil
}

// refuseHead ends a reply whose head is not understood.
func (r *reply) refuseHead(err error) { r.headErr, r.stage = err, over }

func (r *reply) openBody(h *head, at record.Stamp) {
	r.head, r.last, r.left = *h, at, h.length
	if r.location = h.redirect(); r.location != "" {
		r.drain()
		return
	}
	r.open()
}

// pushBody takes the transfer coding off.
func (r *reply) pushBody(b []byte, at record.Stamp) {
	r.joined = r.joined[:0]
	var err error
	done := false
	for !done && err == nil && !r.isOver() {
		if done = r.left == 0 && !r.head.chunked; done || len(b) == 0 {
			break
		}
		var piece []byte
		used := len(b)
		switch {
		case r.head.chunked:
			piece, used, done, err = r.chunk.next(b)
		case r.left > 0:
			used = int(min(int64(used), r.left))
			r.left -= int64(used)
			piece = b[:used]
		default:
			piece = b
		}
		b = b[used:]
		switch {
		case len(piece) == 0:
		case r.whole:
			r.joined = append(r.joined, piece...)
		default:
			r.feed(piece, at)
		}
	}
	if len(r.joined) > 0 && !r.isOver() {
		r.feed(r.joined, at)
	}
	r.surplus = len(b) > 0
	if (done || err != nil) && !r.isOver() {
		r.end(err)
	}
}
