package metrics_test

import (
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// quiet is a run of n requests at 10/s that gives no reason to warn.
func quiet(n int) (plan.Plan, record.Ending, []*record.Record) {
	var p plan.Plan
	p.Target.Backend = "vllm"
	p.Target.IgnoreEOS = true
	p.Load.RequestRate, p.Load.Burstiness = 10, 1
	p.Workload.NumPrompts = n
	p.Output.Percentiles = []float64{50, 99}
	end := record.Ending{Start: 0, End: record.Stamp(n+20) * 100e6, Reason: "all sent", Sent: n}
	var recs []*record.Record
	for i := range n {
		due := record.Stamp(i+1) * 100e6
		r := &record.Record{
			Index: i, Due: due, Released: due + 10e3, WantPrompt: 100, WantOutput: 5,
			PromptTokens: record.Count{N: 101, From: record.FromUsage},
			OutputTokens: record.Count{N: 5, From: record.FromUsage},
			Outcome:      record.OK, UsageAlone: true,
		}
		r.Sent, r.Status, r.Framed, r.KernelStamped = due+30e3, 200, true, true
		r.Lag = 20 * time.Microsecond
		for k := range 5 {
			r.Events = append(r.Events, r.Sent+50e6+record.Stamp(k)*20e6)
			r.PerEvent = append(r.PerEvent, 1)
		}
		r.FirstByte, r.FirstToken, r.FirstAnswer = r.Events[0], r.Events[0], r.Events[0]
		r.LastToken = r.Events[4]
		r.Done = r.LastToken + 1000
		recs = append(recs, r)
	}
	return p, end, recs
}
