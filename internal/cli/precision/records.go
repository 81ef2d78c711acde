package precision

import (
	"slices"

	"tokmeter/internal/compare"
	"tokmeter/internal/experiment"
	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
)

// comparable is a run as it is compared, with what the run itself doubts.
func comparable(res result.Result, j experiment.Job) (compare.Run, error) {
	s := res.Summary
	out, err := compare.FromRecords(res.Records, metrics.ViewOf(res.Plan), s)
	if err != nil {
		return compare.Run{}, err
	}
	out.Variant, out.Round, out.Load, out.Offered = j.Variant.Name, j.Round, j.Load, j.Load.Rate
	for _, w := range s.Warnings {
		if concerns(w.Code) {
			out.Warnings = append(out.Warnings, w)
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
