package wire

import (
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pushed is what a reply came to that was pushed in pieces.
type pushed struct {
	Events  []string
	Outcome string
	Framed  bool
	Surplus bool
	Status  int
}

func pushAll(raw []byte, pieces func(left int) int, end error, whole bool) pushed {
	var p pushed
	cfg := Config{}
	r := newReply(cfg.cutter(), whole, func(e Event) bool {
		p.Events = append(p.Events, show(e))
		return string(e.Data) != "[DONE]"
	}, func(time.Duration) {})
	for len(raw) > 0 && !r.isOver() {
		n := pieces(len(raw))
		// A copy that is overwritten: no byte of it may be kept.
		piece := append([]byte(nil), raw[:n]...)
		r.push(piece, 1)
		for i := range piece {
			piece[i] = '#'
		}
		raw = raw[n:]
	}
	if !r.isOver() {
		r.stop(end)
	}
	p.Framed, p.Status = r.framed, r.status
	p.Surplus = r.framed && (r.surplus || len(raw) > 0) // else the connection is not kept anyway
	switch {
	case r.headErr != nil:
		p.Outcome = "no head"
	case r.err != nil:
		p.Outcome = r.err.Error()
	}
	return p
}

// FuzzReply: what an answer comes to does not depend on how reads cut it.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		chunksOf("data: one\n\n", "data: two\n\n"), sized("data: one\n\ndata: [DONE]\n\ndata: x\n\n") + "more",
		streamHead + "\r\ndata: one\n\n", "HTTP/1.1 100 Continue\r\n\r\n" + sized(":\n\n"), "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno",
		"HTTP/1.1 200 OK\r\n\r\ndata: x\n\n", "HTTP/1.0 100 \n\n\n\n", "HTTP/1.1 307 Go\r\nLocation: /\r\nContent-Length: 1\r\n\r\nx", "SSH-2.0\r\n\r\n",
		streamHead + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nxxxx", streamHead + "Transfer-Encoding: chunked\r\n\r\nzz",
	} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, raw []byte, size uint8) {
		all := pushAll(raw, func(left int) int { return left }, io.EOF, false)
		for _, n := range []int{1, int(size) + 1} {
			cut := pushAll(raw, func(left int) int { return min(left, n) }, io.EOF, false)
			if d := cmp.Diff(all, cut); d != "" {
				t.Fatalf("whole and in pieces of %d (-whole +pieces):\n%s", n, d)
			}
		}
	})
}
