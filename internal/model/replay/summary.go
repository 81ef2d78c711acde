package replay

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"tokmeter/internal/model/setup"
	"tokmeter/internal/stats"
)

// A Number is a figure of a summary; what is not a number is null in JSON.
type Number float64

// MarshalJSON writes NaN and infinities as null.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// A Dist is one metric over requests: mean and percentiles as NumPy's, NaN
// without any.
type Dist struct {
	Mean Number `json:"mean_ms"`
	P50  Number `json:"p50_ms"`
	P90  Number `json:"p90_ms"`
	P99  Number `json:"p99_ms"`
}

// A Deviation is by how many percent one Dist is above another.
type Deviation struct {
	Mean Number `json:"mean_percent"`
	P50  Number `json:"p50_percent"`
	P90  Number `json:"p90_percent"`
	P99  Number `json:"p99_percent"`
}

// distOf is the distribution of x, in ms, of seconds; NaNs are left out.
func distOf(x []float64) Dist {
	var ms []float64
	for _, v := range x {
		if !math.IsNaN(v) {
			ms = append(ms, v*1e3)
		}
	}
	if len(ms) == 0 {
		n := Number(math.NaN())
		return Dist{n, n, n, n}
	}
	d := Dist{Mean: Number(stats.Mean(ms))}
	slices.Sort(ms)
	for _, p := range []struct {
		to *Number
		p  float64
	}{{&d.P50, 50}, {&d.P90, 90}, {&d.P99, 99}} {
		*p.to = Number(stats.Percentile(ms, p.p))
	}
	return d
}

// over is how much d is above of.
func (d Dist) over(of Dist) Deviation {
	rel := func(a, b Number) Number { return 100 * (a - b) / b }
	return Deviation{rel(d.Mean, of.Mean), rel(d.P50, of.P50), rel(d.P90, of.P90), rel(d.P99, of.P99)}
}

// Latencies are the three metrics of a replay.
type Latencies struct {
	TTFT Dist `json:"ttft"`
	TPOT Dist `json:"tpot"` // requests of one token have none
	E2EL Dist `json:"e2el"`
}

// Deviations are the errors of the three metrics.
type Deviations struct {
	TTFT Deviation `json:"ttft"`
	TPOT Deviation `json:"tpot"`
	E2EL Deviation `json:"e2el"`
}

// Engine is what a summary says of the engine.
type Engine struct {
	Model            string  `json:"model"`
	GPU              string  `json:"gpu"`
	Precision        string  `json:"precision"`
	TP               int     `json:"tensor_parallel_size"`
	Name             string  `json:"engine"`
	Constants        string  `json:"constants"`
	Async            bool    `json:"async_scheduling"`
	KVBlocks         int     `json:"kv_blocks"`
	BlockSize        int     `json:"block_size"`
	MaxModelLen      int     `json:"max_model_len"`
	MaxSeqs          int     `json:"max_num_seqs"`
	MaxBatchedTokens int     `json:"max_num_batched_tokens"`
	PrefixCaching    bool    `json:"enable_prefix_caching"`
	FrontendMs       float64 `json:"frontend_ms"`
}

// engineOf is what a summary says of an engine.
func engineOf(b *setup.Built) Engine {
	s := b.Setup
	e := Engine{
		Model: s.Model, GPU: s.GPU, Precision: s.Precision, TP: s.TP, Name: s.Engine, Constants: s.Constants.String(), Async: b.Sched.Async,
		KVBlocks: b.Sched.Blocks, BlockSize: b.Sched.BlockSize, MaxModelLen: b.Sched.MaxModelLen, MaxSeqs: b.Sched.MaxSeqs,
		MaxBatchedTokens: b.Sched.MaxBatchedTokens, PrefixCaching: b.Sched.PrefixCaching, FrontendMs: b.Frontend * 1e3,
	}
	if b.Model != nil {
		e.Model = b.Model.Name
	}
	if b.Card != nil {
		e.GPU = b.Card.Name
	}
	return e
}

// A Summary is a replay in a few numbers. In JSON it is what
// tokmeter sim replay --json prints.
type Summary struct {
	Latencies
	Simulated     bool        `json:"simulated"` // always true
	From          string      `json:"latency_from"`
	Requests      int         `json:"requests"`
	PromptTokens  int         `json:"prompt_tokens"`
	OutputTokens  int         `json:"output_tokens"`
	DurationS     float64     `json:"duration_s"` // from the first arrival to the last token
	OutputRate    Number      `json:"output_tokens_per_s"`
	BusyS         float64     `json:"busy_s"`
	Steps         int         `json:"steps"`
	Preemptions   int         `json:"preemptions"`
	CachedTokens  int         `json:"cached_tokens"`
	Engine        Engine      `json:"engine"`
	Measured      *Latencies  `json:"measured,omitempty"`
	Error         *Deviations `json:"error,omitempty"`                      // of the simulated over the measured
	RequestErrorP *Number     `json:"e2el_request_error_percent,omitempty"` // mean of |simulated − measured| ÷ measured
	Notes         []string    `json:"notes,omitempty"`
}

// Summarize turns a replay of f on b into numbers, and compares with what the
// file has of a real engine.
func Summarize(b *setup.Built, f *File, r *Result) *Summary {
	s := &Summary{
		Simulated: true, From: "arrival", Requests: len(r.Timings), DurationS: r.Duration, BusyS: r.Busy, Steps: r.Steps,
		Preemptions: r.Preemptions, Engine: engineOf(b),
	}
	if f.FromQueue {
		s.From = "queue"
	}
	sim := make([]Measured, len(r.Timings))
	for i, t := range r.Timings {
		sim[i] = Measured{TTFT: t.TTFT(), TPOT: t.TPOT(), E2EL: t.E2EL()}
		if f.FromQueue {
			sim[i].TTFT, sim[i].E2EL = t.First-t.Queued, t.Last-t.Queued
		}
		s.PromptTokens += t.Prompt
		s.OutputTokens += t.Output
		s.CachedTokens += t.Cached
	}
	s.OutputRate = Number(float64(s.OutputTokens) / r.Duration)
	s.Latencies = latenciesOf(sim)
	s.Notes = append(append(s.Notes, f.Notes...), b.Notes...)
	if len(f.Measured) == len(sim) {
		s.compare(sim, f.Measured)
	}
	if f.FromQueue {
		s.Notes = append(s.Notes, "TTFT and E2EL count from the engine's queue, as those of the trace: its arrivals are on another clock")
	}
	return s
}

func latenciesOf(x []Measured) Latencies {
	col := func(get func(Measured) float64) Dist {
		v := make([]float64, len(x))
		for i, m := range x {
			v[i] = get(m)
		}
		return distOf(v)
	}
	return Latencies{
		TTFT: col(func(m Measured) float64 { return m.TTFT }),
		TPOT: col(func(m Measured) float64 { return m.TPOT }),
		E2EL: col(func(m Measured) float64 { return m.E2EL }),
	}
}

// compare sets the errors over the requests that have both values.
func (s *Summary) compare(sim, measured []Measured) {
	both := slices.Clone(sim)
	var off []float64
	for i := range both {
		blank := func(a *float64, b float64) {
			if math.IsNaN(b) {
				*a = math.NaN()
			}
		}
		blank(&both[i].TTFT, measured[i].TTFT)
		blank(&both[i].TPOT, measured[i].TPOT)
		blank(&both[i].E2EL, measured[i].E2EL)
		if e := math.Abs(sim[i].E2EL-measured[i].E2EL) / measured[i].E2EL; !math.IsNaN(e) && !math.IsInf(e, 0) {
			off = append(off, 100*e)
		}
	}
	m, l := latenciesOf(measured), latenciesOf(both)
	s.Measured = &m
	s.Error = &Deviations{TTFT: l.TTFT.over(m.TTFT), TPOT: l.TPOT.over(m.TPOT), E2EL: l.E2EL.over(m.E2EL)}
	if len(off) > 0 {
		e := Number(stats.Mean(off))
		s.RequestErrorP = &e
	}
}

// WriteText writes the summary for people.
func (s *Summary) WriteText(w io.Writer) error {
	e := s.Engine
	how := "synchronous"
	if e.Async {
		how = "asynchronous"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "simulated: %s %s on %s", e.Model, e.Precision, e.GPU)
	if e.TP > 1 {
		fmt.Fprintf(&b, " × %d", e.TP)
	}
	fmt.Fprintf(&b, ", %s %s, %s constants\n", e.Name, how, e.Constants)
	fmt.Fprintf(&b, "%d KV blocks of %d tokens, %d tokens a step, %d requests at once, %d tokens a request\n", e.KVBlocks, e.BlockSize, e.MaxBatchedTokens, e.MaxSeqs, e.MaxModelLen)
	fmt.Fprintf(&b, "%d requests, %d tokens in, %d out, %.2f s (busy %.2f s), %d steps, %d preemptions, %d cached tokens, %.1f output tokens/s\n\n",
		s.Requests, s.PromptTokens, s.OutputTokens, s.DurationS, s.BusyS, s.Steps, s.Preemptions, s.CachedTokens, float64(s.OutputRate))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tmean\tp50\tp90\tp99\t")
	line := func(name, verb string, d Dist) {
		fmt.Fprint(t, name)
		for _, v := range []Number{d.Mean, d.P50, d.P90, d.P99} {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				fmt.Fprint(t, "\t-")
				continue
			}
			fmt.Fprintf(t, "\t"+verb, float64(v))
		}
		fmt.Fprintln(t, "\t")
	}
	m, off := s.Measured, s.Error
	if m == nil {
		m, off = &Latencies{}, &Deviations{}
	}
	rows := func(name string, simulated, measured Dist, off Deviation) {
		line(name+" ms, simulated", "%.2f", simulated)
		if s.Measured != nil {
			line("measured", "%.2f", measured)
			line("error %", "%+.1f", Dist(off))
		}
	}
	rows("TTFT", s.TTFT, m.TTFT, off.TTFT)
	rows("TPOT", s.TPOT, m.TPOT, off.TPOT)
	rows("E2EL", s.E2EL, m.E2EL, off.E2EL)
	t.Flush()
	if s.RequestErrorP != nil {
		fmt.Fprintf(&b, "\nE2EL of single requests is off by %.1f %% (mean of absolute errors)\n", float64(*s.RequestErrorP))
	}
	for _, n := range s.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
