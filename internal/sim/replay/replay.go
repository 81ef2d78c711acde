// Package replay runs the engine on a virtual clock: arrivals and lengths in,
// the times of every request out, in no time. It is the scheduler and the cost
// of its steps with nothing between them, and equals a run of the served engine
// within the error of its timers.
//
// It promises the same result for the same input. It refuses a request that the
// engine could never serve. No clock, no goroutine.
package replay

// An Arrival is one request as a file of requests has it.
type Arrival struct {
	ID       string
	At       float64 // seconds from the start
	Prompt   int     // tokens
	Output   int     // tokens
	Priority int
	Tokens   []int // the prompt itself where it is known, for the prefix cache
}

// A Timing is when things happened to one request, in seconds from the start.
type Timing struct {
	ID                  string
	Arrived             float64
	Scheduled           float64 // first time
	First, Last         float64 // tokens
	Prompt, Output      int
	Cached, Preemptions int
}
