// Package metrics turns records into numbers: vLLM's definitions, taken from
// the wire's clock.
//
// Summarize is a pure function of the plan, the records and the run's ending,
// so the same numbers come out of a run that has just ended and out of its
// files a month later. Every value is exact: means, deviations and percentiles
// are NumPy's to the last bit (package stats), however many passes over the
// records it takes to find them without keeping the samples.
//
// The population of every latency is the successful requests. Under
// plan.CompatVLLM the records are looked at as vLLM's own client would have
// seen them, with its defects Q1–Q25 as far as they are a matter of arithmetic;
// docs/compat.md lists which. Otherwise the defects are absent, and what is
// measured beyond vLLM stands beside its numbers, never in their place.
//
// The package refuses to guess: a number that can't be computed is absent from
// Summary.Dists, and what makes a number doubtful is a Warning.
package metrics

import (
	"strconv"

	"tokmeter/internal/model/light"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// An ID names a latency as the result file does, without statistic and unit.
type ID string

// The latencies. The first six are vLLM's.
const (
	TTFT            ID = "ttft"
	TPOT            ID = "tpot"
	ITL             ID = "itl"
	E2EL            ID = "e2el"
	ClientQueueTime ID = "client_queue_time"
	E2ELWithQueue   ID = "e2el_including_client_queue"
	FirstAnswer     ID = "first_answer"
	ITLPerToken     ID = "itl_per_token"
	TTFTFromDue     ID = "ttft_from_due"
	E2ELFromDue     ID = "e2el_from_due"
	Late            ID = "late"
	ClientLag       ID = "client_lag"
)

const (
	msPerSecond = 1000
	nsPerSecond = 1e9
)

// A Percentile is the value in milliseconds at P percent.
type Percentile struct{ P, Value float64 }

// Name is "P99" or "P99.9".
func (p Percentile) Name() string { return "P" + strconv.FormatFloat(p.P, 'g', -1, 64) }

// A Dist describes one latency over N samples; values are in milliseconds.
// Where there was no sample, N is 0 and so is every value, as vLLM prints it.
type Dist struct {
	N                 int
	Mean, Median, Std float64
	P50, P99          float64
	Min, Max          float64
	Percentiles       []Percentile // those that the plan asks for, in its order

	Ladder []Percentile // at 50, 75, 90, 95, 99 and 99.9
}

// An OutcomeCount says how many requests ended in one way.
type OutcomeCount struct {
	Outcome record.Outcome
	N       int
}

// A SourceCount says how many counts of tokens came from one source.
type SourceCount struct {
	Source record.Source
	N      int
}

// A Failure is a group of requests that failed in the same way for the same
// reason: their messages differ in numbers only.
type Failure struct {
	Outcome record.Outcome
	Status  int // HTTP status; 0 when no status line came
	N       int
	Index   int    // of the first request of the group
	Example string // the words of that request's failure
}

// A Warning is a reason to doubt a number of the summary.
type Warning = record.Warning

// Summary is everything that a report shows. Rates are per second of Duration.
type Summary struct {
	Compat    bool // numbers are as vLLM's client would give them
	Simulated bool // the server was the simulator
	HasGoals  bool // the plan has goals, so Goodput means something

	Duration  float64 // seconds from the first dispatch until every request had ended
	Requests  int     // requests that have a record
	Completed int
	Failed    int

	InputTokens, OutputTokens           int  // of successful requests
	AskedInputTokens, AskedOutputTokens int  // what the workload asked of the same requests
	CachedTokens                        int  // of the prompts, by the server's usage
	CachedTold                          bool // some usage said CachedTokens; else they are not known

	RequestThroughput float64 // successful requests per second
	Goodput           float64 // successful requests per second that met every goal
	InputThroughput   float64 // prompt tokens per second
	OutputThroughput  float64 // output tokens per second
	TokenThroughput   float64 // both
	PeakOutput        float64 // most output tokens in any second
	PeakConcurrency   int     // most requests under way at once

	Dists     map[ID]Dist // latencies that could be computed
	SLOs      []SLOResult // limits that the run was given, with what became of them
	Steady    *Steady     // the part without warm-up and drain; nil where there is none
	Course    *Course     // how the run went; nil where too few requests tell
	Intervals *Intervals  // how well the numbers are known; nil under compat and without a success

	// What the server's own counters say of the run; nil where they say nothing.
	Speculation *Speculation
	Diffusion   *Diffusion

	Simulator *Simulator // what the simulator says of itself; nil where there was none

	Limit   *light.Verdict     // the speed of light; nil where the card is not known
	Implied *light.Implication // what TPOT says of the card where it is not known; nil where the model's shapes are not

	Outcomes      []OutcomeCount // every outcome, in record.Outcomes' order
	Failures      []Failure      // most frequent first
	FirstErrors   []string       // under compat: the words of the first ten failures
	Clock         string         // "kernel", "reader", "mixed", or "none" without any response
	ClockSteps    int            // steps of the wall clock noticed during the run
	ReadInterval  float64        // the longest time that the client let events gather before it read them, in seconds
	OutputSources []SourceCount  // where output counts of successful requests come from, best first
	PromptSources []SourceCount
	Replaced      int    // stale keep-alive connections that were replaced
	Redirects     int    // redirects followed
	Stripped      int    // requests that a redirect led to another origin, where the user's headers were not sent
	Reason        string // why the run ended

	// Client is what went on on the client's machine; nil where nobody looked.
	Client *record.Client
	// LateSends is how many requests were sent more than a millisecond after their
	// due time, where they had one.
	LateSends int

	Warnings []Warning
	Verdict  Verdict // how far the numbers can be trusted
}

// Summarize computes the summary of the run that plan p described, that left
// recs and that ended as end says. It goes over the records several times and
// keeps none of them: what it holds in memory does not grow with their number.
// The error is that of a pass.
func Summarize(recs record.Pass, end record.Ending, p plan.Plan) (Summary, error) {
	v := ViewOf(p)
	s := Summary{
		Compat:     v.compat,
		Simulated:  p.Target.Simulated,
		HasGoals:   len(p.Goals) > 0,
		Duration:   seconds(end.End - end.Start),
		Dists:      map[ID]Dist{},
		ClockSteps: end.ClockSteps,
		Reason:     end.Reason,
		Client:     end.Client,
	}
	t, slos := newTally(v, p), newSLOs(v, p.SLOs)
	under := &concurrency{threshold: fullLoadOf(p)}
	tokens := &tokenPeak{}
	buckets := &bucketPeaks{view: v}
	scans := []scan{t, slos}
	if s.Compat {
		scans = append(scans, buckets)
	} else {
		scans = append(scans, newSweep(under.edges, under.pass), newSweep(tokens.arrivals, tokens.pass))
	}
	lists := latencySeries(v, p)
	if err := read(recs, v, append(scans, asScans(lists)...)...); err != nil {
		return s, err
	}
	t.fill(&s, p)
	s.describe(lists)
	s.SLOs = slos.results(&s)
	if s.Compat {
		s.PeakOutput, s.PeakConcurrency = buckets.peaks()
		return s, nil
	}
	s.PeakOutput, s.PeakConcurrency = float64(tokens.most), under.most
	return s, s.lookCloser(recs, v, t, under, end, p)
}

// lookCloser adds what is worth to look for by what the first passes found.
func (s *Summary) lookCloser(recs record.Pass, v View, t *tally, under *concurrency, end record.Ending, p plan.Plan) error {
	lists := lateSeries(t, p)
	again := asScans(lists)
	line := newTimeline(v, t, p, end.Start)
	if line != nil {
		again = append(again, line)
	}
	doubts := newIntervals(s, t, v, p)
	again = append(again, doubts.scans()...)
	if err := read(recs, v, again...); err != nil {
		return err
	}
	s.describe(lists)
	s.Intervals = doubts.describe(s)
	if full := s.steadyScan(line, under, p); full != nil {
		if err := read(recs, v, full); err != nil {
			return err
		}
		s.Steady = full.describe()
	}
	s.Warnings = warn(s, t, p)
	s.judge(&evidence{s, t, p}, false)
	return nil
}
