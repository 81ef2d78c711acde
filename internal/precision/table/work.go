package table

import (
	"fmt"
	"math"

	"tokmeter/internal/compare"
)

// Why the work of two variants is not the same.
const (
	outputsDiffer = "outputs"
	promptsDiffer = "prompts"
)

// A pairWork is what the paired requests of the baseline and another took and
// gave, in tokens.
type pairWork struct {
	n                      int
	prompt, output, cached [2]float64
	unequal                int     // requests whose outputs are not within unequalLengths
	apart                  float64 // Σ |difference of outputs|
}

// work adds up the requests of good in the rounds that both have.
func work(base, x *side, good []bool) pairWork {
	var w pairWork
	for k := range x.cells {
		for p, q := range x.cells[k] {
			r := base.cells[k][p]
			if q == nil || r == nil || !good[p] || !q.OK || !r.OK {
				continue
			}
			w.n++
			for i, s := range []*compare.Request{r, q} {
				w.prompt[i] += float64(s.Prompt)
				w.output[i] += float64(s.Output)
				w.cached[i] += float64(s.Cached)
			}
			d := math.Abs(float64(q.Output - r.Output))
			w.apart += d
			if d > unequalLengths*float64(r.Output) {
				w.unequal++
			}
		}
	}
	return w
}

// off is how far b is from a, as a share of a.
func off(v [2]float64) float64 {
	switch {
	case v[0] == v[1]:
		return 0
	case v[0] == 0:
		return math.Inf(1)
	}
	return math.Abs(v[1]-v[0]) / v[0]
}

// prompts compares the tokens that went in.
func (b *builder) prompts(g *group, base, x *side, w pairWork) {
	if w.n == 0 {
		return
	}
	d := Difference{What: "prompt lengths", Load: &g.load, Variants: []string{x.Variant.Name}, Values: totals(w.prompt)}
	if o := off(w.prompt); o > unequalLengths {
		d.Why = fmt.Sprintf("the prompts have %.0f tokens for %s and %.0f for %s: another tokenizer or template counts or adds differently", w.prompt[0], base.Variant.Name, w.prompt[1], x.Variant.Name)
		if math.Abs(w.prompt[1]-w.prompt[0]) > promptSlack*float64(w.n) {
			d.Invalidates = true
			x.cause, x.why = promptsDiffer, fmt.Sprintf("prompt lengths: %.0f and %.0f tokens, so the work is not the same", w.prompt[0], w.prompt[1])
		}
		b.note(d)
	}
	if diff := math.Abs(w.cached[1] - w.cached[0]); diff > unequalLengths*max(w.prompt[0], 1) {
		b.note(Difference{
			What: "cached tokens", Load: &g.load, Variants: []string{x.Variant.Name}, Values: totals(w.cached),
			Why: fmt.Sprintf("prompt tokens came from the prefix cache: %.0f for %s, %.0f for %s; TTFT is not comparable", w.cached[0], base.Variant.Name, w.cached[1], x.Variant.Name),
		})
	}
}

// outputs compares the lengths of the answers. All together they decide; single
// ones that differ are named, for the requests that are then in flight together
// differ too.
func (b *builder) outputs(g *group, base, x *side, w pairWork) {
	if w.n == 0 {
		return
	}
	fixed := base.Variant.IgnoreEOS && x.Variant.IgnoreEOS
	d := Difference{What: "output lengths", Load: &g.load, Variants: []string{x.Variant.Name}, Values: totals(w.output)}
	switch o := off(w.output); {
	case o > unequalLengths && fixed:
		d.Why = fmt.Sprintf("ignore_eos is on, and yet %s gave %.0f output tokens and %s %.0f: a limit of the server cuts answers", base.Variant.Name, w.output[0], x.Variant.Name, w.output[1])
	case o > unequalLengths:
		d.Invalidates = true
		d.Why = fmt.Sprintf("%s gave %.0f output tokens and %s %.0f, more than %.0f %% off: repeat with ignore_eos", base.Variant.Name, w.output[0], x.Variant.Name, w.output[1], 100*unequalLengths)
		x.cause, x.why = outputsDiffer, fmt.Sprintf("output lengths: %.0f and %.0f tokens, more than %.0f %% off without ignore_eos", w.output[0], w.output[1], 100*unequalLengths)
	case w.apart > unequalLengths*w.output[0]:
		d.Why = fmt.Sprintf("%d of %d answers of %s are more than %.0f %% longer or shorter than those of %s, though not all together", w.unequal, w.n, x.Variant.Name, 100*unequalLengths, base.Variant.Name)
	default:
		return
	}
	b.note(d)
}

func totals(v [2]float64) []string {
	return []string{fmt.Sprintf("%.0f", v[0]), fmt.Sprintf("%.0f", v[1])}
}
