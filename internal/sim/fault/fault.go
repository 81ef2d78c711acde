// Package fault breaks the simulated server on purpose: every fault has broken
// some benchmark client. It reads what is wanted from a flag or a header,
// decides for each request, and turns a healthy answer into the broken bytes.
//
// It promises that decisions depend on the seed and the request alone, and that
// a fault that was not drawn changes no byte. It has no clock, no goroutine and
// no sockets: waits are told to the caller.
package fault

import "time"

// A Rule is one fault that is wanted, with how often and how much.
type Rule struct {
	Kind   Kind
	Chance float64       // of each request, in [0,1]
	For    time.Duration // stall, slow_headers, split_utf8, 503, clock_skew, Retry-After of 429
	After  int           // tokens that go out whole before it
	Every  int           // merge: tokens in a chunk; empty_delta, heartbeat: one after so many tokens
	By     int           // wrong_usage: what is added to completion_tokens
}

// A Set is the faults of a server, or those that one request asks for.
type Set []Rule

// A Key is what a decision depends on, beside the seed.
type Key struct {
	ID     string // the request's x-request-id, "" where it has none
	Prompt uint64 // hash of the prompt
	// Ordinal tells equal requests without an id apart: how many of the same
	// prompt came before.
	Ordinal int
	// Uptime is the time since the server was started: 503 with for=… is drawn
	// only before it has passed.
	Uptime time.Duration
}

// A Decision is what goes wrong with one request. The zero Decision is a
// healthy answer.
type Decision struct {
	// Before the response's head.
	Status      int           // 0, or the status to refuse with: 400, 401, 429, 500, 503
	RetryAfter  time.Duration // of 429 and 503
	ResetFirst  bool          // the connection is reset in place of an answer
	SlowHeaders time.Duration // between the status line and the rest of the head

	// In the stream. After values count tokens that went out before.
	Reset      bool // the connection is reset after ResetAfter tokens
	ResetAfter int
	Truncate   bool // the stream ends cleanly after TruncateAfter tokens, without [DONE]
	// TruncateAfter is beyond every length where only the [DONE] is left out.
	TruncateAfter  int
	Stall          time.Duration // pause after StallAfter tokens; what comes meanwhile follows in one burst
	StallAfter     int
	Merge          int // tokens in one event; 0 and 1: one each
	EmptyEvery     int // an event with an empty delta after so many tokens; 0: none
	HeartbeatEvery int // a comment line after so many tokens; 0: none
	SplitUTF8      time.Duration
	NoUsage        bool
	UsageOff       int // added to completion_tokens
	DuplicateIDs   bool
	CloseDelimited bool          // HTTP/1.0, no framing: the end of the connection ends the answer
	Skew           time.Duration // added to created
}

// Streams reports whether d changes the bytes of an answer, so that it must be
// written through a Stream.
func (d Decision) Streams() bool { return false }

// Decide draws what goes wrong with the request.
func (s Set) Decide(seed uint64, k Key) Decision { return Decision{} }

// An End says what happens to the connection after a piece.
type End uint8

const (
	Goes  End = iota // it goes on
	Close            // it is closed
	Reset            // it is reset (RST)
)

// A Piece is bytes that go out in one write.
type Piece struct {
	Wait   time.Duration // before the write, after the piece before it
	Bytes  []byte
	Tokens int // tokens of the answer that are out with this piece
	End    End
}

// A Stream turns the events of one healthy streamed answer into what goes on
// the wire. It is used by one goroutine at a time.
type Stream struct{ d Decision }

// NewStream starts an answer that d was decided for.
func NewStream(d Decision) *Stream { return &Stream{d: d} }

// Head appends the pieces of a response's head, which is HTTP/1.1 with chunked
// encoding and ends with an empty line.
func (s *Stream) Head(dst []Piece, head []byte) []Piece { return dst }

// Events appends the pieces of a step: events is its server-sent events as
// text, without framing, tokens says how many tokens they carry, and last that
// nothing follows, [DONE] being among them. There may be no piece at all. After
// a piece with an End nothing more goes out.
func (s *Stream) Events(dst []Piece, events []byte, tokens int, last bool) []Piece { return dst }

// Whole returns the pieces of an answer that is not streamed: its head, which
// has a Content-Length, and its body, JSON.
func (d Decision) Whole(head, body []byte) []Piece { return nil }

// Answer returns the refusal of a Decision with a Status: header lines to add
// ("Retry-After: 1\r\n" or "") and the body, JSON as vLLM writes it.
func (d Decision) Answer(model string, maxModelLen int) (header string, body []byte) {
	return "", nil
}
