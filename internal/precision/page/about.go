package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tokmeter/internal/compare"
	"tokmeter/internal/excerpt"
	"tokmeter/internal/precision/table"
)

// An About is what was measured, where and when. What is not known is "", nil
// or the zero time.
type About struct {
	Cards    []Named // accelerators of each variant with their count, such as "1 × NVIDIA A10G"
	Engines  []Named // of each variant, with its version
	Dataset  string  // with what decides about its requests
	Arrivals string  // how requests arrive at a rate
	Begun    time.Time
	Tokmeter string   // version of this program
	Command  []string // words that make the table again, without secrets
	Currency string   // of prices, such as USD
}

// A Named is what is known of a variant.
type Named struct{ Variant, Text string }

// A fact is one line of the header.
type fact struct{ label, text string }

// facts are the lines of the header, in order, without those that are not known.
func (p *Page) facts() []fact {
	a := &p.About
	load := loadText(p.Load)
	if a.Arrivals != "" && p.Load.Rate > 0 {
		load += ", " + a.Arrivals
	}
	if p.Rounds > 1 {
		load += fmt.Sprintf(", %d rounds", p.Rounds)
	}
	date := ""
	if !a.Begun.IsZero() {
		date = a.Begun.UTC().Format("2006-01-02 15:04 UTC")
	}
	all := []fact{
		{"Card", together(a.Cards)}, {"Model", p.model()}, {"Engine", together(a.Engines)},
		{"Dataset", a.Dataset}, {"Load", load}, {"Date", date}, {"tokmeter", a.Tokmeter}, {"Command", commandLine(a.Command)},
	}
	var out []fact
	for _, f := range all {
		if f.text != "" {
			out = append(out, fact{f.label, excerpt.Line(f.text)})
		}
	}
	return out
}

// together is one text where all variants share it, else each with its
// variants.
func together(list []Named) string {
	var texts []string
	of := map[string][]string{}
	for _, n := range list {
		if n.Text == "" {
			continue
		}
		if of[n.Text] == nil {
			texts = append(texts, n.Text)
		}
		of[n.Text] = append(of[n.Text], n.Variant)
	}
	if len(texts) == 1 && len(of[texts[0]]) == len(list) {
		return texts[0]
	}
	var parts []string
	for _, t := range texts {
		parts = append(parts, t+" ("+strings.Join(of[t], ", ")+")")
	}
	return strings.Join(parts, "; ")
}

// model is the baseline's, and how many others the table has.
func (p *Page) model() string {
	name := ""
	others := map[string]bool{}
	for i := range p.Rows {
		v := &p.Rows[i].Variant
		if v.Name == p.Baseline {
			name = v.Model
		}
		others[v.Model] = true
	}
	delete(others, name)
	delete(others, "")
	switch n := len(others); {
	case name == "" || n == 0:
		return name
	case n == 1:
		return name + " and 1 other, in the table"
	default:
		return fmt.Sprintf("%s and %d others, in the table", name, n)
	}
}

// commandLine is words as a shell reads them.
func commandLine(words []string) string {
	var out []string
	for _, w := range words {
		plain := w != "" && !strings.ContainsFunc(w, func(r rune) bool {
			return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=+,./:@%", r))
		})
		if !plain {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

// conclusion is the answer in one sentence.
func (p *Page) conclusion() string {
	var base *table.Row
	var told, silent []*table.Row
	for i := range p.Rows {
		r := &p.Rows[i]
		switch _, ok := shownRatio(r); {
		case r.Baseline:
			base = r
		case ok:
			told = append(told, r)
		default:
			silent = append(silent, r)
		}
	}
	slices.SortStableFunc(told, func(a, b *table.Row) int { return cmp.Compare(b.Speedup.Value, a.Speedup.Value) })
	start := ""
	if _, all := p.simulated(); all {
		start = "Simulated: "
	}
	switch {
	case base == nil:
		return ""
	case base.Failure != "":
		return conclude(start + "no speedup can be told, for the baseline " + base.Variant.Name + " has no result: " + flat(base.Failure))
	case len(p.Rows) == 1:
		return conclude(start + fmt.Sprintf("%s, %s takes %s ms to the first token and %s ms for each that follows", under(p.Load), base.Variant.Name, ms(base.TTFT.Value), ms(base.TPOT.Value)))
	case len(told) == 0:
		r := silent[0]
		return conclude(start + fmt.Sprintf("no speedup over %s can be told; %s: %s", base.Variant.Name, r.Variant.Name, flat(cmp.Or(r.Failure, r.Withheld, "not known"))))
	}
	text := under(p.Load) + ", " + best(told[0], base.Variant.Name)
	for _, r := range told[1:] {
		text += ", " + r.Variant.Name + " " + times(r.Speedup.Value)
		if noisy(r) {
			text += " (within noise)"
		}
	}
	for _, r := range silent {
		text += "; " + r.Variant.Name + " has no speedup"
	}
	return conclude(start + text)
}

// conclude makes a sentence of a text.
func conclude(s string) string { return sentence(capital(excerpt.Line(s))) }

// under is a load at the start of a sentence.
func under(l compare.Load) string {
	if l.Rate > 0 {
		return "at " + loadText(l)
	}
	return "with " + loadText(l)
}

// best says how the fastest variant compares with the baseline.
func best(r *table.Row, baseline string) string {
	e, name := r.Speedup, r.Variant.Name
	within := ""
	if bounded(e) {
		within = fmt.Sprintf(" (95 %% interval %.2f to %.2f)", e.Low, e.High)
	}
	switch {
	case noisy(r):
		return fmt.Sprintf("no variant decodes faster than %s beyond noise: %s %s%s", baseline, name, times(e.Value), within)
	case e.Value < 1:
		return fmt.Sprintf("no variant decodes faster than %s: %s %s%s", baseline, name, times(e.Value), within)
	}
	return fmt.Sprintf("%s decodes %s as fast as %s%s", name, times(e.Value), baseline, within)
}

// noisy reports whether a speedup is within noise.
func noisy(r *table.Row) bool {
	return r.Verdict.Code == table.WithinNoise || slices.ContainsFunc(r.Verdict.Also, func(x table.Reason) bool { return x.Code == table.WithinNoise })
}
