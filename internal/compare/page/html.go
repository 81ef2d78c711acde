package page

import (
	_ "embed"
	"html/template"
	"io"
	"math"

	"tokmeter/internal/compare"
)

//go:embed page.html
var pageHTML string

// writeHTML writes one file that needs no other: a table a side, each change with
// its interval as a bar.
func writeHTML(w io.Writer, p Page) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"unit": unit, "value": value, "change": change, "ends": ends, "chance": chance, "tool": tool, "known": known,
		"letter": func(i int) string { return letter(i + 1) }, "sentence": sentence, "bar": bar,
		"verdict": func(r *compare.Row) string { return verdict(r, p.Report.Options.Margin) },
		"remarks": func(a *compare.Against) []string { return remarks(p, a) },
		"rows": func(a compare.Against) []*compare.Row {
			var out []*compare.Row
			for i := range a.Rows {
				out = append(out, &a.Rows[i])
			}
			return out
		},
		"side": func(s compare.Side) *compare.Side { return &s }, "against": func(a compare.Against) *compare.Against { return &a },
		"finding": func(f compare.Finding) *compare.Finding { return &f },
	}).Parse(pageHTML)
	if err != nil {
		return err
	}
	return t.Execute(w, p)
}

// A span is a bar of a change: places in percent of its width, which shows from
// −25 to +25 %.
type span struct {
	Show           bool
	Low, High, At  float64
	Width          float64
	Good, Bad, Off bool
}

func bar(r *compare.Row) span {
	const reach = 0.25
	none := r.Change.Value - r.Delta()
	place := func(v float64) float64 { return 50 + 50*math.Max(-1, math.Min(1, (v-none)/reach)) }
	s := span{Show: !math.IsNaN(r.Change.Low) && !math.IsNaN(r.Change.High), Low: place(r.Change.Low), High: place(r.Change.High), At: place(r.Change.Value)}
	s.Width = math.Max(0.5, s.High-s.Low)
	s.Good, s.Bad = r.Verdict == compare.Better, r.Verdict == compare.Worse
	return s
}
