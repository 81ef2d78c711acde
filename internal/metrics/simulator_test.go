package metrics_test

import (
	"testing"

	"tokmeter/internal/metrics"
)

// TestSimulate: the simulator's lateness is kept, and is a warning where it is
// more than a twentieth of the gap between tokens.
func TestSimulate(t *testing.T) {
	tests := []struct {
		why  string
		x    metrics.Simulator
		warn bool
	}{
		{"the gap is 20 ms: 1 ms is not more than 5 %", metrics.Simulator{Steps: 9, First: metrics.Lateness{P99: 0.5}, Last: metrics.Lateness{P99: 1}}, false},
		{"the last write is later", metrics.Simulator{Steps: 9, Last: metrics.Lateness{P99: 1.01}}, true},
		{"set times have first writes alone", metrics.Simulator{Steps: 9, First: metrics.Lateness{P99: 1.01}}, true},
		{"the worst alone is no reason", metrics.Simulator{Steps: 9, Last: metrics.Lateness{P99: 0.1, Max: 50}}, false},
		{"without a step nothing was late", metrics.Simulator{Last: metrics.Lateness{P99: 5}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			p, end, recs := quiet(120)
			s := summarize(recs, end, p)
			s.Simulator = &tt.x
			w := s.SimulatorWarnings()
			warned := len(w) == 1 && w[0].Code == metrics.WarnSimulatorLate
			if warned != tt.warn {
				t.Errorf("got warnings %v, want a warning: %v", w, tt.warn)
			}
		})
	}
}
