package result

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/metrics"
	"tokmeter/internal/model/light"
	"tokmeter/internal/record"
)

var update = flag.Bool("update", false, "write the golden files")

// check compares got with a golden file.
func check(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// flat has a line for each value of a JSON object.
func flat(at string, v any) string {
	var b strings.Builder
	switch v := v.(type) {
	case Fields:
		for _, f := range v {
			b.WriteString(flat(at+"/"+f.Key, f.Value))
		}
	case []any:
		for i, x := range v {
			b.WriteString(flat(fmt.Sprintf("%s/%d", at, i), x))
		}
	default:
		fmt.Fprintf(&b, "%s: %v\n", at, v)
	}
	return b.String()
}

// shown is all that a section says.
func shown(t *testing.T, p part, r *Result) string {
	t.Helper()
	s, err := p.make(r)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, line := range s.Short {
		fmt.Fprintf(&b, "%s: %s\n", s.Label, line)
	}
	if s.Text != nil {
		b.WriteString("---\n")
		s.Text(&b)
	}
	b.WriteString("---\n" + flat("", s.JSON))
	for _, w := range s.Warnings {
		fmt.Fprintf(&b, "warning %s: %s\n", w.Code, w.Text)
	}
	return b.String()
}

// limited is a run of which the speed of light is known, and is beaten.
func limited() *light.Verdict {
	return &light.Verdict{
		Model: "llama-3-8b", GPU: "a10g", Precision: "int4", KV: "fp8", TP: 2, Policy: "vLLM V1", Requests: 10,
		Alone: light.Latencies{
			TTFT: light.Spread{Mean: 60, P50: 55, P90: 90, P99: 120},
			TPOT: light.Spread{Mean: 25, P50: 25, P90: 26, P99: 27},
			E2EL: light.Spread{Mean: 400, P50: 390, P90: 600, P99: 800},
		},
		Load: light.Latencies{
			TTFT: light.Spread{Mean: 69, P50: 60, P90: 110, P99: 209},
			TPOT: light.Spread{Mean: 26.3, P50: 26.1, P90: 28, P99: 29.3},
			E2EL: light.Spread{Mean: 450, P50: 440, P90: 700, P99: 900},
		},
		OverAlone: light.Ratios{TTFT: 1.77, TPOT: 0.9, E2EL: 1.2}, OverLoad: light.Ratios{TTFT: 1.54, TPOT: 0.86, E2EL: 1.1},
		BandwidthUse: 0.609, FlopUse: 0.12, TTFTBound: "compute", TPOTBound: "weights",
		RoundTripMs: 0.2, TokensPerStep: 1.8, CachedTokens: 40, BelowAlone: 2,
		Below:  []string{"the mean TPOT is 0.90 of its limit on an empty server"},
		Causes: []string{"another card"}, Unconfirmed: []string{"memory", "link"},
	}
}

// TestSections: what a section says in a line, in its text and in the result
// file.
func TestSections(t *testing.T) {
	late := metrics.Simulator{
		Setup: "llama-3-8b int4 on a10g, vllm-v1", Constants: "measured", Unconfirmed: []string{"a10g memory", "host"}, Elsewhere: true,
		Steps: 61, First: metrics.Lateness{P50: 0.1, P99: 21, Max: 23}, Last: metrics.Lateness{P50: 0.3, P99: 20, Max: 24}, Slipped: 2,
	}
	for _, c := range []struct {
		file, why string
		part      part
		r         Result
	}{
		{"light.txt", "a limit that is beaten", speedOfLight(), Result{Summary: metrics.Summary{Limit: limited(), Dists: map[metrics.ID]metrics.Dist{metrics.TTFT: {Mean: 106.5}}}}},
		{"light-noload.txt", "a load that the engine can't serve has no limit and says why", speedOfLight(), Result{Summary: metrics.Summary{Limit: unserved()}}},
		{"light-implied.txt", "without a card there is the line of what is implied", speedOfLight(), Result{Summary: metrics.Summary{Implied: &light.Implication{Model: "m", Precision: "fp16", TPOTMs: 42.52, Batch: 1, Bandwidth: 353, Text: "a TPOT of 42.52 ms implies at least 353 GB/s"}}}},
		{"light-unknown.txt", "nothing is said where nothing is known", speedOfLight(), Result{}},
		{"dataset.txt", "entries that were kept, dropped and repeated", dataset(), Result{Head: record.Head{Workload: &record.Workload{
			Entries: 10, Kept: 4, Dropped: record.Drops{{Reason: "fewer than two turns", N: 5}}, Unused: 1, Oversampled: 2, Unique: 4,
		}}}},
		{"dataset-made.txt", "prompts that are made have no entries", dataset(), Result{Head: record.Head{Workload: &record.Workload{Requests: 7, Unique: 7}}}},
		{"simulator.txt", "a simulator that was late", simulator(), Result{Summary: metrics.Summary{Simulated: true, Simulator: &late, Dists: map[metrics.ID]metrics.Dist{metrics.ITL: {N: 9, Median: 13}}}}},
		{"simulator-silent.txt", "a simulator that does not say what it is", simulator(), Result{Summary: metrics.Summary{Simulated: true}}},
		{"client.txt", "a client with stamps from the kernel", client(), Result{Summary: metrics.Summary{
			Clock: "mixed", ClockSteps: 2, Replaced: 1, Dists: map[metrics.ID]metrics.Dist{metrics.ClientLag: {N: 3, P50: 0.01, P99: 0.2, Max: 0.3}, metrics.Late: {N: 3, P50: 0.1, P99: 1, Max: 1.5}},
		}}},
		{"client-blind.txt", "what is not known is left out", client(), Result{Summary: metrics.Summary{Clock: "none"}}},
		{"speculation.txt", "a server that speculates", speculation(), Result{Summary: metrics.Summary{Speculation: &metrics.Speculation{Drafts: 40, DraftTokens: 120, Accepted: 60, Rate: 50, Length: 2.5, PerPosition: []float64{0.75, 0.5}}}}},
	} {
		t.Run(c.file, func(t *testing.T) { check(t, c.file, c.why+"\n"+shown(t, c.part, &c.r)) })
	}
}

// unserved is a run that the engine could never serve as a whole.
func unserved() *light.Verdict {
	l := limited()
	l.NoLoad, l.Load, l.OverLoad = "request 3 is too\nlong", light.Latencies{}, light.Ratios{}
	return l
}

// TestCompatSaysNothing: under compat no section but vLLM's own has anything to
// say, beside that the server was simulated.
func TestCompatSaysNothing(t *testing.T) {
	for _, p := range parts() {
		r := &Result{Summary: metrics.Summary{
			Compat: true, Simulated: true, Simulator: &metrics.Simulator{Setup: "x"}, Limit: limited(),
			Failures: []metrics.Failure{{N: 1}}, Warnings: []metrics.Warning{{Code: "late"}},
		}, Head: record.Head{Workload: &record.Workload{Entries: 1}}}
		s, err := p.make(r)
		if err != nil {
			t.Fatal(err)
		}
		if want := p.ID == "simulator"; s.Text != nil || s.Short != nil || len(s.JSON) > 0 != want {
			t.Errorf("%s: got %+v", p.ID, s)
		}
	}
}

// TestLabels: no line of a section begins as a row of vLLM's block does, so that
// a search for a label finds vLLM's number alone.
func TestLabels(t *testing.T) {
	dist := metrics.Dist{N: 9, Mean: 1, Median: 1, P99: 1, Percentiles: []metrics.Percentile{{P: 99, Value: 1}}}
	dists := map[metrics.ID]metrics.Dist{}
	for _, d := range metrics.Latencies() {
		dists[d.ID] = dist
	}
	for _, p := range parts() {
		r := &Result{Summary: metrics.Summary{
			Dists: dists, Limit: limited(), Simulated: true, Simulator: &metrics.Simulator{}, Steady: &metrics.Steady{},
			Failures: []metrics.Failure{{N: 1, Outcome: record.Reset}},
		}, Head: record.Head{Workload: &record.Workload{Entries: 1}}}
		text := shown(t, p, r)
		for _, d := range metrics.Latencies() {
			if !d.VLLM {
				continue
			}
			for _, statistic := range []string{"Mean ", "Median ", "P99 "} {
				if label := statistic + d.Name; strings.Contains(text, label) {
					t.Errorf("%s has vLLM's label %q:\n%s", p.ID, label, text)
				}
			}
		}
	}
}

// TestUnits: a key that ends in a unit has a number.
func TestUnits(t *testing.T) {
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case Fields:
			for _, f := range v {
				for _, unit := range []string{"_ms", "_s", "_ns", "_gb"} {
					_, whole := f.Value.(int)
					_, number := f.Value.(float64)
					if strings.HasSuffix(f.Key, unit) && !whole && !number {
						t.Errorf("%s/%s has no number: %v", at, f.Key, f.Value)
					}
				}
				walk(at+"/"+f.Key, f.Value)
			}
		case []any:
			for _, x := range v {
				walk(at, x)
			}
		}
	}
	for _, p := range parts() {
		for _, s := range []metrics.Summary{
			{}, {Simulated: true},
			{Limit: limited(), Implied: &light.Implication{}, Simulated: true, Simulator: &metrics.Simulator{}, Steady: &metrics.Steady{}, Failures: []metrics.Failure{{}}},
			{Limit: unserved(), Speculation: &metrics.Speculation{}, Diffusion: &metrics.Diffusion{}},
		} {
			made, err := p.make(&Result{Summary: s})
			if err != nil {
				t.Fatal(err)
			}
			walk(p.ID, made.JSON)
		}
	}
}

// TestLabelsAreDocumented: docs/reading-a-result.md has every label, and no
// other.
func TestLabelsAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reading-a-result.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## The lines below it")
	table, _, _ = strings.Cut(table, "## ")
	documented := map[string]bool{}
	for line := range strings.Lines(table) {
		if _, rest, ok := strings.Cut(line, "| `"); ok {
			name, _, _ := strings.Cut(rest, ":`")
			documented[name] = true
		}
	}
	dists := map[metrics.ID]metrics.Dist{}
	for _, d := range metrics.Latencies() {
		dists[d.ID] = metrics.Dist{N: 1}
	}
	r := &Result{Summary: metrics.Summary{
		Dists: dists, Limit: limited(), Simulated: true, Simulator: &metrics.Simulator{}, Steady: &metrics.Steady{},
		Failures: []metrics.Failure{{N: 1}}, Warnings: []metrics.Warning{{Code: "late"}},
	}, Head: record.Head{Workload: &record.Workload{Entries: 1}}}
	for _, p := range parts() {
		s, err := p.make(r)
		if err != nil {
			t.Fatal(err)
		}
		if s.Short != nil && !documented[s.Label] {
			t.Errorf("docs/reading-a-result.md has no `%s:`", s.Label)
		}
		delete(documented, s.Label)
	}
	for name := range documented {
		t.Errorf("docs/reading-a-result.md has `%s:`, which no section says", name)
	}
}
