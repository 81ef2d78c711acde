package metrics_test

import (
	"fmt"
	"testing"
	"time"

	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

const ms = record.Stamp(1e6)

// answer is a successful request with a token at each of the moments, in ms
// after sending.
func answer(index int, due, sent record.Stamp, tokens ...record.Stamp) *record.Record {
	r := &record.Record{
		Index: index, Due: due * ms, Released: due * ms, Outcome: record.OK,
		WantPrompt: 10, PromptTokens: record.Count{N: 12, From: record.FromUsage},
		OutputTokens: record.Count{N: len(tokens), From: record.FromUsage}, UsageAlone: true,
	}
	r.Sent, r.Status, r.Framed, r.KernelStamped = sent*ms, 200, true, true
	for _, at := range tokens {
		r.Events = append(r.Events, (sent+at)*ms)
		r.PerEvent = append(r.PerEvent, 1)
	}
	r.FirstByte, r.FirstToken, r.FirstAnswer = r.Events[0], r.Events[0], r.Events[0]
	r.LastToken = r.Events[len(tokens)-1]
	r.Done = r.LastToken
	return r
}

// summarize is Summarize over records in memory, whose passes have no errors.
func summarize(recs []*record.Record, end record.Ending, p plan.Plan) metrics.Summary {
	s, err := metrics.Summarize(record.PassOf(recs...), end, p)
	if err != nil {
		panic(err)
	}
	return s
}

func rateChanges(recs []*record.Record, end record.Ending, p plan.Plan) []metrics.RateChange {
	c, err := metrics.RateChanges(record.PassOf(recs...), end, p)
	if err != nil {
		panic(err)
	}
	return c
}

func openLoop() plan.Plan {
	var p plan.Plan
	p.Load.RequestRate = 10
	p.Output.Percentiles = []float64{50}
	return p
}

// TestCountsText: under compat an answer whose usage vLLM would not have seen
// is counted by its text.
func TestCountsText(t *testing.T) {
	attached := answer(0, 1, 1, 10, 20)
	attached.UsageAlone = false
	lost := &record.Record{Outcome: record.Reset}
	compat := plan.Plan{Compat: "vllm"}
	bare := compat
	bare.Workload.SkipTokenizer = true
	responses := compat
	responses.Target.Backend = "openai-responses"
	for _, c := range []struct {
		why  string
		p    plan.Plan
		r    *record.Record
		want bool
	}{
		{"usage beside a choice", compat, attached, true},
		{"usage alone", compat, answer(0, 1, 1, 10), false},
		{"no answer", compat, lost, false},
		{"no tokenizer", bare, attached, false},
		{"usage in the terminal event", responses, attached, false},
		{"by default usage counts anywhere", plan.Plan{}, attached, false},
	} {
		if got := metrics.ViewOf(c.p).CountsText(c.r); got != c.want {
			t.Errorf("%s: got %v, want %v", c.why, got, c.want)
		}
	}
}

// TestRateChanges follows a linear ramp from 1 to 5 over five requests.
func TestRateChanges(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	var p plan.Plan
	p.Load.RampStrategy, p.Load.RampStartRPS, p.Load.RampEndRPS = "linear", 1, 5
	p.Workload.NumPrompts = 3
	recs := []*record.Record{answer(0, 10, 10, 1), answer(1, 20, 20, 1), answer(2, 30, 30, 1)}
	got := ""
	for _, c := range rateChanges(recs, record.Ending{Began: began, Start: ms}, p) {
		got += fmt.Sprintf("%d@%v ", c.RPS, c.At.Sub(began))
	}
	if want := "1@1ms 2@20ms 3@20ms 4@30ms 5@30ms "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.Load.RampStrategy = ""
	if got := rateChanges(recs, record.Ending{}, p); got != nil {
		t.Errorf("without a ramp: got %v, want none", got)
	}
}
