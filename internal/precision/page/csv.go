package page

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"tokmeter/internal/compare"
	"tokmeter/internal/excerpt"
	"tokmeter/internal/precision/table"
	"tokmeter/internal/stats"
)

// csvField is a column that the JSON file has elsewhere than in a row.
type csvField struct{ key, unit, meaning string }

// csvFirst and csvLast stand around the fields that both formats have.
func csvFirst() []csvField {
	return []csvField{{"statistic", "", "of TTFT and TPOT: mean, or a percentile such as p99"}}
}

func csvLast() []csvField {
	return []csvField{
		{"slo_requests_per_s", "requests/s", "highest rate that held, in the rows of the table itself; 0 where none did, empty without a search or where it is withheld"},
		{"cards", "", "accelerators of the variant with their count"},
		{"engine", "", "of the variant, with its version"},
		{"dataset", "", "with what decides about its requests; this and what follows is the same in every row"},
		{"begun", "", "when the first run began, UTC"},
		{"tokmeter_version", "", "of this program"},
		{"currency", "", "of prices"},
		{"command", "", "that makes the table again, as a shell reads it, without secrets"},
		{"conclusion", "", "the answer in one sentence"},
	}
}

// columns is the head of the CSV.
func columns() []string {
	var cols []string
	for _, f := range csvFirst() {
		cols = append(cols, f.key)
	}
	for _, f := range loadFields() {
		cols = append(cols, f.key)
	}
	for _, f := range fields() {
		cols = append(cols, f.key)
		if f.estimated() {
			cols = append(cols, f.key+"_low", f.key+"_high")
		}
	}
	for _, f := range csvLast() {
		cols = append(cols, f.key)
	}
	return cols
}

// CSV writes a row for each variant at each load, those of the table
// first, under a head. What is not known is empty; rate_requests_per_s and
// concurrency are both empty where all requests came at once.
func CSV(w io.Writer, p *Page) error {
	c := csv.NewWriter(w)
	c.Write(columns()) // Error below tells of all
	for n, v := range p.everyView() {
		for i := range v.Rows {
			c.Write(p.csvRow(v.Load, &v.Rows[i], n == 0))
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return fmt.Errorf("precision table: %w", err)
	}
	return nil
}

// csvRow is a variant at a load; what a search found stands beside the table's
// load alone.
func (p *Page) csvRow(l compare.Load, r *table.Row, main bool) []string {
	out := []string{p.statistic()}
	for _, f := range loadFields() {
		out = append(out, csvCell(f.of(l)))
	}
	for _, f := range fields() {
		x := f.of(r)
		e, ok := x.(stats.Interval)
		switch {
		case ok:
			out = append(out, csvCell(e.Value), csvCell(told(e.Low)), csvCell(told(e.High)))
		case f.estimated():
			out = append(out, "", "", "")
		default:
			out = append(out, csvCell(x))
		}
	}
	held := ""
	for _, h := range p.Held {
		if main && h.Variant == r.Variant.Name && h.Withheld == "" {
			held = csvCell(finite(h.Rate))
		}
	}
	a := &p.About
	begun := ""
	if !a.Begun.IsZero() {
		begun = a.Begun.UTC().Format(time.RFC3339)
	}
	out = append(out, held)
	for _, s := range []string{of(a.Cards, r), of(a.Engines, r), a.Dataset, begun, a.Tokmeter, a.Currency, commandLine(a.Command), p.conclusion()} {
		out = append(out, csvCell(s))
	}
	return out
}

// of is what is known of a row's variant.
func of(list []Named, r *table.Row) string {
	for _, n := range list {
		if n.Variant == r.Variant.Name {
			return n.Text
		}
	}
	return ""
}

// csvCell writes a value with all its digits, and nothing for what is not known.
func csvCell(x any) string {
	switch x := x.(type) {
	case string:
		s := excerpt.Line(x)
		if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
			s = "'" + s // else a spreadsheet takes it for a formula
		}
		return s
	case bool:
		return strconv.FormatBool(x)
	case int:
		return strconv.Itoa(x)
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return ""
}
