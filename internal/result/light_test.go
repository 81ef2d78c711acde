package result

import (
	"encoding/json"
	"strings"
	"testing"

	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// TestLightAgain: what a run directory's names no longer find is a warning and
// not the end of a report.
func TestLightAgain(t *testing.T) {
	for why, kept := range map[string]string{
		"the card's file is gone": `{"setup": {"Model": "llama-3-8b", "GPU": "/nowhere/card.yaml"}, "named": true}`,
		"nonsense":                `[1]`,
		"the model is gone":       `{"setup": {"Model": "/nowhere"}}`,
	} {
		s := metrics.Summary{Completed: 1}
		w, err := addLight(&s, nil, plan.Plan{}, json.RawMessage(kept))
		if err != nil || w == nil || w.Code != "limit" || strings.Contains(w.Text, "\n") || s.Limit != nil {
			t.Errorf("%s: got %+v", why, w)
		}
	}
	s := metrics.Summary{Completed: 1}
	if w, err := addLight(&s, nil, plan.Plan{}, nil); w != nil || err != nil {
		t.Errorf("a run without a limit: got %+v", w)
	}
}

// FuzzLight: whatever run.json holds as its limit, a report goes on.
func FuzzLight(f *testing.F) {
	f.Add(`{"setup": {"Model": "llama-3-8b", "GPU": "a10g", "Precision": "int4", "TP": 2}, "named": true}`)
	f.Add(`{"setup": {"Model": "llama-3-8b", "GPU": "a10g", "Blocks": -1, "MaxModelLen": 1073741824, "MemoryUtilization": 1e-9}}`)
	f.Add(`{"setup": {"Model": "gpt-oss-20b", "GPU": "t4", "Acceptance": [2], "Constants": 7}}`)
	f.Add(`{"setup": {"Model": "qwen3-8b"}}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, kept string) {
		if strings.ContainsAny(kept, "/\\.") {
			t.Skip("paths are the reader's own files")
		}
		r := &record.Record{Outcome: record.OK, FirstToken: 2e8, LastToken: 9e8, OutputTokens: record.Count{N: 9, From: record.FromUsage}, PromptTokens: record.Count{N: 20, From: record.FromUsage}}
		r.Sent = 1e8
		s := metrics.Summary{Completed: 1}
		if _, err := addLight(&s, record.PassOf(r), plan.Plan{}, json.RawMessage(kept)); err != nil {
			t.Fatal(err)
		}
		if s.Limit != nil && (s.Limit.Requests != 1 || s.Limit.Alone.TTFT.Mean <= 0) {
			t.Fatalf("%s: got the limit %+v", kept, s.Limit)
		}
	})
}
