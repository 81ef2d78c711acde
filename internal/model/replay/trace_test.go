package replay

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

const tracePath = "testdata/rtx4090-llama-3.1-8b/requests.jsonl"

func readTrace(t testing.TB) *File {
	t.Helper()
	r, err := os.Open(tracePath)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := Read(r)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func replayTrace(t testing.TB, f *File, s setup.Setup) *Summary {
	t.Helper()
	s.Model, s.GPU = "llama-3.1-8b", "rtx4090"
	b := build(t, s)
	return Summarize(b, f, replayed(t, b, f.Arrivals, Options{}))
}

// TestTrace holds the replay of 300 requests that were measured on a real vLLM
// 0.19 to its bounds, and logs the table of docs/simulator.md.
func TestTrace(t *testing.T) {
	f := readTrace(t)
	if len(f.Arrivals) != 300 || len(f.Measured) != 300 || !f.FromQueue {
		t.Fatalf("%d requests, %d measured, from the queue: %v; want 300, 300, true", len(f.Arrivals), len(f.Measured), f.FromQueue)
	}
	no, ms := false, 1.0
	page := newTable(t, "trace",
		"| constants | TTFT error: mean / P50 / P99 % | TPOT | E2EL | E2EL of single requests, mean of absolute errors % | preemptions |",
		"|--|--|--|--|--|--|")
	row := func(name string, s *Summary) {
		e := s.Error
		page.add("| %s | %+.1f / %+.1f / %+.1f | %+.1f / %+.1f / %+.1f | %+.1f / %+.1f / %+.1f | %.1f | %d |", name,
			e.TTFT.Mean, e.TTFT.P50, e.TTFT.P99, e.TPOT.Mean, e.TPOT.P50, e.TPOT.P99, e.E2EL.Mean, e.E2EL.P50, e.E2EL.P99, *s.RequestErrorP, s.Preemptions)
	}
	got := replayTrace(t, f, setup.Setup{})
	row("measured", got)
	row("datasheet alone", replayTrace(t, f, setup.Setup{Constants: roofline.Datasheet}))
	row("measured, synchronous, no host time", replayTrace(t, f, setup.Setup{Async: &no, HostMs: new(float64)}))
	row("measured, synchronous, 1 ms of host", replayTrace(t, f, setup.Setup{Async: &no, HostMs: &ms}))
	row("none: speed of light", replayTrace(t, f, setup.Setup{Constants: roofline.Ideal}))
	page.check()
	if got.Engine.KVBlocks != 2588 || got.Engine.MaxBatchedTokens != 2048 || got.Engine.MaxSeqs != 256 {
		t.Errorf("engine is %+v, want the trace's 2,588 blocks, 2,048 tokens and 256 requests", got.Engine)
	}
	for _, c := range []struct {
		name      string
		of        Deviation
		mean, p99 float64
	}{{"TTFT", got.Error.TTFT, 3, 6}, {"TPOT", got.Error.TPOT, 3, 6}, {"E2EL", got.Error.E2EL, 3, 6}} {
		if e := float64(c.of.Mean); !(math.Abs(e) <= c.mean) {
			t.Errorf("mean %s is off by %+.2f %%, at most %v %% is promised", c.name, e, c.mean)
		}
		if e := float64(c.of.P99); !(math.Abs(e) <= c.p99) {
			t.Errorf("P99 %s is off by %+.2f %%, at most %v %% is promised", c.name, e, c.p99)
		}
	}
}

// The text says that it is simulated and shows measurement and error.
func TestSummaryText(t *testing.T) {
	var b strings.Builder
	if err := replayTrace(t, readTrace(t), setup.Setup{}).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"simulated: llama-3.1-8b", "2588 KV blocks", "measured", "error %", "note: TTFT and E2EL count from the engine's queue"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

// The JSON has the keys that are promised, and null where there is nothing: a
// request of one token has no time per token.
func TestSummaryJSON(t *testing.T) {
	b := build(t, setup.Setup{})
	f := &File{Format: "requests", Arrivals: []Arrival{{ID: "a", Prompt: 10, Output: 1}}}
	text, err := json.Marshal(Summarize(b, f, replayed(t, b, f.Arrivals, Options{})))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		TTFT, TPOT, E2EL map[string]*float64
		Simulated        bool
		Requests         int
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !got.Simulated || got.Requests != 1 {
		t.Errorf("simulated %v, %d requests; want true, 1", got.Simulated, got.Requests)
	}
	for _, k := range []string{"mean_ms", "p50_ms", "p90_ms", "p99_ms"} {
		v, ok := got.TPOT[k]
		if got.TTFT[k] == nil || got.E2EL[k] == nil || v != nil || !ok || *got.TTFT[k] != *got.E2EL[k] {
			t.Errorf("%s: want TTFT = E2EL and TPOT null in\n%s", k, text)
		}
	}
	if n := len(got.TTFT); n != 4 {
		t.Errorf("ttft has %d keys, want mean, p50, p90 and p99", n)
	}
}

// Errors are over the requests that were measured alone.
func TestCompare(t *testing.T) {
	b := build(t, setup.Setup{})
	f := &File{Arrivals: []Arrival{{ID: "a", Prompt: 10, Output: 5}, {ID: "b", At: 9, Prompt: 900, Output: 50}}}
	r := replayed(t, b, f.Arrivals, Options{})
	nan := math.NaN()
	f.Measured = []Measured{{2 * r.Timings[0].TTFT(), r.Timings[0].TPOT() / 2, nan}, {nan, nan, nan}}
	e := Summarize(b, f, r).Error
	if math.Abs(float64(e.TTFT.Mean)+50) > 1e-9 || math.Abs(float64(e.TPOT.P99)-100) > 1e-9 || !math.IsNaN(float64(e.E2EL.Mean)) {
		t.Errorf("errors are %+v, want -50 %% of TTFT, +100 %% of TPOT and none of E2EL", e)
	}
	f.Measured = nil
	if s := Summarize(b, f, r); s.Error != nil || s.Measured != nil {
		t.Errorf("nothing was measured, but errors are %+v", s.Error)
	}
}
