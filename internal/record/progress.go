package record

import "sync/atomic"

// Progress holds the counters of a run that live displays and exporters poll.
// Writers only add; no lock is shared by streams.
type Progress struct {
	Total     atomic.Int64 // requests planned
	Released  atomic.Int64 // requests let go by the dispatcher
	InFlight  atomic.Int64 // requests written and not yet ended
	Done      atomic.Int64 // requests ended, failed ones included
	Failed    atomic.Int64 // requests ended other than OK
	Tokens    atomic.Int64 // token-carrying events so far
	TTFTSum   atomic.Int64 // nanoseconds, over TTFTCount requests
	TTFTCount atomic.Int64
}
