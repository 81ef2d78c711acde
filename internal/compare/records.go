package compare

import (
	"math"

	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
	"tokmeter/internal/stats"
)

// FromRecords makes a run of records, by the definitions of metrics: v is the
// view of the run's plan and s the summary of the same records, of which the
// duration and the most requests in flight are taken. Means of the times are those
// of the run's own report. Variant, Round, Load, Offered and Warnings are for the
// caller to fill in. The error is that of the pass.
func FromRecords(recs record.Pass, v metrics.View, s metrics.Summary) (Run, error) {
	const ms = 1e3
	r := Run{Seconds: s.Duration, PeakOpen: s.PeakConcurrency}
	for rec, err := range recs {
		if err != nil {
			return r, err
		}
		q := Request{
			Index: rec.Index, OK: v.OK(rec), Prompt: v.Prompt(rec).N, Output: v.Output(rec).N, Cached: rec.CachedTokens,
			TTFT: math.NaN(), TPOT: math.NaN(), E2EL: math.NaN(), Sent: v.Start(rec) * ms,
		}
		if q.OK {
			ttft, e2el := v.TTFT(rec), v.Latency(rec)
			q.TTFT, q.TPOT, q.E2EL = ttft*ms, stats.TPOT(ttft, e2el, float64(q.Output))*ms, e2el*ms
		}
		r.Requests = append(r.Requests, q)
	}
	return r, nil
}
