package setup

import (
	"strings"
	"testing"
)

func TestGenerations(t *testing.T) {
	for _, c := range []struct {
		why, name string
		want      generation
		fails     string
	}{
		{"left out", "", generation{profile: EngineV1, async: true}, ""},
		{"of today", "vllm", generation{profile: EngineV1, async: true}, ""},
		{"a profile", "vllm-v0-2024", generation{profile: EngineV02024, async: false}, ""},
		{"the first that is known", "vllm-0.5", generation{profile: EngineV02024, async: false}, ""},
		{"with a patch", "vllm-0.7.3", generation{profile: EngineV02024, late: true}, ""},
		{"with a post-release", "vllm-0.6.6.post1", generation{profile: EngineV02024, late: true}, ""},
		{"the first of V1", "vllm-0.8", generation{profile: EngineV1, async: false}, ""},
		{"the last that waits for a step", "vllm-v0.13.2", generation{profile: EngineV1, async: false}, ""},
		{"the first that schedules ahead", "vllm-0.14", generation{profile: EngineV1, async: true}, ""},
		{"later ones", "vllm-0.33", generation{profile: EngineV1, async: true}, ""},
		{"before all measurements", "vllm-0.4", generation{}, "want vllm-0.5 or later"},
		{"another engine", "sglang", generation{}, "want one of vllm-v1"},
		{"no minor", "vllm-0", generation{}, "want one of"},
		{"no number", "vllm-0.x", generation{}, "want one of"},
		{"a major that is not there", "vllm-1.2", generation{}, "want one of"},
	} {
		got, err := generationOf(c.name)
		if c.fails == "" && (err != nil || got != c.want) || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%s: %q: got %v, %v; want %v, %q", c.why, c.name, got, err, c.want, c.fails)
		}
	}
	b, err := Setup{Model: "llama-3-8b", GPU: "a10g", Engine: "vllm-0.10"}.Build()
	if err != nil || *b.Setup.Async || b.Setup.Engine != EngineV1 || b.Setup.Version != "vllm-0.10" || !strings.Contains(strings.Join(b.Notes, "\n"), "engine vllm-0.10") {
		t.Errorf("built: %+v, %v", b, err)
	}
}
