// Package load runs a workload on a schedule through a client into a sink.
//
// Requests go at their due times, whatever became of the ones before them: a
// slow server does not slow the schedule down. A dispatcher waits for each due
// time on a thread of its own, one goroutine drives each request, and a record
// of it reaches the sink when it ended. How late a request was let go is in
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

// A Job is everything that a run needs. Source, Due, Client, Dialect, Sink and
// Clock must be set.
type Job struct {
	Source workload.Source
	// Requests is how many requests Source has.
	Requests int
	// Due yields when each request is due, counted from Ending.Start. Run
	// reads at most Requests of them; one that is smaller than the one before
	// it is due at once.
	Due     schedule.Arrivals
	Client  wire.Client
	Dialect protocol.Dialect
	// Sink gets every record as soon as its request ended, in that order. Run
	// does not close it.
	Sink     record.Sink
	Progress *record.Progress // nil for none
	Clock    Clock
	// MaxConcurrency is how many requests may be under way at once; the others
	// wait in the order in which they were due. 0 means no limit.
	MaxConcurrency int
	// Timeout is a request's own limit, from getting its slot to the end of
	// its answer. 0 means none.
	Timeout time.Duration
	// Grace is how long the requests under way may go on after ctx was
	// cancelled; then they are cancelled too.
	Grace time.Duration
	// Abort ends the grace at once when it is closed. It may be nil.
	Abort <-chan struct{}

	wait waitFunc // for tests; nil means the thread with the alarm
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
	check(j.Due == nil, "no arrivals")
	check(j.Sink == nil, "no sink")
	check(j.Client == nil, "no client")
	check(j.Dialect == nil, "no dialect")
	check(j.Clock == nil, "no clock")
	check(j.Requests < 0, "a negative number of requests")
	check(j.MaxConcurrency < 0, "a negative concurrency limit")
	check(j.Timeout < 0 || j.Grace < 0, "a negative timeout or grace")
	return errors.Join(errs...)
}
