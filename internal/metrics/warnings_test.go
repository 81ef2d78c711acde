package metrics_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"tokmeter/internal/metrics"
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

// TestWarnings makes every warning appear, alone, and a quiet run has none.
func TestWarnings(t *testing.T) {
	type run struct {
		p    *plan.Plan
		end  *record.Ending
		recs []*record.Record
	}
	cases := []struct {
		code string
		n    int
		why  string
		stir func(run)
	}{
		{"", 120, "nothing wrong", func(run) {}},
		{"", 120, "endless rate: late against no schedule", func(r run) {
			r.p.Load.RequestRate = plan.Float(math.Inf(1))
			for _, c := range r.recs {
				c.Due = 0
			}
		}},
		{metrics.WarnNoSuccess, 120, "everything refused", func(r run) {
			for _, c := range r.recs {
				c.Outcome, c.Err = record.Refused, "connection refused"
			}
		}},
		{metrics.WarnFailures, 120, "two of 120 are more than 1 %", func(r run) {
			r.recs[3].Outcome, r.recs[4].Outcome = record.Reset, record.Timeout
		}},
		{"", 120, "one of 120 is less than 1 %", func(r run) { r.recs[3].Outcome = record.Reset }},
		{metrics.WarnInterrupted, 120, "the user stopped it; what was cancelled is no failure", func(r run) {
			r.end.Reason = "interrupted"
			r.recs[118].Outcome, r.recs[119].Outcome = record.Cancelled, record.Cancelled
		}},
		{metrics.WarnClientLag, 120, "2 ms are a tenth of the gap of 20 ms", func(r run) {
			for _, c := range r.recs {
				c.Lag = 2 * time.Millisecond
			}
		}},
		{metrics.WarnClientLag, 120, "answers of one token are measured against TTFT", func(r run) {
			for _, c := range r.recs {
				c.Events, c.PerEvent, c.LastToken = c.Events[:1], c.PerEvent[:1], c.FirstToken
				c.OutputTokens.N, c.WantOutput = 1, 1
				c.Lag = 3 * time.Millisecond
			}
		}},
		{metrics.WarnLate, 120, "5 ms are a tenth of the TTFT", func(r run) {
			for _, c := range r.recs {
				c.Due -= 5e6
			}
		}},
		{metrics.WarnRate, 120, "due twice as fast as they went: a cap held them back", func(r run) {
			r.p.Load.MaxConcurrency = 1
			for i, c := range r.recs {
				c.Due = record.Stamp(i+1) * 50e6
				c.Released = c.Due
			}
		}},
		{metrics.WarnFewRequests, 99, "P99 needs 100", func(run) {}},
		{metrics.WarnFewRequests, 120, "P99.9 needs 1000", func(r run) { r.p.Output.Percentiles = []float64{99.9, 100} }},
		{"", 100, "P99 has its 100", func(run) {}},
		{metrics.WarnClockSteps, 120, "the clock was set", func(r run) { r.end.ClockSteps = 1 }},
		{metrics.WarnReaderClock, 120, "no kernel stamp at all", func(r run) {
			for _, c := range r.recs {
				c.KernelStamped = false
			}
		}},
		{metrics.WarnReaderClock, 120, "one answer without", func(r run) { r.recs[0].KernelStamped = false }},
		{metrics.WarnSharedReads, 120, "every second event with the one before", func(r run) {
			for _, c := range r.recs {
				c.Events[1], c.Events[3] = c.Events[0], c.Events[2]
			}
		}},
		{metrics.WarnSharedReads, 120, "two of 120 first tokens with the next are more than 1 %", func(r run) {
			for _, c := range r.recs[:2] {
				c.Events[1] = c.Events[0]
			}
		}},
		{"", 120, "one of 120 first tokens with the next is less than 1 %", func(r run) { r.recs[0].Events[1] = r.recs[0].Events[0] }},
		{metrics.WarnBundledTokens, 120, "one event with two tokens", func(r run) {
			r.recs[0].PerEvent[2] = 2
			r.recs[0].OutputTokens.N, r.recs[0].WantOutput = 6, 6
		}},
		{metrics.WarnTokenSource, 120, "nobody but the events counted", func(r run) { r.recs[0].OutputTokens.From = record.FromEvents }},
		{metrics.WarnPromptLength, 120, "twice the tokens", func(r run) {
			for _, c := range r.recs {
				c.PromptTokens.N = 200
			}
		}},
		{metrics.WarnOutputLength, 120, "short answers", func(r run) {
			for _, c := range r.recs {
				c.WantOutput = 6
			}
		}},
		{metrics.WarnOutputLength, 120, "answers without end", func(r run) {
			r.p.Target.IgnoreEOS = false
			for _, c := range r.recs {
				c.WantOutput = 1
			}
		}},
		{"", 120, "short answers are the model's right", func(r run) {
			r.p.Target.IgnoreEOS = false
			for _, c := range r.recs {
				c.WantOutput = 6
			}
		}},
		{metrics.WarnCachedTokens, 120, "half the prompts", func(r run) {
			for _, c := range r.recs {
				c.CachedTokens = 50
			}
		}},
		{metrics.WarnStaleConnections, 120, "one replaced", func(r run) { r.recs[7].Replaced = 1 }},
		{metrics.WarnRefusedCount, 120, "one count that can't be", func(r run) { r.recs[7].Refused = 4294967295 }},
		{metrics.WarnUnstreamed, 120, "hidden reasoning", func(r run) {
			for _, c := range r.recs {
				c.OutputTokens.N, c.WantOutput, c.Unstreamed = 505, 505, 500
			}
		}},
		{"", 120, "one token that was never sent is nothing", func(r run) { r.recs[0].OutputTokens.N, r.recs[0].Unstreamed = 6, 1 }},
		{metrics.WarnUndercount, 120, "one usage that leaves the reasoning out", func(r run) { r.recs[7].Said = 2 }},
		{metrics.WarnContentType, 120, "one stream under another name", func(r run) { r.recs[7].ContentType = "application/json" }},
		{metrics.WarnContentType, 120, "one stream under no name", func(r run) { r.recs[7].ContentType = "none" }},
		{metrics.WarnUnprefixed, 120, "one event without its field", func(r run) { r.recs[7].Unprefixed = 1 }},
		{metrics.WarnRedirects, 120, "one followed", func(r run) { r.recs[7].Redirects = 1 }},
		{metrics.WarnRedirects, 120, "one led to another server", func(r run) { r.recs[7].Redirects, r.recs[7].Stripped = 1, true }},
	}
	for _, d := range metrics.WarningDefinitions() {
		// Those that need what Summarize is not given have tests of their own.
		tried := d.Code == metrics.WarnSimulatorLate || d.Code == metrics.WarnBelowLimit
		for _, c := range cases {
			tried = tried || c.code == d.Code
		}
		if !tried {
			t.Errorf("no case makes %s appear", d.Code)
		}
	}
	for _, c := range cases {
		p, end, recs := quiet(c.n)
		c.stir(run{&p, &end, recs})
		var got []string
		for _, w := range summarize(recs, end, p).Warnings {
			got = append(got, w.Code)
			if w.Text == "" {
				t.Errorf("%s: warning %s has no text", c.why, w.Code)
			}
		}
		var want []string
		if c.code != "" {
			want = []string{c.code}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got warnings %q, want %q", c.why, got, want)
		}
	}
}

// TestWarningsCompat: vLLM's client warns of nothing.
func TestWarningsCompat(t *testing.T) {
	p, end, recs := quiet(10)
	p.Compat = "vllm"
	if got := summarize(recs, end, p).Warnings; got != nil {
		t.Errorf("got %v, want none", got)
	}
}
