package cli

import (
	"slices"

	"tokmeter/internal/compare"
	"tokmeter/internal/drift"
	"tokmeter/internal/experiment"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// comparable is a run from its records, with what the run itself doubts.
func comparable(run *record.Run, p plan.Plan, j experiment.Job) (compare.Run, error) {
	recs, end, notes, err := run.Load()
	if err != nil {
		return compare.Run{}, err
	}
	s := metrics.Summarize(recs, end, p)
	_ = observe(&s, run.Head.Server) // what the server said of itself may be in words of another version
	// compare says itself when requests are too few.
	s.Warnings = slices.DeleteFunc(s.Warnings, func(w metrics.Warning) bool { return w.Code == metrics.WarnFewRequests })
	out := compare.FromRecords(recs, metrics.ViewOf(p), s)
	out.Variant, out.Round, out.Load, out.Offered = j.Variant.Name, j.Round, j.Load, j.Load.Rate
	out.Warnings = append(out.Warnings, notes...)
	return out, nil
}

// compared is answers as they are compared.
func compared(list []drift.Answer) []compare.Answer {
	out := make([]compare.Answer, len(list))
	for i, a := range list {
		out[i] = compare.Answer{Index: a.Index, Text: a.Text, Tokens: a.Tokens, LogProbs: a.LogProbs}
	}
	return out
}
