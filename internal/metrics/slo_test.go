package metrics_test

import (
	"fmt"
	"math"
	"testing"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// TestSLOs: requests of 50 ms TTFT, 20 ms TPOT and 130 ms in all, of which some
// fail.
func TestSLOs(t *testing.T) {
	tests := []struct {
		why    string
		failed int // of 100
		goal   string
		met    bool
		value  float64
	}{
		{"at the limit", 0, "ttft_p99<50ms", true, 1},
		{"above it", 0, "ttft_p99<49.9ms", false, 0},
		{"a failed request is over every limit", 2, "ttft_p99<1s", false, 0.98},
		{"and counts like any other", 1, "ttft_p99<1s", true, 0.99},
		{"a mean", 0, "tpot_mean<20.1ms", true, 20},
		{"a mean with a failed request", 1, "tpot_mean<1s", false, 20},
		{"the whole of a request", 0, "e2el_median<129ms", false, 0},
		{"success", 5, "success>=95%", true, 0.95},
		{"too little success", 6, "success>=95%", false, 0.94},
		{"a rate", 0, "request_throughput>5", true, 100 / 12.},
		{"tokens", 0, "output_throughput>500", false, 500 / 12.},
		{"nothing succeeded", 100, "ttft_p1<1s", false, 0},
	}
	for _, tt := range tests {
		p, end, recs := quiet(100)
		for _, r := range recs[:tt.failed] {
			r.Outcome = record.Reset
		}
		var err error
		if p.SLOs, err = plan.ParseSLOs(tt.goal); err != nil {
			t.Fatal(err)
		}
		s := summarize(recs, end, p)
		if len(s.SLOs) != 1 {
			t.Fatalf("%s: %d results, want 1", tt.why, len(s.SLOs))
		}
		got := s.SLOs[0]
		if got.Met != tt.met || math.Abs(got.Value-tt.value) > 1e-6*tt.value {
			t.Errorf("%s: %s is met %v with %v, want %v with %v", tt.why, tt.goal, got.Met, got.Value, tt.met, tt.value)
		}
		if text := fmt.Sprint(got); text == "" {
			t.Errorf("%s: nothing is said", tt.why)
		}
	}
}
