package cli

import (
	"cmp"
	"math"
	"slices"

	"tokmeter/internal/compare"
	"tokmeter/internal/experiment"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// comparable is a run from its records.
func comparable(run *record.Run, p plan.Plan, j experiment.Job) (compare.Run, error) {
	out := compare.Run{Variant: j.Variant.Name, Round: j.Round, Load: j.Load, Offered: j.Load.Rate}
	recs, end, notes, err := run.Load()
	if err != nil {
		return out, err
	}
	v := metrics.ViewOf(p)
	type change struct {
		at float64
		n  int
	}
	var changes []change
	for _, rec := range recs {
		q := compare.Request{Index: rec.Index, OK: v.OK(rec), Cached: rec.CachedTokens, TTFT: math.NaN(), TPOT: math.NaN(), E2EL: math.NaN()}
		q.Prompt, q.Output, q.Sent = v.Prompt(rec).N, v.Output(rec).N, v.Start(rec)*1e3
		last := q.Sent
		if q.OK {
			q.TTFT, q.E2EL = v.TTFT(rec)*1e3, v.Latency(rec)*1e3
			last += q.E2EL
		}
		if q.OK && q.Output > 1 {
			q.TPOT = (q.E2EL - q.TTFT) / float64(q.Output-1)
		}
		out.Requests = append(out.Requests, q)
		changes = append(changes, change{q.Sent, 1}, change{last, -1})
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), a.n-b.n) })
	open := 0
	for _, c := range changes {
		open += c.n
		out.PeakOpen = max(out.PeakOpen, open)
	}
	s := metrics.Summarize(recs, end, p)
	out.Seconds = s.Duration
	for _, w := range s.Warnings {
		out.Warnings = append(out.Warnings, w.Text)
	}
	out.Warnings = append(out.Warnings, notes...)
	return out, nil
}
