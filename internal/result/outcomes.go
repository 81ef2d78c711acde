package result

import (
	"fmt"
	"strings"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/metrics"
)

const (
	exampleChars = 200 // of a failure's words in the whole text
	briefChars   = 80  // in a line
	maxKinds     = 10  // kinds of failure that the whole text shows
)

// outcomes says how the requests ended, what failed and why.
func outcomes() part {
	return part{
		Definition{ID: "failures", Title: "Failed Requests", Keys: []Key{
			{Name: "outcomes", Formula: "requests by outcome, every outcome named"},
			{Name: "failures", Formula: "failed requests grouped by outcome, status and reason: how many, which was the first, and its words"},
			{Name: "ended", Formula: "why the run ended"},
		}},
		always(func(r *Result) Section {
			s := &r.Summary
			if s.Compat {
				return Section{}
			}
			counts := Fields{}
			for _, c := range s.Outcomes {
				counts = append(counts, Field{string(c.Outcome), c.N})
			}
			out := Section{JSON: Fields{{"outcomes", counts}, {"failures", failureList(s.Failures)}, {"ended", s.Reason}}}
			if len(s.Failures) > 0 {
				out.Label, out.Short, out.Text = "Failures", []string{failureLine(s.Failures)}, text(failureTable(s.Failures)...)
			}
			return out
		}),
	}
}

// failureLine tells of the most frequent kind, and how many more there are.
func failureLine(all []metrics.Failure) string {
	f := &all[0]
	line := fmt.Sprintf("%d %s", f.N, f.Outcome)
	if f.Status != 0 {
		line += fmt.Sprintf(" %d", f.Status)
	}
	line += fmt.Sprintf(", such as request %d: %s", f.Index, excerpt.Cut(excerpt.Line(f.Example), briefChars))
	switch n := len(all) - 1; {
	case n == 1:
		line += "; and 1 more kind"
	case n > 1:
		line += fmt.Sprintf("; and %d more kinds", n)
	}
	return line
}

func failureTable(all []metrics.Failure) []string {
	lines := []string{fmt.Sprintf("%6s  %-12s  %-6s  %s", "count", "outcome", "status", "example")}
	for i, f := range all {
		if i == maxKinds {
			return append(lines, fmt.Sprintf("%6s  and %d more kinds: see \"failures\" in the result file", "", len(all)-i))
		}
		status := "-"
		if f.Status != 0 {
			status = fmt.Sprint(f.Status)
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%6d  %-12s  %-6s  request %d: %s", f.N, f.Outcome, status, f.Index, excerpt.Cut(excerpt.Line(f.Example), exampleChars)), " "))
	}
	return lines
}

func failureList(failures []metrics.Failure) []any {
	all := []any{}
	for _, f := range failures {
		var status any
		if f.Status != 0 {
			status = f.Status
		}
		all = append(all, Fields{{"outcome", string(f.Outcome)}, {"status", status}, {"count", f.N}, {"request", f.Index}, {"example", f.Example}})
	}
	return all
}
