// Package replay runs the engine on a virtual clock: arrivals and lengths in,
// the times of every request out, in no time. It is the scheduler and the cost
// of its steps with nothing between them, and equals a run of the served engine
// within the error of its timers.
//
// It promises the same result for the same input. It refuses a request that the
// engine could never serve. No clock, no goroutine.
package replay

import "tokmeter/internal/stats"

// An Arrival is one request as a file of requests has it.
type Arrival struct {
	ID       string
	At       float64 // seconds from the start
	Prompt   int     // tokens
	Output   int     // tokens
	Priority int
	Tokens   []int // the prompt itself where it is known, for the prefix cache

	// Hashes name the prompt's stretches of HashTokens tokens where the file
	// tells which ones are equal and not what they say. Tokens wins over them.
	Hashes     []uint64
	HashTokens int
}

// A Timing is when things happened to one request, in seconds from the start.
type Timing struct {
	ID                  string
	Arrived             float64
	Queued              float64 // the scheduler took it into its queue: the end of the step before
	Scheduled           float64 // the first step that computes it begins
	First, Last         float64 // tokens
	Prompt, Output      int
	Cached, Preemptions int
}

// TTFT is the time from the arrival to the first token, in seconds.
func (t Timing) TTFT() float64 { return t.First - t.Arrived }

// E2EL is the time from the arrival to the last token, in seconds.
func (t Timing) E2EL() float64 { return t.Last - t.Arrived }

// TPOT is the time of a token after the first one, in seconds: NaN where there
// is none.
func (t Timing) TPOT() float64 { return stats.TPOT(t.First, t.Last, float64(t.Output)) }

// A Measured is what a real engine took for one request, in seconds; NaN where
// it is not known.
type Measured struct{ TTFT, TPOT, E2EL float64 }

// A File is what was read: requests in order of arrival, the first at 0.
type File struct {
	Format   string // trace, run, result, requests, mooncake or csv
	Arrivals []Arrival
	Measured []Measured // one for each arrival; nil where the file has none
	// FromQueue says that the measured times count from the engine's queue, for
	// the file has the arrival on another clock: TTFT and E2EL are then those
	// from Timing.Queued.
	FromQueue bool
	Notes     []string // what was left out or assumed
}
