// Package fault breaks the simulated server on purpose: every fault has broken
// some benchmark client. It reads what is wanted from a flag or a header,
// decides for each request, and turns a healthy answer into the broken bytes.
//
// It promises that decisions depend on the seed and the request alone, and that
// a fault that was not drawn changes no byte. It has no clock, no goroutine and
// no sockets: waits are told to the caller.
package fault

import (
	"net/http"
	"strconv"
	"time"
)

// Header is the request header whose value Parse reads; what it asks for is
// added to the server's own faults and wins over them. "none" in it switches
// them off.
const Header = "X-Sim-Fault"

// A Rule is one fault that is wanted, with how often and how much.
type Rule struct {
	Kind   Kind
	Chance float64       // of each request, in [0,1]
	For    time.Duration // stall, slow_headers, split_utf8, 503, clock_skew, Retry-After of 429
	After  int           // tokens that go out whole before it
	Every  int           // merge: tokens in an event; empty_delta, heartbeat: one for so many tokens
	By     int           // wrong_usage: what is added to completion_tokens
}

// A Set is the faults of a server, or those that one request asks for.
type Set []Rule

// With returns the set that a request gets which asks for header, the value of
// its X-Sim-Fault: the header's rules take the place of the set's of the same
// kind, and "none" drops them all. An empty header changes nothing.
func (s Set) With(header string) (Set, error) {
	if header == "" {
		return s, nil
	}
	asked, err := Parse(header)
	if err != nil || len(asked) == 0 {
		return asked, err
	}
	out := asked
	for _, r := range s {
		if !asked.has(r.Kind) {
			out = append(out, r)
		}
	}
	return out, nil
}

func (s Set) has(k Kind) bool {
	for _, r := range s {
		if r.Kind == k {
			return true
		}
	}
	return false
}

// A Key is what a decision depends on, beside the seed. It does not know the
// request's id, which clients draw anew in every run.
type Key struct {
	Prompt uint64 // hash of the prompt
	// Ordinal tells equal requests apart: how many of the same prompt came
	// before. One that is sent again after a refusal is drawn for again.
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
	RetryAfter  time.Duration // of 429 and 503; 0: none
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
	Merge          int           // tokens in one event; 0 and 1: one each
	EmptyEvery     int           // an event with an empty delta for so many tokens; 0: none
	HeartbeatEvery int           // a comment line for so many tokens; 0: none
	SplitUTF8      time.Duration // > 0: characters are cut, their halves so far apart; say some of several bytes
	NoUsage        bool
	UsageOff       int // added to completion_tokens
	DuplicateIDs   bool
	CloseDelimited bool          // HTTP/1.0, no framing: the end of the connection ends the answer
	Skew           time.Duration // added to created
}

// Streams reports whether d changes the bytes of an answer or when they come, so
// that it must be written through a Stream or as Whole gives it.
func (d Decision) Streams() bool {
	d.Status, d.RetryAfter, d.ResetFirst = 0, 0, false
	return d != Decision{}
}

// Decide draws what goes wrong with the request: each rule by itself, from a
// hash of seed, kind, prompt and ordinal. Of several refusals the first named
// counts.
func (s Set) Decide(seed uint64, k Key) Decision {
	var d Decision
	for _, r := range s {
		if r.Chance <= 0 || r.Chance < 1 && draw(seed, r.Kind, k) >= r.Chance {
			continue
		}
		d.apply(r, k)
	}
	return d
}

// NotReady returns how long the server is still not ready, by a rule 503 with
// for=…, uptime after its start. It is 0 where it is.
func (s Set) NotReady(uptime time.Duration) time.Duration {
	for _, r := range s {
		if r.Kind == Unavailable && r.Chance == 1 && uptime < r.For {
			return r.For - uptime
		}
	}
	return 0
}

// draw is a number in [0,1).
func draw(seed uint64, kind Kind, k Key) float64 {
	h := mix(seed + 0x9e3779b97f4a7c15)
	h = mix(h ^ k.Prompt)
	h = mix(h ^ uint64(k.Ordinal)<<8 ^ uint64(kind))
	return float64(h>>11) / (1 << 53)
}

// mix spreads the bits of x (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (d *Decision) refuse(status int, retry time.Duration) {
	if d.Status == 0 {
		d.Status, d.RetryAfter = status, retry
	}
}

func (d *Decision) apply(r Rule, k Key) {
	switch r.Kind {
	case BadRequest:
		d.refuse(http.StatusBadRequest, 0)
	case Unauthorized:
		d.refuse(http.StatusUnauthorized, 0)
	case RateLimited:
		d.refuse(http.StatusTooManyRequests, r.For)
	case InternalError:
		d.refuse(http.StatusInternalServerError, 0)
	case Unavailable:
		if r.For == 0 || k.Uptime < r.For {
			d.refuse(http.StatusServiceUnavailable, max(r.For-k.Uptime, 0))
		}
	case ResetBeforeHeaders:
		d.ResetFirst = true
	case ResetMidStream:
		d.Reset, d.ResetAfter = true, r.After
	case Stall:
		d.Stall, d.StallAfter = r.For, r.After
	case Truncate:
		d.Truncate, d.TruncateAfter = true, r.After
	case Merge:
		d.Merge = r.Every
	case EmptyDelta:
		d.EmptyEvery = r.Every
	case Heartbeat:
		d.HeartbeatEvery = r.Every
	case SplitUTF8:
		d.SplitUTF8 = max(r.For, 1)
	case NoUsage:
		d.NoUsage = true
	case WrongUsage:
		d.UsageOff = r.By
	case SlowHeaders:
		d.SlowHeaders = r.For
	case DuplicateIDs:
		d.DuplicateIDs = true
	case CloseDelimited:
		d.CloseDelimited = true
	case ClockSkew:
		d.Skew = r.For
	}
}

// Answer returns the refusal of a Decision with a Status: header lines to add
// ("Retry-After: 1\r\n" or "") and the body, JSON in the shape of vLLM's.
// limit is the context length, in tokens.
func (d Decision) Answer(limit int) (header string, body []byte) {
	if d.RetryAfter > 0 {
		header = "Retry-After: " + strconv.Itoa(int((d.RetryAfter+time.Second-1)/time.Second)) + "\r\n"
	}
	kind, message := "InternalServerError", "Internal server error (simulated)."
	switch d.Status {
	case http.StatusUnauthorized:
		return header, []byte(`{"error":"Unauthorized"}`)
	case http.StatusBadRequest:
		n := strconv.Itoa(limit)
		kind = "BadRequestError"
		message = "This model's maximum context length is " + n + " tokens. However, your request has more input tokens than that (simulated). Please reduce the length of the input messages."
	case http.StatusTooManyRequests:
		kind, message = "TooManyRequestsError", "Too many requests (simulated)."
	case http.StatusServiceUnavailable:
		kind, message = "ServiceUnavailableError", "The server is not ready (simulated)."
	}
	return header, []byte(`{"error":{"message":"` + message + `","type":"` + kind + `","param":null,"code":` + strconv.Itoa(d.Status) + `}}`)
}
