package result

import (
	"slices"

	"tokmeter/internal/metrics"
)

// warnings lists what every other section, the run directory and the run itself
// give reason to doubt, so it is made last.
func warnings() part {
	return part{
		Definition{ID: "warnings", Title: "Warnings", Keys: []Key{
			{Name: "warnings", Formula: "reasons to doubt a number: code and text"},
		}},
		always(func(r *Result) Section {
			s := &r.Summary
			if s.Compat {
				return Section{}
			}
			gravestFirst(s.Warnings)
			s.Warnings = slices.Concat(s.Warnings, r.doubts)
			list := []any{}
			var lines []string
			for _, w := range s.Warnings {
				list = append(list, Fields{{"code", w.Code}, {"text", w.Text}})
				lines = append(lines, w.Code+": "+w.Text)
			}
			out := Section{Label: "Warning", Short: lines, JSON: Fields{{"warnings", list}}}
			if len(lines) > 0 {
				out.Text = text(lines...)
			}
			return out
		}),
	}
}

// gravestFirst sorts warnings by the order in which metrics defines them.
func gravestFirst(all []metrics.Warning) {
	place := map[string]int{}
	for i, d := range metrics.WarningDefinitions() {
		place[d.Code] = i
	}
	slices.SortStableFunc(all, func(a, b metrics.Warning) int { return place[a.Code] - place[b.Code] })
}
