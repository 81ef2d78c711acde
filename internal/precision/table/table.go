// Package table says how much faster one way of serving a model is than
// another, from runs of the same requests: ratios with intervals, what makes
// them incomparable, and one sentence on the reason.
//
// It promises an interval with every ratio and withholds a ratio whose two
// sides did not do the same work. It is pure: no clock, no disk, and the same
// table for the same runs, in whatever order they come. Numbers that are not
// known are NaN, in what comes in and in what goes out.
package table

import (
	"tokmeter/internal/compare"
	"tokmeter/internal/stats"
)

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
	Limits       map[compare.Load]Limit
	HostMs       float64 // time of a step on the host where it is known
	Drift        *compare.Agreement
}

// Options say what to compare with and how.
type Options struct {
	// Baseline names the variant that the others are compared with; "" takes the
	// first of 16 or 32 bit, else the first.
	Baseline string
	// Percentile of TTFT and TPOT that is shown and compared, 0 < p ≤ 100; 0 for
	// the mean.
	Percentile float64
	// Load of the table; nil takes the lowest rate, else all requests at once,
	// else the smallest number of requests in flight.
	Load *compare.Load
	// Rounds that were to be run; 0 takes those that any variant has.
	Rounds int
	// Exact says that every round is the same, so that one tells all of them.
	Exact bool
}

// IntervalRounds is how many rounds an interval needs: two leave one degree of
// freedom, whose Student's t of 12.7 says nothing, and one does not show how
// runs differ.
const IntervalRounds = 3

// A Table is what the runs say. Rows are those of Load; Views has the same for
// every load, in order: rates, then all at once, then numbers under way.
type Table struct {
	Baseline    string
	Percentile  float64 // 0 for means
	Load        compare.Load
	Loads       []compare.Load
	Rounds      int
	Rows        []Row // in the order of the variants
	Views       []View
	Differences []Difference
	Warnings    []Warning
	Simulated   bool // every variant that ran is
}

// A View is the rows at one load.
type View struct {
	Load compare.Load
	Rows []Row
}

// Concurrency returns the views of equal concurrency, smallest first.
func (t *Table) Concurrency() []View {
	return t.views(func(l compare.Load) bool { return l.Concurrency > 0 })
}

// Rates returns the views of equal rate, lowest first; the last may be that of
// all requests at once.
func (t *Table) Rates() []View {
	return t.views(func(l compare.Load) bool { return l.Concurrency == 0 })
}

func (t *Table) views(keep func(compare.Load) bool) []View {
	var out []View
	for _, v := range t.Views {
		if keep(v.Load) {
			out = append(out, v)
		}
	}
	return out
}

// A Row is one variant at one load. Ratios are above 1 where the variant is
// faster than the baseline, over the requests that succeeded in all variants;
// TTFT, TPOT and E2EL are over all requests of the variant that succeeded.
type Row struct {
	Variant  Variant
	Load     compare.Load
	Baseline bool

	Requests int // sent, over all rounds
	Failed   int // of them
	Paired   int // requests whose times went into the ratios, over all rounds

	// Intervals have no ends where fewer than IntervalRounds rounds were compared.
	TTFT, TPOT, E2EL stats.Interval // ms; E2EL is the mean whatever the percentile

	Speedup    stats.Interval // of TPOT: the baseline's ÷ this one's; NaN where Withheld
	TTFTRatio  stats.Interval // likewise
	E2ELRatio  stats.Interval // likewise
	Throughput stats.Interval // output tokens a second ÷ the baseline's
	P          float64        // of no difference in TPOT, by Holm over the variants; NaN where not known
	Detectable float64        // smallest difference of TPOT to be seen, 0.05 for 5 %; NaN where not known

	OutputPerSecond  float64 // output tokens a second
	RequestPerSecond float64 // successful requests a second
	MeanOutput       float64 // tokens of a successful request
	PeakOpen         int     // most requests in flight at once, of all rounds
	MeanOpen         float64 // requests in flight, mean over the runs' time (Little's law)

	Limit          Limit   // under this load, else alone; zero where not known
	LimitAlone     bool    // Limit is of a request alone
	Near           float64 // limit's TPOT ÷ mean TPOT; NaN where not known
	NearTTFT       float64 // the same of TTFT
	LimitRatio     float64 // the baseline's limit of TPOT ÷ this one's: no bound of Speedup, for a baseline may be further from its own; NaN where not known
	LimitRatioFrom string  // "limits", or "weights" where only their bytes are known

	WeightBytes  float64 // 0 where not known
	PowerW       float64 // 0 where not known
	JouleToken   float64 // of an output token; NaN where not known
	PricePerMTok float64 // of a million output tokens; NaN where not known

	Failure  string // why there is no row; "" where there is
	Withheld string // why there is no speedup; "" where there is or for the baseline
	Drift    *compare.Agreement
	Verdict  Verdict // empty for the baseline and for a variant that failed
}

// A Code names a reason.
type Code string

// The reasons, in the order in which the first that holds is the verdict. One
// thing moves: where the run was sharp enough to see a quarter of the gain that
// the ratio of the limits promises, a difference within noise is a finding and no lack of
// data, so what explains it goes first and WithinNoise stands behind
// RateLimited. RateLimited is never the verdict where TPOT differs. docs/precision-method.md has the rule of each.
const (
	UnequalOutputs Code = "unequal-outputs" // the answers differ in length so much that the speedup is withheld
	Saturated      Code = "saturated"       // the queue is being measured
	WrongKernel    Code = "wrong-kernel"    // a slow kernel is named in the log
	WithinNoise    Code = "within-noise"    // with the smallest difference that could have been seen
	DecodeBound    Code = "decode-bound"    // by weights: the speedup is near the ratio of the limits
	PrefillBound   Code = "prefill-bound"   // most of a request is its prompt
	ComputeBound   Code = "compute-bound"   // at this batch
	HostBound      Code = "host-bound"      // the step's overhead on the host
	RateLimited    Code = "rate-limited"    // throughput equals the offered load for all
	NotExplained   Code = "not-explained"   // says what was looked at
)

// codes are in order of precedence.
func codes() []Code {
	return []Code{UnequalOutputs, Saturated, WrongKernel, WithinNoise, DecodeBound, PrefillBound, ComputeBound, HostBound, RateLimited, NotExplained}
}

// A Reason is a code and one sentence with its numbers, which Evidence has again
// by name.
type Reason struct {
	Code     Code
	Text     string
	Evidence []Evidence
}

// An Evidence is a number that a reason rests on.
type Evidence struct {
	What  string // such as "host_ms"
	Value float64
}

// A Verdict is the reason for a variant's speedup or for its absence, and others
// that hold too. Its Code is "" for the baseline and for a variant that failed.
type Verdict struct {
	Reason
	Also []Reason
}

// A Difference is something that is not equal for all variants.
type Difference struct {
	What        string        // prompts, output lengths, prompt lengths, cached tokens, version, arguments, card, load, rounds, requests, failures, ignore-eos, simulated
	Load        *compare.Load // where it is of one load
	Variants    []string      // that differ from the baseline
	Values      []string      // baseline's first, then one for each of Variants
	Invalidates bool          // the speedup of Variants is withheld
	Why         string        // one sentence
}

// A Warning casts doubt on the table. Its codes are drift, one-round,
// few-requests, few-rounds and run.
type Warning = compare.Warning
