package table

import (
	"fmt"
	"math"
	"strings"

	"tokmeter/internal/compare"
)

// How much may be unequal before a speedup is withheld.
const (
	unequalLengths = 0.01 // of all output tokens together, and of a request for it to be counted as unequal
	manyFailures   = 0.05 // of the requests: more of them, and the rest are no sample of the workload
	promptSlack    = 2    // tokens of a prompt that a template or a first token may add
	unequalOffer   = 0.01 // of the offered rate
)

// note adds a difference to the table.
func (b *builder) note(d Difference) { b.table.Differences = append(b.table.Differences, d) }

// fixedDifferences finds what differs whatever the load, and returns why the
// speedup of which variants is withheld.
func (b *builder) fixedDifferences() map[string]string {
	out := map[string]string{}
	if b.variants[b.base].Failure != "" {
		return out // there is nothing to be equal to
	}
	for _, c := range []struct {
		what        string
		value       func(*Variant) string
		invalidates bool
		unknown     string // "" where an empty value is a value
		why         string
	}{
		{"prompts", func(v *Variant) string { return v.Prompts }, true, "not known", "the requests are not the same"},
		{"card", func(v *Variant) string { return v.Card }, true, "not known", "the cards are not the same"},
		{"simulated", func(v *Variant) string { return map[bool]string{true: "simulated", false: "measured"}[v.Simulated] }, true, "", "a simulated time is not a measured one"},
		{"version", func(v *Variant) string { return v.Version }, false, "not known", "the versions of the server are not the same, so the ratio is of precision and version together"},
		{"ignore-eos", func(v *Variant) string { return map[bool]string{true: "on", false: "off"}[v.IgnoreEOS] }, false, "", "some answers end by themselves, others at the length that was asked for"},
	} {
		b.byValue(c.what, c.value, c.invalidates, c.unknown, c.why, out)
	}
	b.arguments()
	return out
}

// byValue compares one value of every variant with the baseline's.
func (b *builder) byValue(what string, value func(*Variant) string, invalidates bool, unknown, why string, withheld map[string]string) {
	base := &b.variants[b.base]
	sure := Difference{What: what, Values: []string{value(base)}, Invalidates: invalidates}
	unsure := Difference{What: what, Values: []string{value(base)}}
	var parts []string
	for i := range b.variants {
		v := &b.variants[i]
		x, y := value(base), value(v)
		if i == b.base || x == y || v.Failure != "" {
			continue
		}
		d := &sure
		if unknown != "" && (x == "" || y == "") {
			d = &unsure
		} else {
			parts = append(parts, v.Name+" "+y)
			if _, has := withheld[v.Name]; invalidates && !has {
				withheld[v.Name] = fmt.Sprintf("%s: %s (%s and %s)", what, why, x, y)
			}
		}
		d.Variants, d.Values = append(d.Variants, v.Name), append(d.Values, y)
	}
	if len(sure.Variants) > 0 {
		sure.Why = fmt.Sprintf("%s: %s %s, %s", why, base.Name, value(base), strings.Join(parts, ", "))
		b.note(sure)
	}
	if len(unsure.Variants) > 0 {
		unsure.Why = fmt.Sprintf("not known of %s, so it can't be told whether they are the same", b.without(value))
		b.note(unsure)
	}
}

// without lists the variants that have no value.
func (b *builder) without(value func(*Variant) string) string {
	var out []string
	for i := range b.variants {
		if value(&b.variants[i]) == "" {
			out = append(out, b.variants[i].Name)
		}
	}
	return strings.Join(out, ", ")
}

// arguments compares command lines, without what each variant has of its own.
func (b *builder) arguments() {
	base := &b.variants[b.base]
	for i := range b.variants {
		v := &b.variants[i]
		if i == b.base || v.Failure != "" || len(v.Args) == 0 || len(base.Args) == 0 {
			continue
		}
		x, y := compare.Flags(base.Args, v.Args)
		if len(x)+len(y) == 0 {
			continue
		}
		p, q := orNone(strings.Join(x, " ")), orNone(strings.Join(y, " "))
		b.note(Difference{
			What: "arguments", Variants: []string{v.Name}, Values: []string{p, q},
			Why: fmt.Sprintf("the servers' arguments are not the same, so the ratio is of precision and arguments together: %s %s, %s %s", base.Name, p, v.Name, q),
		})
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// withhold says what forbids a speedup at this load before requests are paired:
// what is fixed, missing runs, another load, and failures.
func (b *builder) withhold(g *group, sides []*side) {
	base := sides[b.base]
	for _, x := range sides {
		if x.Failure != "" {
			continue
		}
		if x.Withheld = b.fixed[x.Variant.Name]; x.Withheld != "" {
			continue
		}
		switch {
		case base.Failure != "":
			x.Withheld = fmt.Sprintf("the baseline %s has no result", base.Variant.Name)
		case !x.meets(base):
			x.Withheld = "no round that the baseline has too"
		}
	}
	b.rounds(g, sides)
	b.offers(g, sides)
	b.failures(g, sides)
	b.counts(g, sides)
}

// meets reports whether two variants have a round in common.
func (x *side) meets(other *side) bool {
	for k := range x.runs {
		if other.runs[k] != nil {
			return true
		}
	}
	return false
}

// rounds names variants that lack rounds.
func (b *builder) rounds(g *group, sides []*side) {
	want := max(len(g.rounds), b.o.Rounds)
	d := Difference{What: "rounds", Load: &g.load, Values: []string{fmt.Sprint(len(sides[b.base].runs))}}
	var parts []string
	for _, x := range sides {
		if n := len(x.runs); n > 0 && n < want {
			parts = append(parts, fmt.Sprintf("%s has %d", x.Variant.Name, n))
			if !x.Baseline {
				d.Variants, d.Values = append(d.Variants, x.Variant.Name), append(d.Values, fmt.Sprint(n))
			}
		}
	}
	if len(parts) > 0 {
		d.Why = fmt.Sprintf("not all of the %d rounds are there: %s; rounds that both sides have are compared", want, strings.Join(parts, ", "))
		b.note(d)
	}
}

// offers compares the offered rates.
func (b *builder) offers(g *group, sides []*side) {
	base := sides[b.base]
	for _, x := range sides {
		if x.Baseline || x.Failure != "" || base.Failure != "" || math.Abs(x.offered-base.offered) <= unequalOffer*base.offered {
			continue
		}
		p, q := fmt.Sprintf("%.4g", base.offered), fmt.Sprintf("%.4g", x.offered)
		d := Difference{
			What: "load", Load: &g.load, Variants: []string{x.Variant.Name}, Values: []string{p, q}, Invalidates: true,
			Why: fmt.Sprintf("the offered loads are not the same: %s %s requests/s, %s %s", base.Variant.Name, p, x.Variant.Name, q),
		}
		b.note(d)
		x.hold("load: " + d.Why)
	}
}

func (x *side) hold(why string) {
	if x.Withheld == "" {
		x.Withheld = why
	}
}

// failures names failed requests, and withholds where they are many.
func (b *builder) failures(g *group, sides []*side) {
	many := func(x *side) bool { return float64(x.Failed) > manyFailures*float64(x.Requests) }
	of := func(x *side) string { return fmt.Sprintf("%d of %d", x.Failed, x.Requests) }
	base := sides[b.base]
	if base.Failed > 0 {
		d := Difference{What: "failures", Load: &g.load, Values: []string{of(base)}, Invalidates: many(base)}
		d.Why = fmt.Sprintf("%s requests of the baseline %s failed; requests that succeeded everywhere are compared", of(base), base.Variant.Name)
		for _, x := range sides {
			if x.Failure != "" || x.Baseline {
				continue
			}
			d.Variants, d.Values = append(d.Variants, x.Variant.Name), append(d.Values, of(x))
			if many(base) {
				x.hold(fmt.Sprintf("failures: %s requests of the baseline failed", of(base)))
			}
		}
		b.note(d)
	}
	for _, x := range sides {
		if x.Failed == 0 || x.Baseline {
			continue
		}
		d := Difference{What: "failures", Load: &g.load, Variants: []string{x.Variant.Name}, Values: []string{of(base), of(x)}, Invalidates: many(x)}
		d.Why = fmt.Sprintf("%s requests of %s failed; requests that succeeded everywhere are compared", of(x), x.Variant.Name)
		if many(x) {
			d.Why = fmt.Sprintf("%s requests of %s failed: the others are no sample of the workload", of(x), x.Variant.Name)
			x.hold(fmt.Sprintf("failures: %s requests failed", of(x)))
		}
		b.note(d)
	}
}

// counts compares how many requests a round has.
func (b *builder) counts(g *group, sides []*side) {
	base := sides[b.base]
	for _, x := range sides {
		if x.Baseline || x.Failure != "" || base.Failure != "" || x.Requests*len(base.runs) == base.Requests*len(x.runs) {
			continue
		}
		p, q := fmt.Sprintf("%d in %d rounds", base.Requests, len(base.runs)), fmt.Sprintf("%d in %d rounds", x.Requests, len(x.runs))
		b.note(Difference{
			What: "requests", Load: &g.load, Variants: []string{x.Variant.Name}, Values: []string{p, q},
			Why: fmt.Sprintf("the numbers of requests are not the same: %s %s, %s %s; those that both have are compared", base.Variant.Name, p, x.Variant.Name, q),
		})
	}
}

// unequal compares the work of the paired requests: prompts, cached tokens and
// outputs.
func (b *builder) unequal(g *group, sides []*side, good []bool) {
	base := sides[b.base]
	for _, x := range sides {
		if x.Baseline || x.Withheld != "" || x.Failure != "" {
			continue
		}
		w := work(base, x, good)
		x.output = w.output
		b.prompts(g, base, x, w)
		b.outputs(g, base, x, w)
	}
	for _, x := range sides { // last, so that a withheld one does not take requests from others
		if x.cause != "" {
			x.hold(x.why)
		}
	}
}
