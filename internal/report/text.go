package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/python"
	"tokmeter/internal/result"
)

const (
	width    = 50 // of headers, in characters
	maxKinds = 10 // kinds of failure that are shown
)

// Text writes the block of r. Under plan.CompatVLLM it is
// vLLM's to the byte, with the failed requests before it; otherwise what is
// measured beyond vLLM, the client's own state, the warnings, and what failed
// and why follow the block.
func Text(w io.Writer, r result.Result) error {
	s := &r.Summary
	t := &text{s: s, p: &r.Plan}
	if s.Compat {
		t.firstFailures()
	}
	t.header()
	t.scalars()
	t.latencies()
	t.counters()
	t.line(strings.Repeat("=", width))
	if !s.Compat {
		t.beside()
		t.limit()
		t.workload()
		t.client()
		t.simulator()
		t.warnings()
		t.failures()
	}
	if _, err := io.WriteString(w, t.out.String()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// text is a block in the making.
type text struct {
	s   *metrics.Summary
	p   *plan.Plan
	out strings.Builder
}

func (t *text) line(s string) { t.out.WriteString(s + "\n") }

// head writes a centred line filled up with c, as Python's "{s:{c}^{n}}" does.
func (t *text) head(s string, c byte) {
	n := len([]rune(s))
	if n >= width {
		t.line(s)
		return
	}
	left := (width - n) / 2
	fill := string(c)
	t.line(strings.Repeat(fill, left) + s + strings.Repeat(fill, width-n-left))
}

// row writes label and value in vLLM's columns of 40 and 10.
func (t *text) row(label, value string) { fmt.Fprintf(&t.out, "%-40s %-10s\n", label, value) }

func (t *text) header() {
	if t.s.Simulated && t.s.Compat {
		t.line("The server is simulated.") // the block itself is vLLM's
	}
	t.head(" Serving Benchmark Result ", '=')
	if t.s.Simulated && !t.s.Compat {
		t.row("Server:", "simulated")
		if t.s.Simulator != nil {
			t.row("Simulated:", t.s.Simulator.Setup)
		}
	}
}

// firstFailures writes what vLLM's client prints before the block.
func (t *text) firstFailures() {
	if len(t.s.FirstErrors) == 0 {
		return
	}
	t.line("Failed requests during benchmark run detected (capping to 10):")
	for i, err := range t.s.FirstErrors {
		t.line(fmt.Sprintf("Error %d: %s", i, err))
	}
}

// scalars writes the rows that have one number.
func (t *text) scalars() {
	for _, d := range scalars() {
		if d.label == "" || d.shown != nil && !d.shown(t.s, t.p) {
			continue
		}
		switch v := d.value(t.s, t.p).(type) {
		case int:
			if d.decimals {
				t.row(d.label, fmt.Sprintf("%.2f", float64(v)))
				continue
			}
			t.row(d.label, fmt.Sprint(v))
		case float64:
			t.row(d.label, fmt.Sprintf("%.2f", v))
		}
	}
}

// latencies writes the sections that --percentile-metrics selects.
func (t *text) latencies() {
	for _, d := range metrics.Latencies() {
		if d.VLLM && selected(t.p, d.ID) {
			t.section(d)
		}
	}
}

func (t *text) section(d metrics.Definition) {
	dist, ok := t.s.Dists[d.ID]
	if !ok {
		return
	}
	t.head(d.Header, '-')
	t.row("Mean "+d.Name+" (ms):", fmt.Sprintf("%.2f", dist.Mean))
	t.row("Median "+d.Name+" (ms):", fmt.Sprintf("%.2f", dist.Median))
	for _, p := range dist.Percentiles {
		t.row(percentileWord(p.P)+" "+d.Name+" (ms):", fmt.Sprintf("%.2f", p.Value))
	}
}

// selected reports whether the plan asks for the latency; vLLM's client asks
// for the first three when the user names none, and has no token latency
// without a tokenizer.
func selected(p *plan.Plan, id metrics.ID) bool {
	tokens := id == metrics.TTFT || id == metrics.TPOT || id == metrics.ITL
	if tokens && p.CompatVLLM() && p.Workload.SkipTokenizer {
		return false
	}
	if len(p.Output.Metrics) == 0 {
		return tokens
	}
	return slices.Contains(p.Output.Metrics, string(id))
}

// percentileWord is "P99" or "P99.9".
func percentileWord(p float64) string {
	return "P" + strings.TrimSuffix(python.Float(p), ".0")
}
