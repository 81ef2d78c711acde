package precision

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"tokmeter/internal/model/setup"
	"tokmeter/internal/plan"
	"tokmeter/internal/precision/page"
	"tokmeter/internal/precision/table"
)

// about is the head of the page: what was measured, where and when.
func (a *Answer) about(variants []table.Variant) page.About {
	out := page.About{
		Dataset: datasetText(a.Plan), Arrivals: arrivalsText(a.Plan.Load), Begun: a.Begun, Tokmeter: a.Tokmeter, Command: a.Command,
	}
	priced := false
	for i := range variants {
		v := &variants[i]
		out.Cards = append(out.Cards, page.Named{Variant: v.Name, Text: a.cards(v, i)})
		out.Engines = append(out.Engines, page.Named{Variant: v.Name, Text: a.engine(v, i)})
		priced = priced || v.PricePerHour > 0
	}
	if priced {
		out.Currency = a.Spec.Currency
	}
	return out
}

// cards is the accelerators of a variant with their count, as far as it is
// known.
func (a *Answer) cards(v *table.Variant, i int) string {
	s := &a.Spec.Variants[i]
	name, count := v.Card, a.Result.Variants[i].Facts.Cards
	if s.Simulate != "" {
		o, err := s.Options()
		if err != nil || o.Fixed != nil {
			return ""
		}
		name, count = cmp.Or(v.Card, o.Setup.GPU), max(o.Setup.TP, 1)
	}
	switch {
	case name == "" && s.GPU == CPU:
		return "this machine's processor"
	case name == "" || count == 0:
		return name
	}
	return fmt.Sprintf("%d × %s", count, name)
}

// engine is a variant's engine and version, as far as they are known.
func (a *Answer) engine(v *table.Variant, i int) string {
	s := &a.Spec.Variants[i]
	if s.Simulate == "" {
		return v.Version
	}
	o, err := s.Options()
	if err != nil || o.Fixed != nil {
		return "simulated, at set times"
	}
	return engineText(o.Setup.Engine)
}

// engineText is a simulated engine by its full name and by that of the setting.
func engineText(engine string) string {
	switch engine {
	case setup.EngineV02024:
		return "vLLM V0 of mid-2024 (engine=" + engine + "), simulated"
	case setup.EngineV1, "":
		return "vLLM V1 as of 0.32 (engine=" + setup.EngineV1 + "), simulated"
	}
	return engine + ", simulated"
}

// datasetText is a workload with what decides about its requests.
func datasetText(p plan.Plan) string {
	w := &p.Workload
	parts := []string{w.Dataset}
	if w.Path != "" {
		parts = append(parts, filepath.Base(w.Path))
	}
	if w.Dataset == "random" {
		parts = append(parts, lengthText(w.Random.InputLen, w.Random.InputRange)+" tokens in", lengthText(w.Random.OutputLen, w.Random.OutputRange)+" out")
	}
	parts = append(parts, fmt.Sprintf("%d requests", w.NumPrompts), fmt.Sprintf("seed %d", p.Seed))
	if p.Target.IgnoreEOS {
		parts = append(parts, "ignore_eos")
	}
	if parts[0] == "" {
		parts = parts[1:]
	}
	return strings.Join(parts, ", ")
}

// lengthText is a length with its range.
func lengthText(n int, ratio float64) string {
	if ratio == 0 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d ± %.3g %%", n, 100*ratio)
}

// arrivalsText is how requests arrive at a rate.
func arrivalsText(s plan.Load) string {
	switch b := float64(s.Burstiness); {
	case s.SelfTimed:
		return "the times of the trace"
	case b == 1:
		return "Poisson arrivals"
	case b > 1e300:
		return "evenly spaced arrivals"
	default:
		return fmt.Sprintf("arrivals of burstiness %.3g", b)
	}
}
