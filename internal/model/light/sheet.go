package light

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// A Question is what a Sheet answers.
type Question struct {
	Input, Output int       // tokens of the request alone
	Batches       []int     // of the table
	Requests      []Request // a load; nil for none
	FromQueue     bool      // its measured times count from the engine's queue
	Explain       bool      // list every constant with its source
}

// A Sheet is the speed of light of one model on one card, ready to be shown. Its
// JSON is what tokmeter sol --json prints.
type Sheet struct {
	Computed   bool    `json:"computed"` // always true: nothing of it is measured
	Model      string  `json:"model"`
	GPU        string  `json:"gpu"`
	Precision  string  `json:"precision"`
	KV         string  `json:"kv_cache"`
	TP         int     `json:"tensor_parallel_size"`
	Bandwidth  float64 `json:"bandwidth_gb_s"` // of all cards
	Peak       float64 `json:"peak_tflops"`    // of all cards, in the format of the weights
	PeakUnit   string  `json:"peak_format"`
	Weights    float64 `json:"weights_read_gb"` // a step of one token streams them
	DoesNotFit string  `json:"does_not_fit,omitempty"`

	WeightsMs float64    `json:"weights_ms"` // TPOT at batch 1 without context
	Balance   float64    `json:"balance_batch"`
	Alone     AloneSheet `json:"alone"`
	Context   int        `json:"table_context"` // tokens before each request's own in the table
	Rows      []Row      `json:"table"`
	Load      *LoadSheet `json:"under_load,omitempty"`

	Constants   []ConstantSheet `json:"constants,omitempty"`
	Unconfirmed []string        `json:"unconfirmed"`
	Notes       []string        `json:"notes,omitempty"`
}

// An AloneSheet is one request on an empty server.
type AloneSheet struct {
	Input     int     `json:"input_tokens"`
	Output    int     `json:"output_tokens"`
	TTFT      float64 `json:"ttft_ms"`
	TPOT      float64 `json:"tpot_ms"`
	E2EL      float64 `json:"e2el_ms"`
	TTFTBound string  `json:"ttft_bound"`
	TPOTBound string  `json:"tpot_bound"`
}

// A LoadSheet is a load beside its limits; what was not measured is left out.
type LoadSheet struct {
	Requests  int        `json:"requests"`
	Policy    string     `json:"policy"`
	NoLoad    string     `json:"no_load,omitempty"`
	Alone     Latencies  `json:"alone"`
	Load      *Latencies `json:"limit,omitempty"`
	TTFTBound string     `json:"ttft_bound"`
	TPOTBound string     `json:"tpot_bound"`
	Measured  *Latencies `json:"measured,omitempty"`
	OverAlone *Ratios    `json:"measured_over_alone,omitempty"`
	OverLoad  *Ratios    `json:"measured_over_load,omitempty"`

	BandwidthUse float64  `json:"bandwidth_use,omitempty"`
	FlopUse      float64  `json:"flop_use,omitempty"`
	Below        []string `json:"below,omitempty"`
	Causes       []string `json:"causes,omitempty"`
}

// A ConstantSheet is one constant with where it comes from.
type ConstantSheet struct {
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Source    string  `json:"source"`
	Confirmed bool    `json:"confirmed"`
}

// Sheet answers q.
func (l *Light) Sheet(q Question) *Sheet {
	b, set := l.built, l.machine.Setup()
	_, unit := l.machine.Peak()
	s := &Sheet{
		Computed: true, Model: b.Model.Name, GPU: b.Card.Name, Precision: set.Precision, KV: orAuto(set.KV), TP: l.cards(),
		Bandwidth: l.bandwidth() / 1e9, Peak: l.peak() / 1e12, PeakUnit: unit, Weights: l.machine.ReadBytes(1) / 1e9,
		WeightsMs: l.machine.ReadBytes(1) / l.bandwidth() * msPerSecond, Balance: l.Balance(),
		Context: q.Input + q.Output/2, Unconfirmed: l.Unconfirmed(), Notes: b.Notes,
	}
	if l.noLoad != nil {
		s.DoesNotFit = l.noLoad.Error()
	}
	t := l.Alone(q.Input, 0, q.Output)
	s.Alone = AloneSheet{
		Input: q.Input, Output: q.Output, TTFT: t.TTFT * msPerSecond, TPOT: t.TPOT * msPerSecond, E2EL: t.E2EL * msPerSecond,
		TTFTBound: l.prefill(q.Input, 0).Bound, TPOTBound: l.decode(1, s.Context).Bound,
	}
	s.Rows = l.Rows(q.Batches, s.Context)
	if len(q.Requests) > 0 {
		s.Load = l.loadSheet(q)
	}
	if q.Explain {
		for _, c := range l.Constants() {
			s.Constants = append(s.Constants, ConstantSheet{c.Name, c.Value, c.Unit, c.Source, c.Confirmed})
		}
	}
	return s
}

func (l *Light) loadSheet(q Question) *LoadSheet {
	v := l.Judge(q.Requests, Evidence{Counted: true, FromQueue: q.FromQueue})
	s := &LoadSheet{
		Requests: v.Requests, Policy: Policy, NoLoad: v.NoLoad, Alone: v.Alone, TTFTBound: v.TTFTBound, TPOTBound: v.TPOTBound,
		BandwidthUse: v.BandwidthUse, FlopUse: v.FlopUse, Below: v.Below, Causes: v.Causes,
	}
	if v.NoLoad == "" {
		s.Load = &v.Load
	}
	if v.Measured != (Latencies{}) {
		s.Measured, s.OverAlone = &v.Measured, &v.OverAlone
		if v.NoLoad == "" {
			s.OverLoad = &v.OverLoad
		}
	}
	return s
}

func orAuto(kv string) string {
	if kv == "" {
		return "auto"
	}
	return kv
}

// WriteText writes the sheet for people.
func (s *Sheet) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "speed of light, computed: %s %s on %s", s.Model, s.Precision, s.GPU)
	if s.TP > 1 {
		fmt.Fprintf(&b, " × %d", s.TP)
	}
	fmt.Fprintf(&b, "\n%.0f GB/s, %.1f TFLOPS (%s); %.2f GB of weights a step\n", s.Bandwidth, s.Peak, s.PeakUnit, s.Weights)
	if s.DoesNotFit != "" {
		fmt.Fprintf(&b, "does not fit: %s\n", firstLine(s.DoesNotFit))
	}
	a := s.Alone
	fmt.Fprintf(&b, "\nalone (batch 1, empty server; no software does better on this card), %d tokens in, %d out:\n", a.Input, a.Output)
	fmt.Fprintf(&b, "  TTFT %10.2f ms, bound by %s\n", a.TTFT, a.TTFTBound)
	if a.Output > 1 {
		fmt.Fprintf(&b, "  TPOT %10.2f ms, bound by %s (%.2f ms without context)\n", a.TPOT, a.TPOTBound, s.WeightsMs)
	} else {
		fmt.Fprintf(&b, "  TPOT %10.2f ms without context\n", s.WeightsMs)
	}
	fmt.Fprintf(&b, "  E2EL %10.2f ms\n", a.E2EL)
	s.writeRows(&b)
	if s.Load != nil {
		s.Load.write(&b)
	}
	writeConstants(&b, s.Constants)
	if len(s.Unconfirmed) > 0 {
		fmt.Fprintf(&b, "\nunconfirmed (one source alone): %s\n", strings.Join(s.Unconfirmed, ", "))
	}
	for _, n := range s.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func (s *Sheet) writeRows(b *strings.Builder) {
	if len(s.Rows) > 0 {
		fmt.Fprintf(b, "\na decode step by batch, %d tokens of context each:\n", s.Context)
		t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
		head := "batch\tTPOT ms\ttokens/s\tbound by\tweights ms\tKV ms\tcompute ms\t"
		if s.TP > 1 {
			head += "link ms\t"
		}
		fmt.Fprintln(t, head)
		for _, r := range s.Rows {
			fmt.Fprintf(t, "%d\t%.2f\t%.1f\t%s\t%.2f\t%.2f\t%.2f\t", r.Batch, r.StepMs, r.TokensPerS, r.Bound, r.WeightMs, r.KVMs, r.ComputeMs)
			if s.TP > 1 {
				fmt.Fprintf(t, "%.2f\t", r.LinkMs)
			}
			fmt.Fprintln(t)
		}
		t.Flush()
	}
	if s.Balance > 0 {
		fmt.Fprintf(b, "compute takes as long as the weights at batch %.0f, the KV cache left out\n", s.Balance)
	}
}

func (s *LoadSheet) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n%d requests as they arrive:\n", s.Requests)
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tmean\tp50\tp90\tp99\t")
	line := func(name string, x Spread) {
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t\n", name, x.Mean, x.P50, x.P90, x.P99)
	}
	for _, x := range []struct {
		name string
		of   func(*Latencies) Spread
	}{
		{"TTFT", func(l *Latencies) Spread { return l.TTFT }},
		{"TPOT", func(l *Latencies) Spread { return l.TPOT }},
		{"E2EL", func(l *Latencies) Spread { return l.E2EL }},
	} {
		line(x.name+" ms, limit alone", x.of(&s.Alone))
		if s.Load != nil {
			line("limit under load", x.of(s.Load))
		}
		if s.Measured != nil && x.of(s.Measured) != (Spread{}) {
			line("measured", x.of(s.Measured))
		}
	}
	t.Flush()
	fmt.Fprintf(b, "bound: TTFT by %s, TPOT by %s\n", s.TTFTBound, orNothing(s.TPOTBound))
	if s.NoLoad != "" {
		fmt.Fprintf(b, "no limit under load: %s\n", firstLine(s.NoLoad))
	} else {
		fmt.Fprintf(b, "under load: through %s's schedule with perfect kernels and no host: a bound for that policy\n", s.Policy)
	}
	if s.OverLoad != nil {
		fmt.Fprintf(b, "measured ÷ limit under load: TTFT %.2f, TPOT %.2f, E2EL %.2f (of means)\n", s.OverLoad.TTFT, s.OverLoad.TPOT, s.OverLoad.E2EL)
	}
	if s.OverAlone != nil {
		fmt.Fprintf(b, "measured ÷ limit alone:      TTFT %.2f, TPOT %.2f, E2EL %.2f\n", s.OverAlone.TTFT, s.OverAlone.TPOT, s.OverAlone.E2EL)
		fmt.Fprintf(b, "used: %.1f %% of the memory bandwidth while tokens were made (MBU), %.1f %% of the peak FLOPS (MFU)\n", 100*s.BandwidthUse, 100*s.FlopUse)
	}
	if len(s.Below) > 0 {
		fmt.Fprintf(b, "below the limit: %s; likely causes: %s\n", strings.Join(s.Below, "; "), strings.Join(s.Causes, "; "))
	}
}

func orNothing(s string) string {
	if s == "" {
		return "nothing: no answer has two tokens"
	}
	return s
}

func writeConstants(b *strings.Builder, all []ConstantSheet) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(b, "\nconstants:")
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, c := range all {
		mark := ""
		if !c.Confirmed {
			mark = " (unconfirmed)"
		}
		fmt.Fprintf(t, "  %s\t%g %s\t%s%s\n", c.Name, c.Value, c.Unit, c.Source, mark)
	}
	t.Flush()
}
