package page

import (
	_ "embed" // the page is part of the binary
	"fmt"
	"html/template"
	"io"
	"slices"
	"unicode/utf8"
)

//go:embed html/precision.html
var htmlPage string

//go:embed html/precision.css
var htmlStyle string

// A htmlSheet is what the template shows.
type htmlSheet struct {
	Title, Conclusion              string
	Facts                          []pageFact
	Style                          template.CSS
	Differences, Verdicts, Remarks []string
	Tables                         []pageTable
}

type pageFact struct {
	Label, Text string
	Code        bool
}

type pageTable struct {
	Name, Caption string
	Head          []pageCell
	Rows          [][]pageCell
	Notes         []string
	Bars          *barChart
	Curves        *curveChart
}

type pageCell struct {
	Text  string
	Class string // word, text, or "" for a number
	Code  bool
}

// longCell is how many characters of a cell are broken into lines.
const longCell = 60

// HTML writes the precision table, in its wide form, as one file that
// loads nothing and runs nothing, for light and dark screens, with a chart of the
// speedups and, where there are several numbers of requests in flight, one of
// speedup by them.
func HTML(w io.Writer, p *Page) error {
	t, err := template.New("precision").Parse(htmlPage)
	if err != nil {
		return fmt.Errorf("precision table: %w", err)
	}
	d := htmlSheet{
		Title: flat(p.title()), Style: template.CSS(htmlStyle),
		Differences: p.differences(), Verdicts: p.verdicts(), Remarks: p.remarks(),
	}
	d.Conclusion = p.conclusion()
	for _, f := range p.facts() {
		d.Facts = append(d.Facts, pageFact{f.label, f.text, f.label == "Command"})
	}
	for i, t := range p.tables(true) {
		d.Tables = append(d.Tables, pageTableOf(t))
		switch {
		case i == 0:
			d.Tables[i].Bars = p.bars()
		case t.name == concurrencyName:
			d.Tables[i].Curves = p.curves()
		}
	}
	if err := t.Execute(w, d); err != nil {
		return fmt.Errorf("precision table: %w", err)
	}
	return nil
}

func pageTableOf(t sheet) pageTable {
	out := pageTable{Name: t.name, Caption: t.caption, Notes: t.notes}
	class := func(j int, s string) string {
		switch {
		case utf8.RuneCountInString(s) > longCell && j != t.code:
			return "text"
		case slices.Contains(t.words, j):
			return "word"
		}
		return ""
	}
	for j, h := range t.head {
		out.Head = append(out.Head, pageCell{Text: h, Class: class(j, "")})
	}
	for _, r := range t.rows {
		var cells []pageCell
		for j, c := range r {
			cells = append(cells, pageCell{Text: c, Class: class(j, c), Code: j == t.code && c != ""})
		}
		out.Rows = append(out.Rows, cells)
	}
	return out
}
