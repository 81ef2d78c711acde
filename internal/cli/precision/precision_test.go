package precision

import (
	"slices"
	"testing"

	"tokmeter/internal/experiment"
)

// TestBenchFlags: what a variant or the experiment says is no flag for all of
// them, and no flag has two meanings.
func TestBenchFlags(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range precisionTable() {
		if seen[f.Name] {
			t.Errorf("--%s is there twice", f.Name)
		}
		seen[f.Name] = true
	}
	for name, want := range map[string]bool{"dataset-path": true, "request-rate": true, "seed": true, "model": false, "record-dir": false, "config": false} {
		if slices.Contains(benchNames(), name) != want {
			t.Errorf("--%s: want %v", name, want)
		}
	}
}

// TestOutcome: which failures make the command fail.
func TestOutcome(t *testing.T) {
	for _, row := range []struct {
		why      string
		failures []string // of baseline and others
		fails    bool
	}{
		{"all went well", []string{"", ""}, false},
		{"one variant alone is a measurement", []string{""}, false},
		{"the others have their results", []string{"", "x", ""}, false},
		{"nothing to compare with", []string{"x", ""}, true},
		{"nothing to compare", []string{"", "x"}, true},
	} {
		res := &experiment.Result{}
		for i, f := range row.failures {
			res.Variants = append(res.Variants, experiment.VariantResult{Name: string(rune('a' + i)), Failure: f})
		}
		if err := outcome(res, "a"); (err != nil) != row.fails {
			t.Errorf("%s: got %v", row.why, err)
		}
	}
}
