// Package page writes the precision table for people and programs: as text,
// Markdown, CSV, JSON and HTML.
//
// It computes nothing: all numbers are those of package table, so that all forms
// say the same. What comes from a server or a file can neither move a terminal's
// cursor nor become markup.
package page

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tokmeter/internal/compare"
	"tokmeter/internal/excerpt"
	"tokmeter/internal/precision/table"
	"tokmeter/internal/stats"
)

// Version is the version of the precision table's JSON: it changes when
// a key goes or changes its meaning.
const Version = 2

// A Page is the precision table with what an experiment knows beside it.
// All numbers come from package table; NaN and zero are numbers that are not
// known.
type Page struct {
	Title string // "" for none
	About About
	*table.Table
	Notes []string // what happened on the way
	Goals string   // of the search, as the user wrote them; "" for none
	// Held is the highest rates that keep the goals, in the order of the rows; nil
	// without a search.
	Held []Held
}

// A Held is what a search found for a variant.
type Held struct {
	Variant  string
	Rate     float64 // requests a second; 0 where nothing holds
	Above    float64 // lowest rate that did not hold; 0 where not known
	Complete bool    // the search came to its end
	Text     string  // why it ended
	Withheld string  // why Rate can't be told, and what it needs; "" where it can
}

// rate is nil where it is withheld.
func (h *Held) rate() any {
	if h.Withheld != "" {
		return nil
	}
	return finite(h.Rate)
}

// A Form is one way to write a page.
type Form struct {
	Name  string // as --format has it
	End   string // of its file's name
	Write func(io.Writer, *Page) error
}

// Forms lists the ways to write a page, the terminal's first; wide is for text and
// Markdown.
func Forms(wide bool) []Form {
	return []Form{
		{"text", ".txt", func(w io.Writer, p *Page) error { return Text(w, p, wide) }},
		{"markdown", ".md", func(w io.Writer, p *Page) error { return Markdown(w, p, wide) }},
		{"csv", ".csv", CSV},
		{"json", ".json", JSON},
		{"html", ".html", HTML},
	}
}

// dash stands for what is not known.
const dash = "–"

// simulatedWord marks what no card has computed.
const simulatedWord = "simulated"

// baselineLabel is the precision of the baseline, as heads name it: Fp16.
func (p *Page) baselineLabel() string {
	s := p.Baseline
	for i := range p.Rows {
		if v := &p.Rows[i].Variant; v.Name == p.Baseline && v.Precision != "" {
			s = v.Precision
		}
	}
	return capital(s)
}

// capital is a text with a capital letter at its start.
func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// statistic is what TTFT and TPOT are of.
func (p *Page) statistic() string {
	if p.Percentile == 0 {
		return "mean"
	}
	return "p" + strconv.FormatFloat(p.Percentile, 'g', -1, 64)
}

// simulated reports whether some row is, and whether all are.
func (p *Page) simulated() (some, all bool) {
	all = len(p.Rows) > 0
	for i := range p.Rows {
		some = some || p.Rows[i].Variant.Simulated
		all = all && p.Rows[i].Variant.Simulated
	}
	return some, all
}

// title is the title, or one made from what is compared.
func (p *Page) title() string {
	if p.Title != "" {
		return p.Title
	}
	return "Precision table"
}

// caption says what the numbers of the table are.
func (p *Page) caption() string {
	var parts []string
	switch some, all := p.simulated(); {
	case all:
		parts = append(parts, simulatedWord+": every row was computed, none was measured on a card")
	case some:
		parts = append(parts, simulatedWord+" where a row says so")
	}
	parts = append(parts, loadCaption(p.Load), "TTFT and TPOT: "+p.statistic())
	if p.Rounds > 1 {
		parts = append(parts, fmt.Sprintf("%d rounds", p.Rounds))
	}
	speedup := "speedup of TPOT"
	if slices.ContainsFunc(p.Rows, func(r table.Row) bool { e, ok := shownRatio(&r); return ok && !r.Baseline && bounded(e) }) {
		speedup += " with its 95 % interval"
	}
	return strings.Join(append(parts, speedup), "; ")
}

// everyView is the table first, then the views of the other loads.
func (p *Page) everyView() []table.View {
	out := []table.View{{Load: p.Load, Rows: p.Rows}}
	for _, v := range p.Views {
		if v.Load != p.Load {
			out = append(out, v)
		}
	}
	return out
}

func loadCaption(l compare.Load) string {
	switch {
	case l.Rate > 0:
		return "equal rate: " + loadText(l)
	case l.Concurrency > 0:
		return "equal concurrency: " + loadText(l)
	}
	return loadText(l)
}

// loadText is a load in words.
func loadText(l compare.Load) string {
	switch {
	case l.Rate > 0 && l.Rate != 1:
		return plainNumber(l.Rate) + " requests/s"
	case l.Concurrency == 1:
		return "1 request in flight"
	}
	return l.String()
}

// widest is how many characters of one text are shown.
const widest = 1000

// flat is a text from elsewhere as the forms of the table show it.
func flat(s string) string { return cut(s, widest) }

// cut is a text from elsewhere with no more than n characters of it.
func cut(s string, n int) string { return excerpt.Cut(excerpt.Line(s), n) }

func flatAll(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, flat(s))
	}
	return out
}

// given reports whether an estimate says anything.
func given(e stats.Interval) bool { return !unknown(e.Value) }

// unknown reports whether a number says nothing.
func unknown(x float64) bool { return x == 0 || math.IsNaN(x) || math.IsInf(x, 0) }

// ms writes milliseconds.
func ms(x float64) string {
	switch {
	case unknown(x):
		return dash
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	case x < 1000:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// interval writes a ratio with its interval: 1.53× [1.47, 1.58].
func interval(e stats.Interval) string {
	switch {
	case !given(e):
		return dash
	case unknown(e.Low), unknown(e.High):
		return fmt.Sprintf("%.2f×", e.Value)
	}
	return fmt.Sprintf("%.2f× [%.2f, %.2f]", e.Value, e.Low, e.High)
}

// times writes a ratio without an interval.
func times(x float64) string {
	if unknown(x) {
		return dash
	}
	return fmt.Sprintf("%.2f×", x)
}

// share writes a share of one as percent.
func share(x float64) string {
	if unknown(x) {
		return dash
	}
	return fmt.Sprintf("%.0f %%", 100*x)
}

// fine writes a small share of one as percent.
func fine(x float64) string {
	if unknown(x) {
		return dash
	}
	if x >= 0.1 {
		return share(x)
	}
	return fmt.Sprintf("%.2g %%", 100*x)
}

// plainNumber writes a number with three digits and no more zeros than it needs.
func plainNumber(x float64) string {
	if unknown(x) {
		return dash
	}
	if math.Abs(x) >= 999.5 && math.Abs(x) < 1e15 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}

// gigabytes writes bytes in units of 10⁹.
func gigabytes(x float64) string {
	if unknown(x) {
		return dash
	}
	return fmt.Sprintf("%.2f", x/1e9)
}
