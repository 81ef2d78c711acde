package page

import (
	"io"
	"strings"
)

// writeMarkdown writes a table a side for a pull request, what differs folded.
func writeMarkdown(to io.Writer, p Page) error {
	w := &writer{to: to}
	base := &p.Report.Baseline
	for i := range p.Findings {
		f := &p.Findings[i]
		mark := "✅"
		if f.Broken {
			mark = "❌"
		} else if f.Err != nil {
			mark = "⚠️"
		}
		w.line("%s %s", mark, cell(strings.TrimPrefix(sentence(f), "gate: ")))
		w.line("")
	}
	for i := range p.Report.Against {
		a := &p.Report.Against[i]
		name := letter(i + 1)
		w.line("**A** %s (%s) · **%s** %s (%s)", cell(base.Name), cell(tool(base)), name, cell(a.Side.Name), cell(tool(&a.Side)))
		w.line("")
		if a.Refused != "" {
			w.line("⚠️ No verdict: %s.", cell(a.Refused))
			w.line("")
		}
		w.line("| | A | %s | change | 95 %% interval | p | verdict |", name)
		w.line("|--|--:|--:|--:|--|--:|--|")
		for k := range a.Rows {
			r := &a.Rows[k]
			w.line("| %s | %s | %s | %s | %s | %s | %s |", unit(r), value(r, r.A.Value), value(r, r.B.Value), change(r), ends(r), chance(r.P), cell(verdict(r, p.Report.Options.Margin)))
		}
		w.line("")
		w.line("<details><summary>What the intervals rest on, and what differs</summary>")
		w.line("")
		for _, line := range remarks(p, a) {
			w.line("- %s", cell(line))
		}
		for _, d := range append(a.Workload, a.Environment...) {
			w.line("- %s: %s → %s", cell(d.Name), cell(known(d.A)), cell(known(d.B)))
		}
		w.line("")
		w.line("</details>")
	}
	return w.err
}

// cell is a text without what Markdown and HTML would take for theirs.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "\n", " ").Replace(s)
}
