package report

import (
	"fmt"
	"strings"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/metrics"
)

// exampleWidth is how much of a failure's words the table shows.
const exampleWidth = 200

// beside writes the latencies that vLLM does not have, where they exist.
func (t *text) beside() {
	for _, d := range metrics.Latencies() {
		switch d.ID {
		case metrics.Late, metrics.ClientLag: // on the client's line
			continue
		}
		if !d.VLLM {
			t.section(d)
		}
	}
	t.steady()
}

// steady writes the rates of the part of full load.
func (t *text) steady() {
	s := t.s.Steady
	if s == nil {
		return
	}
	t.head("Steady State", '-')
	t.row("Requests under way, at least:", fmt.Sprint(s.Threshold))
	t.row("Full load from, to (s):", fmt.Sprintf("%.2f, %.2f", s.Start, s.End))
	t.row("Steady request throughput (req/s):", fmt.Sprintf("%.2f", s.RequestThroughput))
	t.row("Steady input throughput (tok/s):", fmt.Sprintf("%.2f", s.InputThroughput))
	t.row("Steady output throughput (tok/s):", fmt.Sprintf("%.2f", s.OutputThroughput))
	for _, d := range []struct {
		name string
		dist metrics.Dist
	}{{"TTFT", s.TTFT}, {"TPOT", s.TPOT}} {
		t.row("Median steady "+d.name+" (ms):", fmt.Sprintf("%.2f", d.dist.Median))
		t.row("P99 steady "+d.name+" (ms):", fmt.Sprintf("%.2f", d.dist.P99))
	}
}

// failures writes what failed and why, one example each.
func (t *text) failures() {
	if len(t.s.Failures) == 0 {
		return
	}
	t.head("Failed Requests", '-')
	t.line(fmt.Sprintf("%6s  %-12s  %-6s  %s", "count", "outcome", "status", "example"))
	for i, f := range t.s.Failures {
		if i == maxKinds {
			t.line(fmt.Sprintf("%6s  and %d more kinds: see \"failures\" in the result file", "", len(t.s.Failures)-i))
			return
		}
		status := "-"
		if f.Status != 0 {
			status = fmt.Sprint(f.Status)
		}
		t.line(fmt.Sprintf("%6d  %-12s  %-6s  request %d: %s", f.N, f.Outcome, status, f.Index, excerpt.Cut(excerpt.Line(f.Example), exampleWidth)))
	}
}

// client writes how far the client itself can be trusted and who counted.
func (t *text) client() {
	t.head("Client", '-')
	clock := t.s.Clock
	if t.s.ClockSteps > 0 {
		clock += fmt.Sprintf(", stepped %d times", t.s.ClockSteps)
	}
	t.line("clock:  " + clock)
	t.line("lag:    " + spread(t.s.Dists[metrics.ClientLag]))
	t.line("late:   " + spread(t.s.Dists[metrics.Late]))
	t.line(fmt.Sprintf("input:  %d tokens, %d asked; counted by %s",
		t.s.InputTokens, t.s.AskedInputTokens, sources(t.s.PromptSources)))
	t.line(fmt.Sprintf("output: %d tokens, %d asked; counted by %s",
		t.s.OutputTokens, t.s.AskedOutputTokens, sources(t.s.OutputSources)))
}

// workload writes what became of the dataset's entries.
func (t *text) workload() {
	w := t.s.Workload
	if w == nil || w.Entries == 0 {
		return
	}
	t.head("Dataset", '-')
	t.line(fmt.Sprintf("%6d entries, %d kept", w.Entries, w.Kept))
	for _, d := range w.Dropped {
		t.line(fmt.Sprintf("%6d dropped: %s", d.N, d.Reason))
	}
	for _, part := range []struct {
		n    int
		what string
	}{{w.Unused, "not needed"}, {w.Oversampled, "requests repeat others"}, {w.TooLong, "requests left out as too long"}} {
		if part.n > 0 {
			t.line(fmt.Sprintf("%6d %s", part.n, part.what))
		}
	}
}

func spread(d metrics.Dist) string {
	if d.N == 0 {
		return "not known"
	}
	return fmt.Sprintf("P50 %.3f ms, P99 %.3f ms, max %.3f ms", d.P50, d.P99, d.Max)
}

// sources lists who counted tokens, with how often when they are several.
func sources(list []metrics.SourceCount) string {
	var words []string
	for _, c := range list {
		word := string(c.Source)
		if word == "" {
			word = "nobody"
		}
		if len(list) > 1 {
			word += fmt.Sprintf(" (%d)", c.N)
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return "nobody"
	}
	return strings.Join(words, ", ")
}

func (t *text) warnings() {
	if len(t.s.Warnings) == 0 {
		return
	}
	t.head("Warnings", '-')
	for _, w := range t.s.Warnings {
		t.line(w.Code + ": " + w.Text)
	}
}
