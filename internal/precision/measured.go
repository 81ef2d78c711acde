package precision

import (
	"fmt"
	"slices"

	"tokmeter/internal/compare"
	"tokmeter/internal/model/roofline"
)

// measured tells what others measured of simulated variants under the table's
// load, so that nobody takes the model for a measurement.
func (a *Answer) measured(at compare.Load) []string {
	var out, sources []string
	base := 0.0
	for i := range a.Spec.Variants {
		v := &a.Spec.Variants[i]
		if v.Simulate == "" || at.Rate <= 0 {
			continue
		}
		b, err := v.Built()
		if err != nil {
			continue
		}
		k, ok := roofline.KnownOf(roofline.Known{
			Card: b.Card.Name, Model: b.Model.Name, Precision: b.Setup.Precision, Engine: b.Setup.Engine,
			Dataset: a.Plan.Workload.Dataset, Rate: at.Rate, Requests: a.Plan.Workload.NumPrompts,
		})
		if !ok {
			continue
		}
		text := fmt.Sprintf("measured on a card: %s TTFT %.4g ms, TPOT %.2f ms", v.Name, k.TTFT, k.TPOT)
		if base == 0 {
			base = k.TPOT
		} else {
			text += fmt.Sprintf(", speedup %.2f×", base/k.TPOT)
		}
		out = append(out, text)
		if !slices.Contains(sources, k.Source) {
			sources = append(sources, k.Source)
		}
	}
	for _, s := range sources {
		out = append(out, fmt.Sprintf("measured by %s, at the same rate on its own draw of ShareGPT prompts", s))
	}
	return out
}
