package result

import (
	"fmt"
	"strings"

	"tokmeter/internal/record"
)

// dataset is what became of the entries of the dataset.
func dataset() part {
	return part{
		Definition{ID: "workload", Title: "Dataset", Keys: []Key{
			{Name: "workload", Formula: "what became of the dataset's entries: how many there are and were kept, why others were dropped, how many were not needed; how many requests repeat others or were too long, how many prompts differ"},
		}},
		always(func(r *Result) Section {
			w := r.Head.Workload
			if r.Summary.Compat {
				return Section{}
			}
			if w == nil {
				return Section{JSON: Fields{{"workload", nil}}}
			}
			s := Section{JSON: Fields{{"workload", workloadFields(w)}}}
			if w.Entries > 0 {
				s.Label, s.Short, s.Text = "Dataset", []string{datasetLine(w)}, text(datasetLines(w)...)
			}
			return s
		}),
	}
}

func datasetLine(w *record.Workload) string {
	parts := []string{fmt.Sprintf("%d entries, %d kept", w.Entries, w.Kept)}
	for _, x := range rest(w) {
		parts = append(parts, fmt.Sprintf("%d %s", x.N, x.Reason))
	}
	if n := w.Dropped.Total(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d dropped (%s)", n, w.Dropped))
	}
	return strings.Join(parts, ", ")
}

func datasetLines(w *record.Workload) []string {
	lines := []string{fmt.Sprintf("%6d entries, %d kept", w.Entries, w.Kept)}
	for _, d := range w.Dropped {
		lines = append(lines, fmt.Sprintf("%6d dropped: %s", d.N, d.Reason))
	}
	for _, x := range rest(w) {
		lines = append(lines, fmt.Sprintf("%6d %s", x.N, x.Reason))
	}
	return lines
}

// rest is what became of entries and requests beside being kept or dropped.
func rest(w *record.Workload) record.Drops {
	var d record.Drops
	d.Add("not needed", w.Unused)
	d.Add("requests repeat others", w.Oversampled)
	d.Add("requests left out as too long", w.TooLong)
	return d
}

func workloadFields(w *record.Workload) Fields {
	dropped := []any{}
	for _, d := range w.Dropped {
		dropped = append(dropped, Fields{{"reason", d.Reason}, {"n", d.N}})
	}
	return Fields{
		{"entries", w.Entries}, {"kept", w.Kept}, {"dropped", dropped}, {"unused", w.Unused},
		{"oversampled", w.Oversampled}, {"too_long", w.TooLong}, {"unique_prompts", w.Unique},
	}
}
