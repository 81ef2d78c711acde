package light

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tokmeter/internal/model/replay"
	"tokmeter/internal/model/setup"
)

// measuredTrace is a run of vLLM 0.19 on an RTX 4090 (LLMServingSim, MIT License,
// Copyright (c) 2024 CASYS Lab at KAIST).
const measuredTrace = "../replay/testdata/rtx4090-llama-3.1-8b/requests.jsonl"

// TestTrace: a real engine is slower than the limit in every respect, and the
// page says by how much.
func TestTrace(t *testing.T) {
	f, err := os.Open(measuredTrace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	file, err := replay.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	var reqs []Request
	for i, a := range file.Arrivals {
		m := file.Measured[i]
		reqs = append(reqs, Request{At: a.At, Prompt: a.Prompt, Output: a.Output, TTFT: m.TTFT, TPOT: m.TPOT, E2EL: m.E2EL})
	}
	l := build(t, setup.Setup{Model: "llama-3.1-8b", GPU: "rtx-4090", Precision: "bf16", Blocks: 2588, MaxModelLen: 32768})
	v := l.Judge(reqs, Evidence{Counted: true, FromQueue: file.FromQueue})
	if len(v.Below) > 0 || v.BelowAlone > 0 || v.NoLoad != "" {
		t.Errorf("a real run is below the limit: %q, %d requests alone, no load: %q", v.Below, v.BelowAlone, v.NoLoad)
	}
	for name, x := range map[string]float64{"TTFT": v.OverLoad.TTFT, "TPOT": v.OverLoad.TPOT, "E2EL": v.OverLoad.E2EL} {
		if x < 1.1 || x > 1.5 {
			t.Errorf("measured ÷ limit of %s is %.3f, want a good engine's 1.1 to 1.5", name, x)
		}
	}
	page, err := os.ReadFile(lightPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("| %s, %.2f | %.2f, %.2f |", thousands(v.Load.TTFT.Mean), v.Load.TPOT.Mean, v.OverLoad.TTFT, v.OverLoad.TPOT),
		fmt.Sprintf("%.0f %% of the memory bandwidth", 100*v.BandwidthUse),
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%s does not say %q", lightPage, want)
		}
	}
}

// thousands writes a number of up to six digits as people do.
func thousands(x float64) string {
	s := fmt.Sprintf("%.0f", x)
	if len(s) < 4 {
		return s
	}
	return s[:len(s)-3] + "," + s[len(s)-3:]
}
