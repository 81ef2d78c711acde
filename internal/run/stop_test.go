package run

import (
	"strings"
	"testing"
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// ended is a request that was due at a moment and answered so much later.
func ended(index int, due, ttft time.Duration, outcome record.Outcome) *record.Record {
	r := &record.Record{Index: index, Due: record.Stamp(due + 1), Outcome: outcome}
	r.Sent = r.Due
	r.Done = r.Due + record.Stamp(ttft) + 1
	if outcome == record.OK {
		r.FirstToken = r.Due + record.Stamp(ttft)
		r.LastToken = r.FirstToken + record.Stamp(100*time.Millisecond)
		r.Events, r.OutputTokens = []record.Stamp{r.FirstToken, r.LastToken}, record.Count{N: 2}
	}
	return r
}

// TestStopRules: each rule ends a run when it should, and not before.
func TestStopRules(t *testing.T) {
	until := func(text string) *plan.Until {
		u, err := plan.ParseUntil(text)
		if err != nil {
			t.Fatal(err)
		}
		return &u
	}
	failing := func(from, to int) func(int) record.Outcome {
		return func(i int) record.Outcome {
			if i >= from && i < to {
				return record.Timeout
			}
			return record.OK
		}
	}
	all := failing(0, 0)
	level := func(i int) time.Duration { return time.Duration(50+i*7919%10) * time.Millisecond }
	queue := func(i int) time.Duration { return time.Duration(i) * 40 * time.Millisecond }
	for name, c := range map[string]struct {
		rules    plan.Stop
		outcome  func(int) record.Outcome
		ttft     func(int) time.Duration
		why      string  // "" for a run to its end
		from, to float64 // seconds in which it ends
	}{
		"no rule":                 {outcome: failing(0, 500), ttft: level},
		"errors, too few":         {rules: plan.Stop{MaxErrors: 10}, outcome: failing(0, 9), ttft: level},
		"errors":                  {rules: plan.Stop{MaxErrors: 10}, outcome: failing(100, 200), ttft: level, why: "10 of 110 requests failed (--max-errors 10)", from: 11, to: 12},
		"a first one that fails":  {rules: plan.Stop{MaxErrorRate: 0.1}, outcome: failing(0, 1), ttft: level},
		"error rate":              {rules: plan.Stop{MaxErrorRate: 0.1}, outcome: failing(100, 200), ttft: level, why: "--max-error-rate 0.1", from: 11, to: 12},
		"what the user stopped":   {rules: plan.Stop{MaxErrors: 1}, outcome: func(int) record.Outcome { return record.Cancelled }, ttft: level},
		"duration":                {rules: plan.Stop{MaxDuration: 20 * time.Second}, outcome: all, ttft: level, why: "20 s are over", from: 20, to: 20.5},
		"known narrowly":          {rules: plan.Stop{Until: until("ttft_mean ±2%")}, outcome: all, ttft: level, why: "ttft_mean ±2%: known to", from: 2, to: 15},
		"not before its time":     {rules: plan.Stop{Until: until("ttft_mean ±2%"), MinDuration: 30 * time.Second}, outcome: all, ttft: level, why: "known to", from: 30, to: 33},
		"a percentile needs more": {rules: plan.Stop{Until: until("ttft_p99 ±50%")}, outcome: all, ttft: level, why: "known to", from: 36.8, to: 50},
		"a limit that is met":     {rules: plan.Stop{Until: until("ttft_p90 < 100ms")}, outcome: all, ttft: level, why: "is met: 0 of", from: 4, to: 6},
		"a limit that is missed":  {rules: plan.Stop{Until: until("ttft_p90 < 10ms")}, outcome: all, ttft: level, why: "is missed", from: 0, to: 2},
		"saturated":               {rules: plan.Stop{Saturated: true}, outcome: all, ttft: queue, why: "saturated", from: 30, to: 45},
		"not saturated":           {rules: plan.Stop{Saturated: true}, outcome: all, ttft: level},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan.Plan{}
			p.Load.Stop = c.rules
			var recs []*record.Record
			for i := range 600 { // ten a second
				recs = append(recs, ended(i, time.Duration(i)*100*time.Millisecond, c.ttft(i), c.outcome(i)))
			}
			at, why := newStopper(p).replayed(recs, record.Ending{End: record.Stamp(90 * time.Second)})
			if c.why == "" {
				if why != "" {
					t.Fatalf("stopped at %v: %s", time.Duration(at), why)
				}
				return
			}
			if s := time.Duration(at).Seconds(); !strings.Contains(why, c.why) || s < c.from || s > c.to {
				t.Errorf("stopped at %.1f s: %q, want %q from %v to %v s", s, why, c.why, c.from, c.to)
			}
		})
	}
}
