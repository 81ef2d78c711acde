package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
)

const width = 50 // of headers, in characters

// Text writes the block of r as vLLM's client prints it. Then come a line for
// each of the other sections and for each warning; the whole of every section
// where verbose says so; nothing under plan.CompatVLLM.
func Text(w io.Writer, r result.Result, verbose bool) error {
	t := &text{s: &r.Summary, p: &r.Plan}
	t.verdict()
	t.firstFailures()
	t.header()
	t.scalars()
	if t.p.CompatVLLM() || t.s.Completed > 0 { // zeros would be taken for latencies
		t.latencies()
	}
	for _, s := range r.Sections {
		if s.VLLM && s.Text != nil {
			t.head(s.Title, '-')
			s.Text(&t.out)
		}
	}
	t.line(strings.Repeat("=", width))
	for _, s := range r.Sections {
		switch {
		case s.VLLM, s.Headline && t.s.Withheld():
		case !verbose:
			for _, line := range s.Short {
				t.line(fmt.Sprintf("%-*s %s", labelWidth, s.Label+":", line))
			}
		case s.Text != nil:
			t.head(s.Title, '-')
			s.Text(&t.out)
		}
	}
	if _, err := io.WriteString(w, excerpt.Block(t.out.String())); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// labelWidth is that of the labels of sections.
const labelWidth = 15

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

func (t *text) row(label, value string) { t.out.WriteString(result.Row(label, value)) }

func (t *text) header() {
	if t.s.Simulated {
		t.line("The server is simulated.") // the block itself is vLLM's
	}
	t.head(" Serving Benchmark Result ", '=')
}

// mostFindings are told; the result file has all of them.
const mostFindings = 3

// verdict writes whether the numbers can be trusted: the first line, and one for
// each further reason.
func (t *text) verdict() {
	v := t.s.Verdict
	if v.Grade == "" {
		return
	}
	label, first := "Verdict:", string(v.Grade)
	for i, f := range v.Findings {
		if i == mostFindings {
			t.line(fmt.Sprintf("%-*s and %d more: --verbose tells them", labelWidth, "", len(v.Findings)-i))
			break
		}
		line := f.Text
		if i == 0 {
			line = first + ": " + line
		}
		t.line(fmt.Sprintf("%-*s %s", labelWidth, label, line))
		label = ""
	}
	if len(v.Findings) == 0 {
		t.line(fmt.Sprintf("%-*s %s", labelWidth, label, first))
	}
	if why, ok := strings.CutPrefix(t.s.Reason, record.Stopped); ok {
		t.line(fmt.Sprintf("%-*s stopped: %s", labelWidth, "", why))
	}
	if len(v.Causes) > 0 {
		t.line(fmt.Sprintf("%-*s meanwhile %s", labelWidth, "", strings.Join(v.Causes, ", ")))
	}
}

// withheldValue stands in place of a number that does not stand for the server.
const withheldValue = "withheld"

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
	for _, r := range scalarRows(t.s, t.p) {
		t.row(r.label, r.value)
	}
}

// A labelled is a row of the block.
type labelled struct{ label, value string }

// scalarRows lists the rows that have one number.
func scalarRows(s *metrics.Summary, p *plan.Plan) []labelled {
	var all []labelled
	for _, d := range scalars() {
		if d.label == "" || d.shown != nil && !d.shown(s, p) {
			continue
		}
		switch v := d.value(s, p).(type) {
		case int:
			word := fmt.Sprint(v)
			if d.decimals {
				word = fmt.Sprintf("%.2f", float64(v))
			}
			all = append(all, labelled{d.label, word})
		case float64:
			word := fmt.Sprintf("%.2f", v)
			if s.Withheld() && strings.HasSuffix(d.unit, "/s") && d.key != "request_rate" {
				word = withheldValue
			}
			all = append(all, labelled{d.label, word})
		}
	}
	return all
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
	value := func(v float64) string {
		if t.s.Withheld() {
			return withheldValue
		}
		return fmt.Sprintf("%.2f", v)
	}
	t.head(d.Header, '-')
	t.row("Mean "+d.Name+" (ms):", value(dist.Mean))
	t.row("Median "+d.Name+" (ms):", value(dist.Median))
	doubted := t.unsupported(d.ID)
	for _, p := range dist.Percentiles {
		t.row(p.Name()+" "+d.Name+" (ms):", value(p.Value))
		if mark, ok := doubted[p.P]; ok && !t.s.Withheld() {
			t.line(mark)
		}
	}
}

// unsupported has the mark under each percentile that the requests do not support.
// It is a line of its own, so that whoever reads the last word of a row finds the
// number there.
func (t *text) unsupported(id metrics.ID) map[float64]string {
	l, ok := t.s.Intervals.Of(id)
	if !ok {
		return nil
	}
	out := map[float64]string{}
	for _, p := range l.Percentiles {
		switch {
		case p.Known:
		case l.Highest.P > 0:
			out[p.P] = fmt.Sprintf("  ^ too few requests; highest to say: P%v", l.Highest.P)
		default:
			out[p.P] = "  ^ too few requests to say"
		}
	}
	return out
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

// Section writes one section whole, under its title.
func Section(w io.Writer, s result.Section) error {
	t := &text{}
	t.head(s.Title, '=')
	s.Text(&t.out)
	if _, err := io.WriteString(w, excerpt.Block(t.out.String())); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
