package sim

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/cli/argv"
	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

// simValues reads a command line of sim.
func simValues(t *testing.T, args string) *flags.Values {
	t.Helper()
	all := simTable()
	r, err := argv.Parse(all.Options(), all.Lengthen(strings.Fields(args)), os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	return flags.ValuesOf(all, r.Settings)
}

// TestEngineSetup: each flag arrives where it belongs, and nothing else.
func TestEngineSetup(t *testing.T) {
	on, off, ms := true, false, 2.5
	plain := func(change func(*setup.Setup)) setup.Setup {
		s := setup.Setup{Model: "llama-3-8b", GPU: "a10g"}
		change(&s)
		return s
	}
	tests := []struct {
		name, args string
		want       func(*setup.Setup)
	}{
		{"nothing is the default", "", func(*setup.Setup) {}},
		{"names", "--model m --gpu g --precision int4", func(s *setup.Setup) { s.Model, s.GPU, s.Precision = "m", "g", "int4" }},
		{"the short name of tensor parallelism", "-tp 2", func(s *setup.Setup) { s.TP = 2 }},
		{"the short name with =", "-tp=4", func(s *setup.Setup) { s.TP = 4 }},
		{"underscores", "--tensor_parallel_size 8", func(s *setup.Setup) { s.TP = 8 }},
		{"a type of 16 bit", "--dtype half", func(s *setup.Setup) { s.Precision = "fp16" }},
		{"a method of quantization", "-q awq", func(s *setup.Setup) { s.Precision, s.Quantization = "int4", "awq" }},
		{"a type beside a quantization is the activations'", "--dtype bfloat16 --quantization fp8", func(s *setup.Setup) { s.Precision = "fp8" }},
		{"one format said twice", "--precision int4 -q gptq", func(s *setup.Setup) { s.Precision, s.Quantization = "int4", "gptq" }},
		{"an 8-bit cache by vLLM's names", "--kv-cache-dtype fp8_e5m2", func(s *setup.Setup) { s.KV = "fp8" }},
		{"a 16-bit cache by name", "--kv-cache-dtype bfloat16", func(s *setup.Setup) { s.KV = "auto" }},
		{"the default, given", "--engine vllm-v1", func(s *setup.Setup) { s.Engine = "vllm-v1" }},
		{"lengths as people write them", "--max-model-len 8k --max-num-seqs 1K --max-num-batched-tokens 2048", func(s *setup.Setup) { s.MaxModelLen, s.MaxSeqs, s.MaxBatchedTokens = 8000, 1024, 2048 }},
		{"the length that fits", "--max-model-len auto", func(*setup.Setup) {}},
		{"the same as a number", "--max-model-len -1", func(*setup.Setup) {}},
		{"switches that were not given are the engine's", "--enable-prefix-caching --no-enable-chunked-prefill", func(s *setup.Setup) { s.PrefixCaching, s.ChunkedPrefill = &on, &off }},
		{"the host's time", "--host-ms 2.5 --no-async-scheduling", func(s *setup.Setup) { s.HostMs, s.Async = &ms, &off }},
		{"the cache", "--num-gpu-blocks-override 100 --block-size 32 --gpu-memory-utilization 0.8", func(s *setup.Setup) { s.Blocks, s.BlockSize, s.MemoryUtilization = 100, 32, 0.8 }},
		{"the queue", "--scheduling-policy priority --long-prefill-token-threshold 512", func(s *setup.Setup) { s.Policy, s.LongPrefill = "priority", 512 }},
		{"the constants", "--constants ideal", func(s *setup.Setup) { s.Constants = roofline.Ideal }},
		{"kernels launched one by one", "--enforce-eager", func(s *setup.Setup) { s.Eager = true }},
		{"room for adapters that come later", "--enable-lora --max-loras 4", func(s *setup.Setup) { s.MaxAdapters = 4 }},
		{"one adapter at once where there are adapters", "--lora-modules a b", func(s *setup.Setup) { s.MaxAdapters = 1 }},
		{"as many as were asked for", "--lora-modules a b --max-loras 3", func(s *setup.Setup) { s.MaxAdapters = 3 }},
		{"drafts", `--speculative-config {"num_speculative_tokens":2,"acceptance":0.5}`, func(s *setup.Setup) { s.Acceptance = []float64{0.5, 0.5} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := simulated.EngineSetup(simValues(t, tt.args), "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plain(tt.want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.args, diff)
			}
		})
	}
}
