// Package page writes a comparison down: as text, as Markdown for a pull request,
// as JSON, as JUnit for a build server, and as one HTML file. It computes nothing
// and touches nothing but the writer.
package page

import (
	"fmt"
	"io"
	"math"
	"strings"

	"tokmeter/internal/compare"
	"tokmeter/internal/excerpt"
)

// A Page is what is written: a comparison, and what a gate found, if there was one.
type Page struct {
	Report   compare.Report
	Findings []compare.Finding
}

// A Format is a way to write a page.
type Format struct {
	Name  string
	Write func(io.Writer, Page) error
}

// Formats lists the ways, the default first.
func Formats() []Format {
	return []Format{
		{"text", writeText},
		{"markdown", writeMarkdown},
		{"json", writeJSON},
		{"junit", writeJUnit},
		{"html", writeHTML},
	}
}

// writer keeps the first error.
type writer struct {
	to  io.Writer
	err error
}

func (w *writer) line(format string, args ...any) {
	if w.err == nil {
		text := strings.Map(excerpt.Printable, fmt.Sprintf(format, args...))
		_, w.err = io.WriteString(w.to, strings.TrimRight(text, " ")+"\n")
	}
}

// value is a number of a row in its unit.
func value(r *compare.Row, v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case r.Metric == compare.Success:
		return fmt.Sprintf("%.2f %%", 100*v)
	case math.Abs(v) >= 1000:
		return fmt.Sprintf("%.0f", v)
	case math.Abs(v) >= 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// change is the change of a row in percent.
func change(r *compare.Row) string {
	if math.IsNaN(r.Change.Value) {
		return "-"
	}
	return fmt.Sprintf("%+.1f %%", 100*r.Delta())
}

// ends is the interval of the change in percent.
func ends(r *compare.Row) string {
	if math.IsNaN(r.Change.Low) || math.IsNaN(r.Change.High) {
		return "-"
	}
	none := r.Change.Value - r.Delta()
	return fmt.Sprintf("%+.1f to %+.1f %%", 100*(r.Change.Low-none), 100*(r.Change.High-none))
}

// chance is the probability of no difference.
func chance(p float64) string {
	switch {
	case math.IsNaN(p):
		return "-"
	case p < 0.001:
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

// verdict is a row's verdict with what it needs to be understood.
func verdict(r *compare.Row, margin float64) string {
	switch r.Verdict {
	case compare.Same:
		return fmt.Sprintf("same within %s %%", percent(margin))
	case compare.Unclear:
		return "can't tell: " + more(r)
	case compare.Missing:
		if r.Why != "" {
			return "missing: " + r.Why
		}
	}
	return string(r.Verdict)
}

func percent(share float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", 100*share), ".0") }

// more is what would decide.
func more(r *compare.Row) string {
	const most = 100
	n, what := r.Change.N, "requests"
	if n <= 0 {
		n = min(r.A.N, r.B.N)
	}
	if r.Basis == compare.OfRounds {
		n, what = r.Rounds, "rounds"
	}
	switch extra := float64(n) * (r.More - 1); {
	case math.IsInf(r.More, 1), n <= 0:
		return "too few requests that are independent"
	case r.More > most:
		return fmt.Sprintf("%d times the %s would not tell it either", most, what)
	default:
		return fmt.Sprintf("needs about %d more %s", max(1, int(math.Ceil(extra))), what)
	}
}

// unit is a row's unit as its name shows it.
func unit(r *compare.Row) string {
	if r.Metric == compare.Success {
		return "success"
	}
	return fmt.Sprintf("%s (%s)", r.Quantity, r.Metric.Unit())
}

// basis is what the interval of a row rests on, in words.
func basis(b compare.Basis) string {
	switch b {
	case compare.OfRounds:
		return "runs of each side"
	case compare.OfPairs:
		return "the same requests on both sides"
	case compare.OfRequests:
		return "requests of each side"
	case compare.OfMoments:
		return "mean, deviation and number"
	}
	return "none: no values of single requests"
}

// bare reports whether some row has no interval.
func bare(a *compare.Against) bool {
	for i := range a.Rows {
		if a.Rows[i].Verdict == compare.Bare {
			return true
		}
	}
	return false
}

// tool is what measured a side.
func tool(s *compare.Side) string {
	r := &s.Results[0]
	text := r.Tool
	if r.Part != "" {
		text += ", " + r.Part
	}
	if n := len(s.Results); n > 1 {
		text += fmt.Sprintf(", %d runs", n)
	}
	if r.Requests >= 0 {
		text += fmt.Sprintf(", %d requests", r.Requests)
	}
	if r.Failed > 0 {
		text += fmt.Sprintf(", %d failed", r.Failed)
	}
	return text
}

func known(s string) string {
	if s == "" {
		return "not known"
	}
	return excerpt.Cut(s, 120)
}
