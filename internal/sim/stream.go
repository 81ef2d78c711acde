package sim

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// retry is how long a write waits for a socket that is full.
const retry = time.Millisecond

// A stream is one streamed answer on its way.
type stream struct {
	out     *socket
	api     api
	rng     *rand.Rand
	spec    Spec
	total   int
	promptN int
	usage   bool // usage in an event of its own at the end
	running bool // usage in every event

	next    time.Time // when step is due
	token   int       // tokens written or in rest
	head    []byte    // response headers, written with the first event
	buf     []byte
	scratch []byte
	rest    []byte // what the socket did not take yet
	truth   Truth
	ledger  *ledger
	finish  chan bool // gets whether the answer was written whole
}

// newRand makes the randomness of one answer, which depends on the seed and the
// prompt alone, not on the order of arrival.
func newRand(seed uint64, prompt []byte) *rand.Rand {
	h := fnv.New64a()
	h.Write(prompt)
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// gap draws a time around d with the spec's jitter. It is never below a tenth
// of d.
func (st *stream) gap(d time.Duration) time.Duration {
	f := 1 + st.spec.Jitter*st.rng.NormFloat64()
	return time.Duration(float64(d) * math.Max(0.1, f))
}

// step writes the event that is due and reports whether another one follows.
func (st *stream) step() bool {
	if len(st.rest) > 0 {
		return st.flush()
	}
	st.buf = st.buf[:0]
	if st.token == 0 {
		st.buf = append(st.buf, st.head...)
		st.buf = st.api.opening(st, st.buf)
	}
	st.buf = st.api.token(st, st.buf)
	st.token++
	if st.token == st.total {
		st.buf = st.api.closing(st, st.buf)
		st.buf = append(st.buf, "0\r\n\r\n"...)
	}
	st.rest = st.buf
	st.next = st.next.Add(st.gap(st.spec.ITL))
	st.truth.Sent = append(st.truth.Sent, time.Now().UnixNano())
	if st.token == st.total {
		// Before the write: a client that saw the end finds the truth kept.
		st.truth.Complete = true
		st.ledger.add(st.truth)
	}
	return st.flush()
}

// flush writes what is left and reports whether the stream goes on.
func (st *stream) flush() bool {
	n, err := st.out.write(st.rest)
	if err != nil {
		st.end(false)
		return false
	}
	st.rest = st.rest[n:]
	if len(st.rest) > 0 {
		if t := time.Now().Add(retry); st.next.Before(t) || st.token == st.total {
			st.next = t
		}
		return true
	}
	if st.token == st.total {
		st.end(true)
		return false
	}
	return true
}

// end tells the connection that the stream is over, whole or not.
func (st *stream) end(whole bool) {
	if !st.truth.Complete {
		st.ledger.add(st.truth)
	}
	st.finish <- whole
}

// chunk appends one event as an HTTP chunk.
func chunk(dst, event []byte) []byte {
	dst = strconv.AppendInt(dst, int64(len(event)), 16)
	dst = append(dst, "\r\n"...)
	dst = append(dst, event...)
	return append(dst, "\r\n"...)
}

// words are what the server says: each with its space is one token.
var words = [...]string{
	" the", " light", " of", " a", " small", " engine", " counts", " every", " token", " and",
	" tells", " when", " it", " left", " so", " that", " who", " measures", " may", " know",
	" how", " far", " the", " clock", " of", " client", " was", " from", " truth", ".",
}

func (st *stream) word() string { return words[st.token%len(words)] }
