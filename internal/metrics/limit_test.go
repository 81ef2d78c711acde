package metrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/metrics"
	"tokmeter/internal/model/light"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// TestServedOf: what the speed of light is told of each request.
func TestServedOf(t *testing.T) {
	const ms = record.Stamp(time.Millisecond)
	full := func() *record.Record {
		r := &record.Record{
			Index: 1, Outcome: record.OK, FirstToken: 150 * ms, LastToken: 350 * ms,
			PromptTokens: record.Count{N: 40, From: record.FromUsage}, OutputTokens: record.Count{N: 5, From: record.FromUsage}, CachedTokens: 16,
		}
		r.Dialed, r.Connected, r.Sent = 90*ms, 92*ms, 100*ms
		return r
	}
	want := light.Request{At: 0.1, TTFT: 0.05, E2EL: 0.25, TPOT: 0.05, Connect: 0.002, Prompt: 40, Output: 5, Cached: 16}
	for _, c := range []struct {
		why    string
		change func(*record.Record, *plan.Plan)
		want   func(*light.Request) // nil: the request does not count
	}{
		{"a whole one", func(*record.Record, *plan.Plan) {}, func(*light.Request) {}},
		{"a failed one is not known to the engine's end", func(r *record.Record, _ *plan.Plan) { r.Outcome = record.CutShort }, nil},
		{"one token has no TPOT", func(r *record.Record, _ *plan.Plan) { r.OutputTokens.N, r.LastToken = 1, r.FirstToken },
			func(s *light.Request) { s.Output, s.TPOT, s.E2EL = 1, 0, 0.05 }},
		{"a kept-alive connection shows no round trip", func(r *record.Record, _ *plan.Plan) { r.Dialed, r.Connected = 0, 0 },
			func(s *light.Request) { s.Connect = 0 }},
		{"TLS takes more than a round trip", func(_ *record.Record, p *plan.Plan) { p.Target.BaseURL = "https://h" },
			func(s *light.Request) { s.Connect = 0 }},
	} {
		r, p := full(), plan.Plan{}
		c.change(r, &p)
		var all []light.Request
		if c.want != nil {
			s := want
			c.want(&s)
			all = append(all, s)
		}
		near := cmp.Comparer(func(a, b float64) bool { return a-b < 1e-12 && b-a < 1e-12 })
		got, err := metrics.ServedOf(record.PassOf(r), p)
		if diff := cmp.Diff(all, got, near); diff != "" || err != nil {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
}

// TestLimitWarnings: a limit is a warning where it is beaten alone.
func TestLimitWarnings(t *testing.T) {
	s := metrics.Summary{Limit: &light.Verdict{GPU: "a10g"}}
	if w := s.LimitWarnings(); w != nil {
		t.Fatalf("a limit that is kept: got %+v", w)
	}
	s.Limit = &light.Verdict{GPU: "a10g", Below: []string{"x is fast", "y is too"}, Causes: []string{"one", "another"}}
	s.Warnings = s.LimitWarnings()
	if len(s.Warnings) != 1 || s.Warnings[0].Code != metrics.WarnBelowLimit {
		t.Fatalf("a limit that is beaten: got %+v", s.Warnings)
	}
	for _, want := range []string{"x is fast; y is too", "a10g", "one; another"} {
		if !strings.Contains(s.Warnings[0].Text, want) {
			t.Errorf("the warning %q does not say %q", s.Warnings[0].Text, want)
		}
	}
}
