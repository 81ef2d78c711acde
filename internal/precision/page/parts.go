package page

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tokmeter/internal/compare"
	"tokmeter/internal/precision/table"
	"tokmeter/internal/stats"
)

// A sheet is one table of the page, for all formats that are read by
// people. Cells are plain text.
type sheet struct {
	name    string // "" for the first
	caption string
	head    []string
	code    int   // this column is a name to be copied; -1 for none
	words   []int // columns of words; the others are numbers
	rows    [][]string
	notes   []string // below it
}

// tables are the tables of a page: the table itself, then, where they are known,
// the drift of the answers, the views of the other loads and the highest rates, and
// in the wide form all that stands beside the table.
func (p *Page) tables(wide bool) []sheet {
	out := []sheet{p.mainTable()}
	if wide {
		out = append(out, p.ratioTable(), p.limitTable(), p.costTable())
	}
	out = append(append(append(out, p.driftTable()), p.viewTables()...), p.heldTable())
	var kept []sheet
	for i, t := range out {
		switch {
		case i == 0:
			kept = append(kept, t.flat())
		case len(t.rows) > 0:
			kept = append(kept, t.flat().full())
		}
	}
	return kept
}

// flat puts every text of a table on one line of its own.
func (t sheet) flat() sheet {
	t.name, t.caption, t.head, t.notes = flat(t.name), flat(t.caption), flatAll(t.head), flatAll(t.notes)
	rows := t.rows
	t.rows = nil
	for _, r := range rows {
		t.rows = append(t.rows, flatAll(r))
	}
	return t
}

// full leaves out columns, but for the first, in which no row has anything.
func (t sheet) full() sheet {
	keep := func(j int) bool {
		return j == 0 || slices.ContainsFunc(t.rows, func(r []string) bool { return r[j] != dash && r[j] != "" })
	}
	out := t
	out.head, out.words, out.rows = nil, nil, make([][]string, len(t.rows))
	for j, h := range t.head {
		if !keep(j) {
			continue
		}
		if slices.Contains(t.words, j) {
			out.words = append(out.words, len(out.head))
		}
		out.head = append(out.head, h)
		for i, r := range t.rows {
			out.rows[i] = append(out.rows[i], r[j])
		}
	}
	return out
}

func (p *Page) mainTable() sheet {
	t := sheet{
		caption: p.caption(), code: 0, words: []int{0, 1},
		head: []string{"Model Stub", "Precision", "TTFT (ms)", "TPOT (ms)", "Speedup vs " + p.baselineLabel()},
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		precision := r.Variant.Precision
		if p.twins(r) {
			precision += ", " + r.Variant.Name
		}
		t.rows = append(t.rows, []string{r.Variant.Model, simulatedMark(precision, r), ms(r.TTFT.Value), ms(r.TPOT.Value), ratioCell(r, r.Speedup)})
		t.notes = append(t.notes, rowNotes(r, "")...)
	}
	return t
}

// twins reports whether another row has the same model and precision.
func (p *Page) twins(r *table.Row) bool {
	for i := range p.Rows {
		v := &p.Rows[i].Variant
		if v.Name != r.Variant.Name && v.Model == r.Variant.Model && v.Precision == r.Variant.Precision {
			return true
		}
	}
	return false
}

// rowNotes says why a row lacks something; where is of the load.
func rowNotes(r *table.Row, where string) []string {
	name := r.Variant.Name + where
	var out []string
	switch {
	case r.Failure != "":
		out = append(out, name+": failed: "+r.Failure)
	case r.Withheld != "" && !r.Baseline:
		out = append(out, name+": speedup withheld: "+r.Withheld)
	}
	if r.Failed > 0 {
		out = append(out, fmt.Sprintf("%s: not counted: %d of %d requests, which failed", name, r.Failed, r.Requests))
	}
	return out
}

// simulatedMark adds the word that no simulated row goes without.
func simulatedMark(s string, r *table.Row) string {
	if r.Variant.Simulated {
		return s + " (" + simulatedWord + ")"
	}
	return s
}

// nameOf is how the tables beside the first one call a row.
func nameOf(r *table.Row) string { return simulatedMark(r.Variant.Name, r) }

// ratioCell is a ratio to the baseline.
func ratioCell(r *table.Row, e stats.Interval) string {
	switch {
	case r.Failure != "":
		return "failed"
	case r.Baseline:
		return "1.00×"
	case r.Withheld != "":
		return "withheld"
	}
	return interval(e)
}

func (p *Page) ratioTable() sheet {
	t := sheet{
		name: "Ratios to " + p.baselineLabel(), caption: "above 1 is better; times: baseline / variant, throughput: variant / baseline; 95 % intervals; min. detectable: the least difference of TPOT that this run could have seen",
		code: -1, words: []int{0, 8},
		head: []string{"Variant", "TTFT", "TPOT", "E2EL", "Throughput", "E2EL (ms)", "Tokens/s", "Min. detectable", "Verdict"},
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		t.rows = append(t.rows, []string{
			nameOf(r), ratioCell(r, r.TTFTRatio), ratioCell(r, r.Speedup), ratioCell(r, r.E2ELRatio), ratioCell(r, r.Throughput),
			ms(r.E2EL.Value), plainNumber(r.OutputPerSecond), fine(r.Detectable), orDash(string(r.Verdict.Code)),
		})
	}
	return t
}

func (p *Page) limitTable() sheet {
	t := sheet{
		name: "Speed of light", caption: "the least time that the card allows; % of limit: limit / measured mean; ratio of limits: TPOT limit of the baseline / of the variant, which is no bound of the speedup; in flight: mean number of requests",
		code: -1, words: []int{0, 6, 9},
		head: []string{"Variant", "In flight", "TTFT limit (ms)", "% of limit", "TPOT limit (ms)", "% of limit", "Bound by", "Ratio of limits", "Weights (GB)", "Kernel"},
	}
	known := false
	for i := range p.Rows {
		r := &p.Rows[i]
		known = known || r.Limit.TPOT > 0 || r.WeightBytes > 0 || r.Variant.Kernel != ""
		t.rows = append(t.rows, []string{
			nameOf(r), plainNumber(r.MeanOpen), ms(r.Limit.TTFT), share(r.NearTTFT), ms(r.Limit.TPOT), share(r.Near), orDash(r.Limit.Bound), times(r.LimitRatio),
			gigabytes(r.WeightBytes), orDash(r.Variant.Kernel),
		})
		if r.LimitRatioFrom == "weights" && !r.Baseline {
			t.notes = append(t.notes, r.Variant.Name+": ratio of limits by the bytes of weights alone")
		}
		if r.LimitAlone && r.Limit.TPOT > 0 {
			t.notes = append(t.notes, r.Variant.Name+": limit of a request alone")
		}
	}
	if !known {
		t.rows = nil
	}
	return t
}

func orDash(s string) string {
	if s == "" {
		return dash
	}
	return s
}

// currency is the currency of prices as heads have it.
func (p *Page) currency() string {
	if p.About.Currency == "" {
		return ""
	}
	return " (" + p.About.Currency + ")"
}

func (p *Page) costTable() sheet {
	t := sheet{
		name: "Power and price", caption: "power: mean while the run was on", code: -1, words: []int{0},
		head: []string{"Variant", "Power (W)", "J/output token", "Price/hour" + p.currency(), "Price/million output tokens" + p.currency()},
	}
	known := false
	for i := range p.Rows {
		r := &p.Rows[i]
		known = known || r.PowerW > 0 || r.Variant.PricePerHour > 0
		t.rows = append(t.rows, []string{nameOf(r), plainNumber(r.PowerW), plainNumber(r.JouleToken), plainNumber(r.Variant.PricePerHour), plainNumber(r.PricePerMTok)})
	}
	if !known {
		t.rows = nil
	}
	return t
}

func (p *Page) driftTable() sheet {
	t := sheet{
		name: "Drift of the answers", caption: "greedy answers to fixed prompts beside the baseline's", code: -1, words: []int{0},
		head: []string{"Variant", "Prompts", "Identical", "Tokens until the first difference", "Log-probability gap (nats)"},
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		d := r.Drift
		if d == nil {
			continue
		}
		first, gap := dash, dash
		if !math.IsNaN(d.First) {
			first = fmt.Sprintf("%.1f", d.First)
		}
		if !math.IsNaN(d.LogProbGap) {
			gap = fmt.Sprintf("%.4f", d.LogProbGap)
		}
		t.rows = append(t.rows, []string{nameOf(r), fmt.Sprint(d.Prompts), fmt.Sprintf("%.0f %%", 100*d.Identical), first, gap})
	}
	return t
}

const concurrencyName = "Equal concurrency"

// viewTables are the tables of the other loads: equal concurrency, and
// rates where there are several.
func (p *Page) viewTables() []sheet {
	return []sheet{
		p.viewTable(concurrencyName, "In flight", "with as many requests in flight", p.Concurrency()),
		p.viewTable("Equal rate", "Requests/s", "at that rate", p.Rates()),
	}
}

func (p *Page) viewTable(name, head, how string, views []table.View) sheet {
	t := sheet{
		name: name, caption: "speedup of TPOT against " + p.Baseline + " " + how + "; of the baseline itself its TPOT",
		code: -1, words: []int{0}, head: []string{head},
	}
	for i := range p.Rows {
		t.head = append(t.head, nameOf(&p.Rows[i]))
	}
	if len(views) == 1 && views[0].Load == p.Load {
		views = nil // the table says it
	}
	for _, v := range views {
		row := []string{loadWord(v.Load)}
		for i := range p.Rows {
			if i >= len(v.Rows) {
				row = append(row, dash)
				continue
			}
			r := &v.Rows[i]
			cell := ratioCell(r, r.Speedup)
			if r.Baseline && r.Failure == "" {
				cell = ms(r.TPOT.Value) + " ms"
			}
			row = append(row, cell)
			t.notes = append(t.notes, rowNotes(r, " at "+loadWord(v.Load))...)
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// loadWord is a load as a row of a view begins.
func loadWord(l compare.Load) string {
	switch {
	case l.Concurrency > 0:
		return fmt.Sprint(l.Concurrency)
	case l.Rate > 0:
		return plainNumber(l.Rate)
	}
	return "all at once"
}

func (p *Page) heldTable() sheet {
	t := sheet{
		name: "Highest rate that holds " + p.Goals, caption: "by bisection, confirmed; missed at: the lowest rate that did not hold", code: -1, words: []int{0, 3},
		head: []string{"Variant", "Requests/s", "Missed at (requests/s)", "How the search ended"},
	}
	names := map[string]string{}
	for i := range p.Rows {
		names[p.Rows[i].Variant.Name] = nameOf(&p.Rows[i])
	}
	for _, h := range p.Held {
		name := names[h.Variant]
		if name == "" {
			name = h.Variant
		}
		rate := plainNumber(h.Rate)
		if h.Rate == 0 {
			rate = "none"
		}
		text := h.Text
		if h.Withheld != "" {
			rate, text = "withheld", h.Withheld
		}
		if !h.Complete && text == "" {
			text = "not ended"
		}
		t.rows = append(t.rows, []string{name, rate, plainNumber(h.Above), text})
	}
	return t
}

// differences are the lines above the table.
func (p *Page) differences() []string {
	var out []string
	for _, d := range p.Differences {
		s := flat(d.What) + ": " + flat(d.Why)
		if d.Load != nil {
			s += " (" + loadCaption(*d.Load) + ")"
		}
		if d.Invalidates && len(d.Variants) > 0 {
			s = sentence(s) + " Withheld: the speedup of " + strings.Join(flatAll(d.Variants), ", ") + "."
		}
		out = append(out, s)
	}
	return out
}

// verdicts are the sentences below it.
func (p *Page) verdicts() []string {
	var out []string
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Verdict.Code == "" {
			continue
		}
		s := sentence(flat(r.Variant.Name) + ": " + string(r.Verdict.Code) + ": " + flat(r.Verdict.Text))
		for _, a := range r.Verdict.Also {
			s += sentence(" Also " + string(a.Code) + ": " + flat(a.Text))
		}
		out = append(out, s)
	}
	return out
}

// sentence ends a text with a full stop if nothing ends it.
func sentence(s string) string {
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "…") {
		return s
	}
	return s + "."
}

// remarks are warnings and notes, which stand last.
func (p *Page) remarks() []string {
	var out []string
	for _, w := range p.Warnings {
		out = append(out, w.Code+": "+w.Text)
	}
	return flatAll(append(out, p.Notes...))
}
