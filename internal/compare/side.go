package compare

import (
	"math"
	"slices"

	"tokmeter/internal/stats"
)

// A Result is what one run came to, as far as its tool wrote it down: values of
// single requests where there are any, else statistics.
type Result struct {
	Tool     string  // that measured it, with its version where it says so
	Part     string  // which one of the results of a file it is; "" for the only one
	Requests int     // sent; -1 where not known
	Failed   int     // of them; -1 where not known
	Seconds  float64 // that it took; NaN where not known

	// Series has the values of latencies in milliseconds, in order of sending: one a
	// request, NaN for none, and for ITL one a gap.
	Series map[Metric][]float64
	// Slices has the throughput of stretches of equal length, for its interval.
	Slices map[Metric][]float64
	// Told has the statistics that the tool gives itself.
	Told map[Quantity]float64
	// Std has the standard deviation of a latency's values, of which there are
	// Requests less Failed, where only statistics are told.
	Std map[Metric]float64

	// Prompts is a hash of the requests: places of two series with the same one are
	// of the same prompt. "" where it is not known.
	Prompts string

	Workload    []Fact // what the server was asked
	Environment []Fact // what served it and what measured it
	Unequal     []Unequal
	Notes       []string // what a reader of the comparison should know of the tool's definitions
}

// A Fact is something known of a run, by a name that is the same for all tools.
type Fact struct{ Name, Value string }

// Names of facts that decide whether two workloads are alike.
const (
	FactRequests    = "requests"
	FactRate        = "request rate"
	FactConcurrency = "max concurrency"
	FactInput       = "input tokens (mean)"
	FactOutput      = "output tokens (mean)"
	FactDataset     = "dataset"
	FactPrompts     = "requests' hash"
	FactModel       = "model"
	FactBackend     = "backend"
	FactIgnoreEOS   = "ignore_eos"
)

// An Unequal is a metric that the tool has and that can't be brought to the
// definition of the others.
type Unequal struct {
	Metric Metric
	Why    string
}

// New is a result of which nothing is known yet.
func New(tool string) Result {
	return Result{
		Tool: tool, Requests: -1, Failed: -1, Seconds: math.NaN(),
		Series: map[Metric][]float64{}, Slices: map[Metric][]float64{}, Told: map[Quantity]float64{}, Std: map[Metric]float64{},
	}
}

// Tell keeps a statistic that is a positive number.
func (r *Result) Tell(q Quantity, value float64) {
	if positive(value) {
		r.Told[q] = value
	}
}

// Know keeps a fact of the workload that is known.
func (r *Result) Know(name, value string) { r.Workload = add(r.Workload, name, value) }

// Served keeps a fact of the environment that is known.
func (r *Result) Served(name, value string) { r.Environment = add(r.Environment, name, value) }

func add(facts []Fact, name, value string) []Fact {
	if value == "" {
		return facts
	}
	return append(facts, Fact{name, value})
}

// Lacks says that a metric can't be brought to the common definition.
func (r *Result) Lacks(m Metric, why string) { r.Unequal = append(r.Unequal, Unequal{m, why}) }

// succeeded is how many requests did; -1 where not known.
func (r *Result) succeeded() int {
	if r.Requests < 0 || r.Failed < 0 {
		return -1
	}
	return r.Requests - r.Failed
}

// detailed reports whether there are values of single requests of a metric.
func (r *Result) detailed(m Metric) bool { return len(r.Series[m]) > 0 || len(r.Slices[m]) > 0 }

// value is a quantity as the run has it, with the interval that one run gives;
// without an interval where there are no values of single requests.
func (r *Result) value(q Quantity) stats.Interval {
	nan := math.NaN()
	none := stats.Interval{Value: nan, Low: nan, High: nan, SE: nan, DF: nan}
	if q.Metric == Success {
		if n := r.succeeded(); n >= 0 && r.Requests > 0 {
			return stats.Wilson(n, r.Requests)
		}
		return none
	}
	if x := r.Series[q.Metric]; len(x) > 0 {
		return ofSeries(x, q.Stat)
	}
	told, ok := r.Told[q]
	if !ok {
		return none
	}
	none.Value = told
	if x := r.Slices[q.Metric]; len(x) > 0 {
		return scaled(stats.MeanOfSeries(x, seed), told)
	}
	n, std := r.succeeded(), r.Std[q.Metric]
	if q.Metric.Latency() && q.Stat == stats.OfMean && n > 1 && positive(std) {
		none.SE, none.DF, none.N = std/math.Sqrt(float64(n)), float64(n-1), n
		half := stats.StudentQuantile(0.975, none.DF) * none.SE
		none.Low, none.High = told-half, told+half
	}
	return none
}

// Number is a quantity as the run has it, without its interval; NaN where it has
// none.
func (r *Result) Number(q Quantity) float64 {
	if told, ok := r.Told[q]; ok && q.Metric != Success {
		return told
	}
	return r.value(q).Value
}

// mostGaps is how many values an interval is drawn of.
const mostGaps = 200_000

// ofSeries is a statistic of a series. Very many values give the statistic of all
// of them, and the interval of every k-th.
func ofSeries(x []float64, s stats.Statistic) stats.Interval {
	thin := x
	if step := (len(x) + mostGaps - 1) / mostGaps; step > 1 {
		thin = nil
		for i := 0; i < len(x); i += step {
			thin = append(thin, x[i])
		}
	}
	var out stats.Interval
	if s == stats.OfMean {
		out = stats.MeanOfSeries(thin, seed)
	} else {
		out = stats.PercentileOfSeries(thin, float64(s))
	}
	if len(thin) == len(x) {
		return out
	}
	all := slices.DeleteFunc(slices.Clone(x), func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	if s == stats.OfMean {
		return scaled(out, stats.Mean(all))
	}
	slices.Sort(all)
	return scaled(out, stats.Percentile(all, float64(s)))
}

// scaled is an interval of the same relative length about another value.
func scaled(i stats.Interval, value float64) stats.Interval {
	k := value / i.Value
	i.Value, i.Low, i.High, i.SE = value, i.Low*k, i.High*k, i.SE*k
	return i
}

// seed makes equal comparisons draw equally.
const seed = 1

// A Side is one of the things that are compared: one run, or several of the same.
type Side struct {
	Name    string
	Results []Result // one a round
}

func (s *Side) first() *Result { return &s.Results[0] }
