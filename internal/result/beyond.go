package result

import (
	"fmt"
	"strings"

	"tokmeter/internal/metrics"
)

// beyond is latencies that vLLM's client does not have. They are there where the
// run has them.
func beyond(ids ...metrics.ID) part {
	first := definition(ids[0])
	p := part{Definition: Definition{ID: string(first.ID), Title: first.Header}}
	if len(ids) > 1 {
		p.ID, p.Title = "from_due", "Latency from Due Time"
	}
	p.make = always(func(r *Result) Section {
		var s Section
		var short, rows []string
		for _, id := range ids {
			dist, ok := r.Summary.Dists[id]
			if !ok {
				continue
			}
			d := definition(id)
			s.JSON = append(s.JSON, Describe(id, dist)...)
			rows = append(rows, latencyRows(d.Name, dist)...)
			short = append(short, fmt.Sprintf("%smean %.2f ms, P99 %.2f ms", prefix(d.Name, len(ids)), dist.Mean, dist.P99))
		}
		if len(short) > 0 {
			s.Headline = true
			s.Label, s.Short, s.Text = label(first.Name, len(ids)), []string{strings.Join(short, "; ")}, text(rows...)
		}
		return s
	})
	return p
}

// latencyRows has the latency's name first, so that no row begins as one of
// vLLM's does.
func latencyRows(name string, d metrics.Dist) []string {
	row := func(statistic string, value float64) string {
		return strings.TrimSuffix(Row(name+", "+statistic+" (ms):", fmt.Sprintf("%.2f", value)), "\n")
	}
	rows := []string{row("mean", d.Mean), row("median", d.Median)}
	for _, p := range d.Percentiles {
		rows = append(rows, row(p.Name(), p.Value))
	}
	return rows
}

// label and prefix name a latency alone, or several by what they have in common.
func label(name string, n int) string {
	if n == 1 {
		return name
	}
	return "From due time"
}

func prefix(name string, n int) string {
	if n == 1 {
		return ""
	}
	short, _, _ := strings.Cut(name, " ")
	return short + " "
}

func definition(id metrics.ID) metrics.Definition {
	for _, d := range metrics.Latencies() {
		if d.ID == id {
			return d
		}
	}
	return metrics.Definition{ID: id}
}
