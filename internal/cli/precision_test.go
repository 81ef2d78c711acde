package cli

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/engine"
	"tokmeter/internal/experiment"
	"tokmeter/internal/record"
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

// TestBoard: on a terminal one line is written over and leaves nothing; a
// thing that happened has a line of its own.
func TestBoard(t *testing.T) {
	env, _, stderr := fakeEnv()
	env.Now, env.StderrTTY = time.Now, true
	env.Stderr = &lockedWriter{w: stderr}
	b := newBoard(env, true)
	p := &record.Progress{}
	p.Total.Store(7)
	done := b.runs(experiment.Job{Kind: experiment.Measure, Variant: experiment.Variant{Name: "fp16"}}, p)
	progress, loaded := b.loads("int4")
	progress(engine.Progress{Stage: engine.Loading, Seconds: 3, Percent: 50, Line: "a\nb"})
	b.say("fp16", "first\nsecond")
	done()
	loaded()
	b.close()
	got := stderr.String()
	for _, want := range []string{"tokmeter: fp16: first; second\n", "fp16 0/7", "int4 loading weights, 3 s, 50 %: a; b"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
	if !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("got %q, want an empty line at the end", got)
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

// TestWatts: the power of one card, as its driver's tool prints it.
func TestWatts(t *testing.T) {
	for out, want := range map[string]float64{"61.35\n": 61.35, "": 0, "[N/A]\n": 0, "61.35\n70.10\n": 0, "-1": 0} {
		if w, ok := watts(out); ok != (want > 0) || ok && w != want {
			t.Errorf("%q: got %v, %v, want %v", out, w, ok, want)
		}
	}
}
