package cli

import (
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/compare"
	"tokmeter/internal/drift"
	"tokmeter/internal/experiment"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
)

// comparable is a run from its records, with what the run itself doubts.
func comparable(run *record.Run, p plan.Plan, j experiment.Job) (compare.Run, error) {
	res, err := result.From(run, nil)
	if err != nil {
		return compare.Run{}, err
	}
	s := res.Summary
	out := compare.FromRecords(res.Records, metrics.ViewOf(p), s)
	out.Variant, out.Round, out.Load, out.Offered = j.Variant.Name, j.Round, j.Load, j.Load.Rate
	for _, w := range s.Warnings {
		if concerns(w.Code) {
			out.Warnings = append(out.Warnings, w.Code+": "+w.Text)
		}
	}
	return out, nil
}

// concerns reports whether a warning of a run is one of the table's: what its
// numbers or its directory give reason to doubt. compare counts requests and
// failures itself and has limits of its own, and the rest moves neither TTFT
// nor TPOT.
func concerns(code string) bool {
	switch code {
	case record.WarnDirectory:
		return true
	case metrics.WarnFewRequests, metrics.WarnNoSuccess, metrics.WarnFailures, metrics.WarnClientLag,
		metrics.WarnBundledTokens, metrics.WarnStaleConnections, metrics.WarnBelowLimit:
		return false
	}
	return slices.ContainsFunc(metrics.WarningDefinitions(), func(d metrics.WarningDefinition) bool { return d.Code == code })
}

// gathered is what the runs themselves doubt, a line for each variant and
// warning: the first run's words, and how many runs say so.
func gathered(runs []compare.Run) (notes []string) {
	type doubt struct{ variant, code string }
	var order []doubt
	count, of, words := map[doubt]int{}, map[string]int{}, map[doubt]string{}
	for i := range runs {
		r := &runs[i]
		of[r.Variant]++
		for _, w := range r.Warnings {
			code, text, ok := strings.Cut(w, ": ")
			if strings.Contains(code, " ") || !ok {
				code, text = w, w // the experiment's own have no code
			}
			d := doubt{r.Variant, code}
			if count[d]++; count[d] == 1 {
				order = append(order, d)
				words[d] = text
			}
		}
	}
	for _, d := range order {
		line := d.variant + ": " + strings.TrimPrefix(words[d], d.variant+": ")
		if of[d.variant] > 1 {
			line += fmt.Sprintf(" (%d of its %d runs say so, each with its own numbers)", count[d], of[d.variant])
		}
		notes = append(notes, line)
	}
	return notes
}

// compared is answers as they are compared.
func compared(list []drift.Answer) []compare.Answer {
	out := make([]compare.Answer, len(list))
	for i, a := range list {
		out[i] = compare.Answer{Index: a.Index, Text: a.Text, Tokens: a.Tokens, LogProbs: a.LogProbs}
	}
	return out
}
