package page

import (
	"fmt"
	"io"
	"strings"

	"tokmeter/internal/compare"
)

// writeText writes a table a side, and what differs below it.
func writeText(to io.Writer, p Page) error {
	w := &writer{to: to}
	base := &p.Report.Baseline
	w.line("A  %s  (%s)", base.Name, tool(base))
	for i := range p.Report.Against {
		textAgainst(w, p, &p.Report.Against[i], letter(i+1))
	}
	for i := range p.Findings {
		if i == 0 {
			w.line("")
		}
		w.line("%s", sentence(&p.Findings[i]))
	}
	return w.err
}

// letter names the sides.
func letter(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return fmt.Sprint(i + 1)
}

func textAgainst(w *writer, p Page, a *compare.Against, name string) {
	w.line("%s  %s  (%s)", name, a.Side.Name, tool(&a.Side))
	if a.Refused != "" {
		w.line("")
		w.line("No verdict: %s. Compare them all the same with --unlike.", a.Refused)
	}
	w.line("")
	w.line("%-30s %11s %11s %10s  %-20s %7s  %s", "", "A", name, "change", "95 % interval", "p", "verdict")
	for i := range a.Rows {
		r := &a.Rows[i]
		w.line("%-30s %11s %11s %10s  %-20s %7s  %s", unit(r), value(r, r.A.Value), value(r, r.B.Value), change(r), ends(r), chance(r.P), verdict(r, p.Report.Options.Margin))
	}
	w.line("")
	for _, line := range remarks(p, a) {
		w.line("%s", line)
	}
	differs(w, "workload", name, a.Workload)
	differs(w, "environment", name, a.Environment)
}

// remarks are what a reader of the table should know.
func remarks(p Page, a *compare.Against) []string {
	out := []string{foundations(p, a)}
	if bare(a) {
		out = append(out, "no interval: a tool told statistics alone; let it keep single requests (vLLM and SGLang: --save-detailed, --output-details) to tell a difference from chance")
	}
	for _, u := range a.Unequal {
		out = append(out, "not compared: "+u)
	}
	for _, n := range a.Notes {
		out = append(out, "note: "+n)
	}
	return out
}

// foundations says what the intervals rest on.
func foundations(p Page, a *compare.Against) string {
	var seen []string
	used := map[compare.Basis]bool{}
	for i := range a.Rows {
		if b := a.Rows[i].Basis; !used[b] && b != compare.OfNothing && a.Rows[i].Verdict != compare.Missing {
			used[b] = true
			seen = append(seen, basis(b))
		}
	}
	if len(seen) == 0 {
		return "intervals: none"
	}
	text := "intervals: of " + strings.Join(seen, "; ") + "; p by Holm over the table"
	if !used[compare.OfRounds] && p.Report.Options.Spread > 0 {
		text += fmt.Sprintf("; widened for runs of one system that differ by %s %% (--run-spread), which one run a side does not show: tokmeter ab measures it", percent(p.Report.Options.Spread))
	}
	return text
}

func differs(w *writer, what, name string, all []compare.Difference) {
	if len(all) == 0 {
		return
	}
	w.line("")
	w.line("what differs in the %s:", what)
	for _, d := range all {
		mark := " "
		if d.Unlike {
			mark = "!"
		}
		w.line("%s %-22s A: %s", mark, d.Name, known(d.A))
		w.line("  %-22s %s: %s", "", name, known(d.B))
	}
}

// sentence is what a gate says of a rule.
func sentence(f *compare.Finding) string {
	switch {
	case f.Err != nil:
		return fmt.Sprintf("gate: %s: can't be checked: %v", f.Rule, f.Err)
	case f.Broken:
		return fmt.Sprintf("gate: FAILED %s: %s: %s", f.Rule, f.Side, f.Text)
	}
	return fmt.Sprintf("gate: passed %s: %s: %s", f.Rule, f.Side, f.Text)
}
