// Package compare says how much faster one way of serving a model is than
// another, from runs of the same requests: ratios with intervals, what makes
// them incomparable, and one sentence on the reason.
//
// It promises an interval with every ratio and withholds a ratio whose two
// sides did not do the same work. It is pure: no clock, no disk, and the same
// table for the same runs, in whatever order they come. Numbers that are not
// known are NaN, in what comes in and in what goes out.
package compare

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
// under way. The zero Load sends all requests at once.
type Load struct {
	Rate        float64 // requests a second; 0 where Concurrency drives
	Concurrency int
}

// A Run is one variant in one round at one load.
type Run struct {
	Variant  string
	Round    int
	Load     Load
	Requests []Request // by Index
	Seconds  float64   // until every request had ended
	Offered  float64   // requests a second that were asked for; 0 in a closed loop
	PeakOpen int       // most requests under way at once
	Warnings []string  // the run's own, which cast doubt on it
}

// A Limit is the speed of light of a variant at a load, in milliseconds; zero
// where it is not known.
type Limit struct {
	TTFT, TPOT float64
	Bound      string // weights, kv, compute, link
}

// A Variant is one way of serving a model.
type Variant struct {
	Name         string
	Model        string // stub, as the table shows it
	Precision    string
	Simulated    bool
	Failure      string // why it has no runs; "" where it has
	Version      string // of the server
	Args         []string
	Card         string
	Kernel       string // that the server's log names
	Prompts      string // hash of the workload
	IgnoreEOS    bool
	WeightBytes  float64 // read a step; 0 where not known
	PowerW       float64
	PricePerHour float64
	Alone        Limit
	Limits       map[Load]Limit
	HostMs       float64 // time of a step on the host where it is known
	Drift        *Agreement
}

// An Estimate is a value with its 95 % interval over N samples. Value is NaN
// where there is none; Low and High are NaN where there are too few samples to
// tell.
type Estimate struct {
	Value, Low, High float64
	N                int
}

// An Agreement is how a variant's greedy answers agree with the baseline's.
type Agreement struct {
	Prompts    int
	Identical  float64 // share of equal answers
	First      float64 // mean tokens until the first difference
	LogProbGap float64 // mean absolute difference of the log-probabilities of equal tokens; NaN where a server gives none
}
