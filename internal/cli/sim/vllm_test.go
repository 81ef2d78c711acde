package sim

import (
	"slices"
	"strings"
	"testing"
)

// TestServeLines: command lines of vllm serve, as continuous integration and
// recipes have them, are taken, and what counts for nothing is named once.
func TestServeLines(t *testing.T) {
	for _, row := range []struct{ line, nothing, slower string }{
		{"--tensor-parallel-size 1 --disable-log-stats --disable-log-requests --load-format dummy", "--disable-log-requests --disable-log-stats --load-format", ""},
		{"--trust-remote-code --distributed-executor-backend mp --max-model-len 4096", "--distributed-executor-backend --trust-remote-code", ""},
		{"-tp 4 -pp 2 -dp=2 --swap-space 16", "", "--data-parallel-size --pipeline-parallel-size --swap-space"},
		{"--pipeline-parallel-size 1 --data-parallel-size 1", "", ""},
		{"-O3 --enforce-eager --no-enable-prefix-caching", "--compilation-config", ""},
		{"-O.cudagraph_mode=FULL --hf-overrides.a.b 1", "--compilation-config --hf-overrides", ""},
		{`--compilation-config {"level":3} --limit-mm-per-prompt image=2 --rope-scaling {"rope_type":"yarn"}`, "--compilation-config --limit-mm-per-prompt --rope-scaling", ""},
		{"--enable-lora --max-lora-rank 64 --max-loras 2 --lora-modules a=/x", "--max-lora-rank", ""},
		{"--enable-auto-tool-choice --tool-call-parser llama3_json --reasoning-parser qwen3 --api-key k", "--enable-auto-tool-choice --reasoning-parser", ""},
		{"--cudagraph-capture-sizes 1 2 4 --allowed-origins [\"*\"] --hf-token --uvicorn-log-level warning", "--allowed-origins --cudagraph-capture-sizes --hf-token --uvicorn-log-level", ""},
		{"--num-scheduler-steps 10 --use-v2-block-manager --kv-transfer-config {}", "--use-v2-block-manager", "--kv-transfer-config --num-scheduler-steps"},
		{"--gpu-memory-utilization 0.95 --block-size 16 --seed 1 --dtype auto --kv-cache-dtype fp8", "", ""},
	} {
		v := simValues(t, row.line)
		if err := v.Check(); err != nil {
			t.Errorf("%s: %v", row.line, err)
			continue
		}
		var nothing, slower string
		for _, n := range takenNotes(v) {
			names, rest, _ := strings.Cut(n, ": ")
			list := strings.Split(names, ", ")
			slices.Sort(list)
			if strings.HasPrefix(rest, "not simulated") {
				slower = strings.Join(list, " ")
			} else {
				nothing = strings.Join(list, " ")
			}
		}
		if nothing != row.nothing || slower != row.slower {
			t.Errorf("%s: got %q and %q, want %q and %q", row.line, nothing, slower, row.nothing, row.slower)
		}
	}
}

// TestTakenOnce: no flag stands in the table of sim twice.
func TestTakenOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range simTable() {
		if seen[f.Name] {
			t.Errorf("--%s stands twice", f.Name)
		}
		seen[f.Name] = true
	}
}
