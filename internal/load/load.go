// Package load runs a workload at a pace through a client into a sink.
//
// Requests go when the pace says so. In an open loop that is whatever became of
// the ones before them: a slow server does not slow the pace down. A dispatcher
// waits for each due time on a thread of its own, one goroutine drives each
// request, and a record of it reaches the sink when it ended. Requests are made in
// a window ahead of need; what a run holds does not grow with their number. How late a request was let go is in
// its record (Released − Due), as is the time that it waited for a slot under
// a concurrency limit (Sent − Released).
//
// The package promises that Run returns only when every request that was let
// go has delivered its record and every goroutine of the run is gone. It never
// sends a request twice, never skips one that is late, and reads no wall clock
// to pace. It prints nothing and computes no statistics.
package load

import (
	"errors"
	"time"

	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/schedule"
	"tokmeter/internal/wire"
	"tokmeter/internal/workload"
)

// A Clock is the clock of a run. A *wire.Clock is one.
type Clock interface {
	// Now is the moment of the call.
	Now() record.Stamp
	// Began is the wall time of stamp 0.
	Began() time.Time
	// Steps counts the steps of the wall clock noticed so far.
	Steps() int
}

// A Job is everything that a run needs. Source, Pace, Client, Dialect, Sink and
// Clock must be set.
type Job struct {
	Source workload.Source // may be without end
	// Requests is how many requests are sent at most.
	Requests int
	// Pace says when requests are due, counted from Ending.Start. One that is due
	// before the one before it is due at once.
	Pace schedule.Pace
	// Busiest is how many requests at most are due within a time, or most where
	// there are more. So many connections are made ahead; nil means a few.
	Busiest func(within time.Duration, most int) int
	Client  wire.Client
	Dialect protocol.Dialect
	// Sink gets every record as soon as its request ended, in that order. Run
	// does not close it.
	Sink     record.Sink
	Progress *record.Progress // nil for none
	Clock    Clock
	// Mask takes the user's secrets out of a server's words; nil leaves them.
	Mask func(string) string
	// Punctual says that due times do not follow the answers: no request waits for a
	// connection that is being watched.
	Punctual bool
	// MaxConcurrency is how many requests of Pace may be under way at once; the
	// others wait in the order in which they were due. 0 means no limit.
	MaxConcurrency int
	// Timeout is a request's own limit, from getting its slot to the end of
	// its answer. 0 means none.
	Timeout time.Duration
	// Grace is how long the requests under way may go on after ctx was
	// cancelled; then they are cancelled too.
	Grace time.Duration
	// Abort ends the grace at once when it is closed. It may be nil.
	Abort <-chan struct{}

	wait *waiter // for tests; nil means the thread with the alarm
}

// Validate reports every field that is missing or impossible.
func (j *Job) Validate() error {
	var errs []error
	check := func(bad bool, what string) {
		if bad {
			errs = append(errs, errors.New("load: "+what))
		}
	}
	check(j.Source == nil, "no source of requests")
	check(j.Pace == nil, "no pace")
	check(j.Sink == nil, "no sink")
	check(j.Client == nil, "no client")
	check(j.Dialect == nil, "no dialect")
	check(j.Clock == nil, "no clock")
	check(j.Requests < 0, "a negative number of requests")
	check(j.MaxConcurrency < 0, "a negative concurrency limit")
	check(j.Timeout < 0 || j.Grace < 0, "a negative timeout or grace")
	return errors.Join(errs...)
}
