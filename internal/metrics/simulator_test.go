package metrics_test

import (
	"encoding/json"
	"reflect"
	"strings"
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

// TestSimulatorJSON: lateness has the same names in a run directory and in what the
// simulator tells.
func TestSimulatorJSON(t *testing.T) {
	want := metrics.Simulator{
		Setup: "x", Steps: 9, First: metrics.Lateness{P50: 1, P99: 2, Max: 3}, Last: metrics.Lateness{P50: 4, P99: 5, Max: 6},
		Overrun: metrics.Lateness{P50: 7, P99: 8, Max: 9}, Slipped: 1,
	}
	written, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for why, text := range map[string]string{
		"as it is written":           string(written),
		"as the simulator tells it":  `{"setup": "x", "steps": 9, "first_late": {"p50_ms": 1, "p99_ms": 2, "max_ms": 3}, "last_late": {"p50_ms": 4, "p99_ms": 5, "max_ms": 6}, "overrun": {"p50_ms": 7, "p99_ms": 8, "max_ms": 9}, "slipped": 1, "slipped_ms": 0}`,
		"a name that nobody expects": strings.Replace(string(written), "{", `{"more": [1], `, 1),
	} {
		var got metrics.Simulator
		if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v and %v from %s", why, got, err, text)
		}
	}
	if err := json.Unmarshal([]byte(`{"steps": "many"}`), new(metrics.Simulator)); err == nil {
		t.Error("a word was taken for a number of steps")
	}
}
