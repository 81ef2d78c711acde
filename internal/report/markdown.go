package report

import (
	"fmt"
	"io"
	"strings"

	"tokmeter/internal/metrics"
	"tokmeter/internal/result"
)

// Markdown writes what Text writes for a page such as a pull request: vLLM's
// numbers as tables, a list with a line for each other section and each
// warning, and where verbose says so every section whole, folded up.
func Markdown(w io.Writer, r result.Result, verbose bool) error {
	m := &markdown{}
	m.numbers(&r)
	m.latencies(&r)
	m.counters(&r)
	m.list(&r)
	if verbose {
		m.whole(&r)
	}
	if _, err := io.WriteString(w, m.String()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

type markdown struct{ strings.Builder }

func (m *markdown) printf(format string, args ...any) { fmt.Fprintf(m, format, args...) }

func (m *markdown) numbers(r *result.Result) {
	m.printf("**%s**", quote(r.Plan.Target.ModelName()))
	if r.Summary.Simulated {
		m.printf(", simulated")
	}
	if v := r.Summary.Verdict; v.Grade != "" {
		m.printf("\n\nVerdict: **%s**", v.Grade)
		for i, f := range v.Findings {
			if i < mostFindings {
				m.printf("\n- %s", quote(f.Text))
			}
		}
	}
	m.printf("\n\n| | |\n|:--|--:|\n")
	for _, row := range scalarRows(&r.Summary, &r.Plan) {
		m.printf("| %s | %s |\n", strings.TrimSuffix(row.label, ":"), row.value)
	}
}

func (m *markdown) latencies(r *result.Result) {
	header := true
	for _, d := range metrics.Latencies() {
		dist, ok := r.Summary.Dists[d.ID]
		if !ok || !d.VLLM || !selected(&r.Plan, d.ID) {
			continue
		}
		if header {
			header = false
			names, dashes := "", ""
			for _, p := range dist.Percentiles {
				names += " " + p.Name() + " |"
				dashes += "--:|"
			}
			m.printf("\n| ms | Mean | Median |%s\n|:--|--:|--:|%s\n", names, dashes)
		}
		m.printf("| %s | %.2f | %.2f |", d.Name, dist.Mean, dist.Median)
		for _, p := range dist.Percentiles {
			m.printf(" %.2f |", p.Value)
		}
		m.printf("\n")
	}
}

// counters writes the sections that vLLM's client has too.
func (m *markdown) counters(r *result.Result) {
	for _, s := range r.Sections {
		if s.VLLM && s.Text != nil {
			m.printf("\n%s:\n\n", s.Title)
			m.text(s)
		}
	}
}

// list writes the lines of the other sections.
func (m *markdown) list(r *result.Result) {
	first := "\n"
	for _, s := range r.Sections {
		if s.VLLM {
			continue
		}
		for _, line := range s.Short {
			m.printf("%s- **%s:** %s\n", first, s.Label, quote(line))
			first = ""
		}
	}
}

// whole writes the other sections, folded up.
func (m *markdown) whole(r *result.Result) {
	for _, s := range r.Sections {
		if s.VLLM || s.Text == nil {
			continue
		}
		m.printf("\n<details><summary>%s</summary>\n\n", s.Title)
		m.text(s)
		m.printf("\n</details>\n")
	}
}

// text writes the whole of a section as it is, behind a fence longer than any
// that stands in it.
func (m *markdown) text(s result.Section) {
	var b strings.Builder
	s.Text(&b)
	fence := "```"
	for strings.Contains(b.String(), fence) {
		fence += "`"
	}
	m.printf("%s\n%s%s\n", fence, b.String(), fence)
}

// quote takes the meaning from Markdown's and HTML's signs in words from
// elsewhere.
func quote(s string) string {
	return strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", "&", "&amp;", "|", `\|`, "~", `\~`, "#", `\#`,
	).Replace(s)
}
