// Package compare says how results differ, whichever runs or tools they are of. A
// Result is what one run came to, a Side one or several of them; Compare puts sides
// beside the first, quantity by quantity, with an interval, a probability and a
// verdict, and Gate checks rules on them. It also holds what an experiment needs of
// its runs: what each request came to, how the run was driven, how two sets of
// greedy answers agree, and in which flags two command lines differ.
//
// It promises an interval where there are values of single requests, says where
// there are none, and gives no verdict where the two did not do the same work.
//
// It is pure: no clock, no disk. Numbers that are not known are NaN, in what
// comes in and in what goes out.
package compare

import (
	"fmt"

	"tokmeter/internal/record"
)

// A Request is what one request of a run came to. Times are in milliseconds and
// NaN where there are none.
type Request struct {
	Index          int // of the workload: equal indexes have equal prompts
	OK             bool
	Prompt, Output int // tokens
	Cached         int // tokens of the prompt from the server's cache
	TTFT, TPOT     float64
	E2EL           float64
	Sent           float64 // ms from the start of the run
}

// A Load is how a run was driven: by a rate, or by a number of requests kept
// in flight. The zero Load sends all requests at once.
type Load struct {
	Rate        float64 // requests a second; 0 where Concurrency drives
	Concurrency int
}

// String is the load in words.
func (l Load) String() string {
	switch {
	case l.Concurrency > 0 && l.Rate > 0:
		return fmt.Sprintf("%.4g requests/s with at most %d in flight", l.Rate, l.Concurrency)
	case l.Concurrency == 1:
		return "1 request in flight"
	case l.Concurrency > 0:
		return fmt.Sprintf("%d requests in flight", l.Concurrency)
	case l.Rate == 1:
		return "1 request/s"
	case l.Rate > 0:
		return fmt.Sprintf("%.4g requests/s", l.Rate)
	}
	return "all requests at once"
}

// A Warning is a reason to doubt a number of a run.
type Warning = record.Warning

// A Run is one variant in one round at one load.
type Run struct {
	Variant  string
	Round    int
	Load     Load
	Requests []Request // by Index
	Seconds  float64   // until every request had ended
	Offered  float64   // requests a second that were asked for; 0 in a closed loop
	PeakOpen int       // most requests in flight at once
	Warnings []Warning // the run's own, which cast doubt on it
}
