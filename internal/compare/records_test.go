package compare_test

import (
	"math"
	"testing"

	"tokmeter/internal/compare"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// answered is a successful request with a token at each of the moments, in ms
// after sending.
func answered(index int, sent record.Stamp, tokens ...record.Stamp) *record.Record {
	const ms = record.Stamp(1e6)
	r := &record.Record{
		Index: index, Released: sent * ms, Outcome: record.OK, WantPrompt: 10, CachedTokens: 3,
		PromptTokens: record.Count{N: 12, From: record.FromUsage},
		OutputTokens: record.Count{N: len(tokens), From: record.FromUsage}, UsageAlone: true,
	}
	r.Sent, r.Status, r.Framed = sent*ms, 200, true
	r.Bare = []record.Stamp{(sent + tokens[0] - 2) * ms} // the event with the role, which vLLM's client counts
	for _, at := range tokens {
		r.Events = append(r.Events, (sent+at)*ms)
	}
	r.FirstToken, r.LastToken = r.Events[0], r.Events[len(tokens)-1]
	r.Done = r.LastToken
	return r
}

// TestFromRecords: means of the run are those of its report, as tokmeter counts
// and as vLLM's client does.
func TestFromRecords(t *testing.T) {
	lost := &record.Record{Index: 3, Released: 402e6, Outcome: record.Timeout, WantPrompt: 7}
	lost.Sent = 402e6
	recs := []*record.Record{answered(2, 300, 40, 57, 63), lost, answered(0, 105, 10, 30, 61), answered(1, 201, 20)}
	for _, compat := range []string{"", "vllm"} {
		p := plan.Plan{}
		p.Compat = compat
		pass := record.PassOf(recs...)
		s, err := metrics.Summarize(pass, record.Ending{End: 2000e6}, p)
		if err != nil {
			t.Fatal(err)
		}
		r, err := compare.FromRecords(pass, metrics.ViewOf(p), s)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Requests) != 4 || r.Seconds != 2 || r.PeakOpen != s.PeakConcurrency {
			t.Fatalf("compat %q: got %+v", compat, r)
		}
		for id, of := range map[metrics.ID]func(compare.Request) float64{
			metrics.TTFT: func(q compare.Request) float64 { return q.TTFT },
			metrics.TPOT: func(q compare.Request) float64 { return q.TPOT },
			metrics.E2EL: func(q compare.Request) float64 { return q.E2EL },
		} {
			sum, n := 0.0, 0
			for i, q := range r.Requests {
				if q.Index != i || q.OK != (i < 3) {
					t.Fatalf("compat %q: request %d is %+v", compat, i, q)
				}
				if v := of(q); !math.IsNaN(v) {
					sum, n = sum+v, n+1
				}
			}
			if d := s.Dists[id]; n != d.N || math.Abs(sum/float64(n)-d.Mean) > 1e-9*d.Mean {
				t.Errorf("compat %q: %s: got %v of %d, the report has %v of %d", compat, id, sum/float64(n), n, d.Mean, d.N)
			}
		}
		if q := r.Requests[0]; q.Prompt != 12 || q.Output != 3 || q.Cached != 3 || q.Sent != 105 {
			t.Errorf("compat %q: got %+v", compat, q)
		}
	}
}
