package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/model/roofline"
)

// limits are the settings that follow from the card.
type limits struct{ Tokens, Seqs, Len, Blocks int }

// What vLLM's API server takes where nothing is set.
func TestDefaults(t *testing.T) {
	no := false
	for _, c := range []struct {
		why  string
		s    Setup
		want limits // 0 is not compared
	}{
		{"the card of the measured trace, whose blocks are known", Setup{Model: "llama-3.1-8b", GPU: "rtx4090"}, limits{2048, 256, 41392, 2588}},
		{"a small card", Setup{Model: "llama-3-8b", GPU: "a10g"}, limits{2048, 256, 8192, 0}},
		{"70 GiB and more", Setup{Model: "llama-3.1-8b", GPU: "h100"}, limits{8192, 1024, 131072, 0}},
		{"an A100 of 80 GB is not one of them", Setup{Model: "llama-3.1-8b", GPU: "a100-sxm-80"}, limits{2048, 256, 131072, 0}},
		{"160 GiB and more", Setup{Model: "llama-3.1-8b", GPU: "b200"}, limits{16384, 1024, 131072, 0}},
		{"a step holds the longest request of V0", Setup{Model: "llama-3-8b", GPU: "a10g", Engine: EngineV02024}, limits{8192, 256, 8192, 0}},
		{"V0 with short requests", Setup{Model: "llama-3-8b", GPU: "a10g", Engine: EngineV02024, MaxModelLen: 1024}, limits{2048, 256, 1024, 0}},
		{"without chunks a step holds the longest request", Setup{Model: "llama-3-8b", GPU: "a10g", ChunkedPrefill: &no}, limits{8192, 256, 8192, 0}},
		{"no more tokens than requests can have", Setup{Model: "llama-3-8b", GPU: "a10g", MaxSeqs: 2, MaxModelLen: 100}, limits{200, 2, 100, 0}},
		{"no more requests than tokens", Setup{Model: "llama-3-8b", GPU: "a10g", MaxBatchedTokens: 64}, limits{64, 64, 8192, 0}},
		{"blocks win over the card's memory", Setup{Model: "llama-3-8b", GPU: "a10g", Blocks: 101}, limits{2048, 256, 1600, 101}},
	} {
		b, err := c.s.Build()
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		got := limits{b.Sched.MaxBatchedTokens, b.Sched.MaxSeqs, b.Sched.MaxModelLen, b.Sched.Blocks}
		if c.want.Blocks == 0 {
			got.Blocks = 0
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", c.why, d)
		}
		if got := (limits{b.Setup.MaxBatchedTokens, b.Setup.MaxSeqs, b.Setup.MaxModelLen, b.Setup.Blocks}); b.Sched.Blocks != got.Blocks || b.Sched.MaxSeqs != got.Seqs {
			t.Errorf("%s: the setup says %v, the scheduler has %+v", c.why, got, b.Sched)
		}
	}
}

// What follows from the engine alone.
func TestEngines(t *testing.T) {
	type engine struct {
		Async, Prefix, Chunked bool
		Watermark              float64
		HTTP                   bool
	}
	base := Setup{Model: "llama-3-8b", GPU: "a10g"}
	yes := true
	for _, c := range []struct {
		why    string
		change func(*Setup)
		want   engine
	}{
		{"V1", func(*Setup) {}, engine{true, true, true, 0, true}},
		{"V0 of mid-2024", func(s *Setup) { s.Engine = EngineV02024 }, engine{false, false, false, 0.01, true}},
		{"speculation decides when it knows what was accepted", func(s *Setup) { s.Acceptance = []float64{0.7} }, engine{false, true, true, 0, true}},
		{"the speed of light has no host to hide and no HTTP", func(s *Setup) { s.Constants, s.Async = roofline.Ideal, &yes }, engine{false, true, true, 0, false}},
	} {
		s := base
		c.change(&s)
		b, err := s.Build()
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
			continue
		}
		got := engine{b.Sched.Async, b.Sched.PrefixCaching, b.Sched.ChunkedPrefill, b.Sched.Watermark, b.FrontendOf(100) > 0}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", c.why, d)
		}
	}
}

// Each setting that cannot be has its line, named as its flag.
func TestRefuses(t *testing.T) {
	ok := Setup{Model: "llama-3-8b", GPU: "a10g"}
	yes, ms := true, -1.0
	for _, c := range []struct {
		why    string
		change func(*Setup)
		want   []string // in this order
	}{
		{"nothing named", func(s *Setup) { *s = Setup{} }, []string{"--model: ", "--gpu: "}},
		{"unknown names", func(s *Setup) { s.Model, s.GPU = "llama-9", "a11g" }, []string{"--model: ", "--gpu: "}},
		{"unknown words", func(s *Setup) { s.Precision, s.KV, s.Engine, s.Policy = "int3", "int4", "vllm-v9", "lifo" },
			[]string{"--precision", "--kv-cache-dtype", "--engine", "--scheduling-policy"}},
		{"numbers below 0", func(s *Setup) { s.Blocks, s.MaxSeqs, s.MaxBatchedTokens, s.HostMs = -1, -1, -1, &ms },
			[]string{"--num-gpu-blocks-override", "--max-num-seqs", "--max-num-batched-tokens", "--host-ms"}},
		{"shares above 1", func(s *Setup) { s.MemoryUtilization, s.Watermark = 1.5, 1 }, []string{"--gpu-memory-utilization", "--watermark"}},
		{"chances above 1", func(s *Setup) { s.Acceptance = []float64{0.5, 1.5} }, []string{"draft 2"}},
		{"longer than the model", func(s *Setup) { s.MaxModelLen = 10000 }, []string{"--max-model-len 10000"}},
		{"longer than the cache", func(s *Setup) { s.MaxModelLen, s.Blocks = 4096, 10 }, []string{"--max-model-len 4096: the KV cache holds 144 tokens"}},
		{"a cache of nothing", func(s *Setup) { s.Blocks = 1 }, []string{"--num-gpu-blocks-override 1"}},
		{"less than a token for each", func(s *Setup) { s.MaxSeqs, s.MaxBatchedTokens = 100, 50 }, []string{"--max-num-batched-tokens 50"}},
		{"what V0 has not", func(s *Setup) { s.Engine, s.Async, s.LongPrefill = EngineV02024, &yes, 5 },
			[]string{"--async-scheduling", "--long-prefill-token-threshold"}},
		{"a model that does not fit", func(s *Setup) { s.Model = "llama-3-70b" }, []string{"does not fit"}},
	} {
		s := ok
		c.change(&s)
		b, err := s.Build()
		if err == nil {
			t.Errorf("%s: got %+v, want an error", c.why, b.Sched)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(c.want) {
			t.Errorf("%s: got %d lines, want %d:\n%v", c.why, len(lines), len(c.want), err)
			continue
		}
		for i, w := range c.want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("%s: line %d is %q, want %q in it", c.why, i, lines[i], w)
			}
		}
	}
}

// The longest request is cut to the cache only where the user did not name it,
// and the user is told.
func TestCutIsNoted(t *testing.T) {
	b, err := Setup{Model: "llama-3.1-8b", GPU: "rtx4090"}.Build()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(b.Notes, "\n"), "at most 41392 tokens, not the model's 131072") {
		t.Errorf("notes are %q, want one of what was cut", b.Notes)
	}
}

// A path names a model or a card as a name does.
func TestPaths(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := write("my-model/config.json", `{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
		"num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32, "vocab_size": 128256, "max_position_embeddings": 8192, "torch_dtype": "bfloat16"}`)
	want, err := Setup{Model: "llama-3-8b", GPU: "a10g"}.Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, model := range []string{config, filepath.Dir(config)} {
		got, err := Setup{Model: model, GPU: "a10g"}.Build()
		if err != nil {
			t.Errorf("%s: %v", model, err)
			continue
		}
		if d := cmp.Diff(want.Sched, got.Sched); d != "" {
			t.Errorf("%s: differs from the catalogue's llama-3-8b: -want +got\n%s", model, d)
		}
	}
	for why, s := range map[string]Setup{
		"a folder without config.json": {Model: dir, GPU: "a10g"},
		"a file that is not there":     {Model: filepath.Join(dir, "no.yaml"), GPU: "a10g"},
		"a card that is not there":     {Model: "llama-3-8b", GPU: filepath.Join(dir, "no.yaml")},
		"a broken file":                {Model: write("x/config.json", "{"), GPU: "a10g"},
	} {
		if _, err := s.Build(); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line", why, err)
		}
	}
}

// A card that is given stands for the name of one, and every format has a name.
func TestGivenCard(t *testing.T) {
	card := &roofline.Card{
		Name: "cpu", Memory: roofline.Quantity{Value: 64}, Bandwidth: roofline.Quantity{Value: 50},
		FP16: roofline.Quantity{Value: 1}, FP8: roofline.Quantity{Value: 1}, Int8: roofline.Quantity{Value: 2},
	}
	for _, p := range roofline.Precisions() {
		b, err := Setup{Model: "llama-3-8b", Card: card, Precision: p}.Build()
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		if b.Card != card || b.Setup.Precision != p {
			t.Errorf("%s: got %s on %+v", p, b.Setup.Precision, b.Card)
		}
	}
}
