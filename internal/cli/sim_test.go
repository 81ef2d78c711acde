package cli

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/cli/argv"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

// simValues reads a command line of sim.
func simValues(t *testing.T, args string) *values {
	t.Helper()
	all := simTable()
	r, err := argv.Parse(all.options(), all.lengthen(strings.Fields(args)), os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	return valuesOf(all, r.Settings)
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
		{"a method of quantization", "-q awq", func(s *setup.Setup) { s.Precision = "int4" }},
		{"a type beside a quantization is the activations'", "--dtype bfloat16 --quantization fp8", func(s *setup.Setup) { s.Precision = "fp8" }},
		{"one format said twice", "--precision int4 -q gptq", func(s *setup.Setup) { s.Precision = "int4" }},
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
			got, err := simValues(t, tt.args).engineSetup("")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(plain(tt.want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.args, diff)
			}
		})
	}
}

// TestAcceptance: vLLM's words for how often drafts are right.
func TestAcceptance(t *testing.T) {
	tests := []struct {
		name, text string
		want       []float64
		says       string
	}{
		{"one for all", `{"num_speculative_tokens":3,"acceptance":0.8}`, []float64{0.8, 0.8, 0.8}, ""},
		{"one for each", `{"num_speculative_tokens":2,"acceptance":[0.8,0.5]}`, []float64{0.8, 0.5}, ""},
		{"none given", `{"num_speculative_tokens":2}`, []float64{defaultAcceptance, defaultAcceptance}, ""},
		{"vLLM's rates are of all that come", `{"num_speculative_tokens":3,"synthetic_acceptance_rates":[0.8,0.4,0]}`, []float64{0.8, 0.5, 0}, ""},
		{"nothing comes after a rate of 0", `{"num_speculative_tokens":2,"synthetic_acceptance_rates":[0,0]}`, []float64{0, 0}, ""},
		{"vLLM's mean length", `{"num_speculative_tokens":3,"synthetic_acceptance_length":2.5}`, []float64{1, 0.5, 0}, ""},
		{"the drafter is not simulated", `{"num_speculative_tokens":1,"method":"ngram","prompt_lookup_max":4}`, []float64{defaultAcceptance}, ""},
		{"no drafts", `{"acceptance":0.5}`, nil, "num_speculative_tokens: want 1 to 64, got 0"},
		{"too many drafts", `{"num_speculative_tokens":65}`, nil, "want 1 to 64"},
		{"an unknown key", `{"num_speculative_tokens":1,"rate":1}`, nil, `unknown key "rate"`},
		{"a list of another length", `{"num_speculative_tokens":2,"acceptance":[1]}`, nil, "want a number or a list of 2"},
		{"rates of another length", `{"num_speculative_tokens":2,"synthetic_acceptance_rates":[1]}`, nil, "want 2 numbers, got 1"},
		{"no chance", `{"num_speculative_tokens":1,"acceptance":1.5}`, nil, "want 0 to 1, got 1.5"},
		{"rates that grow", `{"num_speculative_tokens":2,"synthetic_acceptance_rates":[0.1,0.2]}`, nil, "may exceed the one before"},
		{"a length that no drafts give", `{"num_speculative_tokens":2,"synthetic_acceptance_length":4}`, nil, "want 1 to 3, got 4"},
		{"two ways", `{"num_speculative_tokens":1,"acceptance":1,"synthetic_acceptance_length":2}`, nil, "give one"},
		{"a text for a number", `{"num_speculative_tokens":"2"}`, nil, "num_speculative_tokens: a string is no value for it"},
		{"no object", `[1]`, nil, "want a JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := acceptance(tt.text)
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("got %v, want an error with %q", err, tt.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzAcceptance: whatever the text is, chances are chances, one for each draft.
func FuzzAcceptance(f *testing.F) {
	f.Add(`{"num_speculative_tokens":3,"synthetic_acceptance_rates":[0.8,0.4,0]}`)
	f.Add(`{"num_speculative_tokens":2,"acceptance":[0.8,0.5]}`)
	f.Add(`{"num_speculative_tokens":3,"synthetic_acceptance_length":2.5}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := acceptance(text)
		if err != nil {
			return
		}
		if len(got) < 1 || len(got) > maxDrafts {
			t.Fatalf("%q: %d chances", text, len(got))
		}
		for _, x := range got {
			if !(x >= 0 && x <= 1) {
				t.Fatalf("%q: chance %v", text, x)
			}
		}
	})
}

// TestSimBadInput: what is wrong with a simulated engine is said in at most
// three lines, with exit code 2, before anything is served.
func TestSimBadInput(t *testing.T) {
	const requests = `{"arrival":0,"prompt":10,"output":5}` + "\n"
	files := map[string]string{
		"good.jsonl": requests,
		"bad.jsonl":  requests + `{"arrival":1,"prompt":-10,"output":5}` + "\n" + "{\n",
		"none.jsonl": "",
		"long.jsonl": `{"arrival":0,"prompt":100000,"output":5}` + "\n",
		"cases.json": `{"cases":[{"name":"a","config":{"block_siz":1},"requests":[]}]}`,
	}
	const engine = " --model llama-3-8b --gpu a10g"
	tests := []struct{ name, args, says string }{
		{"an unknown card", "sim --gpu a10h", `--gpu: card "a10h"`},
		{"a card that is close", "sim --gpu a10h", "did you mean a10, a10g"},
		{"an unknown model", "sim --model lama-3-8b", "did you mean llama-3-8b"},
		{"an unknown model, as a word", "sim lama-3-8b", "did you mean llama-3-8b"},
		{"a command that is close", "sim modls", "did you mean tokmeter sim models?"},
		{"an unknown precision", "sim --precision int5", "--precision: \"int5\" is unknown"},
		{"an unknown quantization", "sim --quantization int5", "--quantization: precision \"int5\""},
		{"two precisions", "sim --precision int4 --dtype half", "contradict each other"},
		{"two models", "sim llama-3-8b --model qwen3-8b", "two words: llama-3-8b and --model qwen3-8b"},
		{"two words", "sim llama-3-8b qwen3-8b", "takes one word, got 2"},
		{"a model that does not fit", "sim --model llama-3-70b", "does not fit on 1 × a10g"},
		{"a bad port", "sim --port 65536", "--port: want 0 to 65535"},
		{"a port that is no number", "sim --port http", "--port: want a whole number"},
		{"set times and an engine", "sim --fixed ttft=1ms --gpu a10g -tp 2", "--fixed and --gpu contradict each other"},
		{"set times and a model", "sim llama-3-8b --fixed ttft=1ms", "--fixed and the model llama-3-8b contradict each other"},
		{"bad set times", "sim --fixed ttft=fast", "--fixed: simulate \"ttft=fast\""},
		{"a chance that is none", "sim --eos 1.5", "--eos: want at least 0"},
		{"a negative seed", "sim --seed -1", "--seed: want at least 0, got -1"},
		{"no requests at once", "sim --max-num-seqs 0", "--max-num-seqs: want at least 1, got 0"},
		{"no memory", "sim --gpu-memory-utilization 0", "--gpu-memory-utilization: want more than 0"},
		{"a host that never ends", "sim --host-ms inf", "--host-ms: want 0 to 60000 ms"},
		{"a request longer than the model", "sim --max-model-len 1M", "--max-model-len 1048576"},
		{"an adapter without a name", "sim --lora-modules =x", "--lora-modules: \"=x\" has no name"},
		{"drafts that are none", "sim --speculative-config {}", "--speculative-config: num_speculative_tokens"},
		{"an unknown flag", "sim --gpus a10g", "unknown flag --gpus; did you mean --gpu"},
		{"a tokenizer that is missing", "sim --tokenizer missing.json", "--tokenizer: "},
		{"an unknown fault", "sim --fault flood", "--fault: "},

		{"an unknown card in a list", "sim hardware zebra", `no card is called "zebra": there is `},
		{"a card in a list that is close", "sim hardware a10q", "did you mean a10?"},
		{"an unknown model in a list", "sim models --model qwen-3-8b", "did you mean qwen3-8b?"},
		{"two words in a list", "sim models a b", "takes one word, got 2"},

		{"no requests", "sim replay" + engine, "needs --requests FILE"},
		{"no card", "sim replay --requests good.jsonl --model llama-3-8b", "needs --model MODEL and --gpu CARD"},
		{"requests that are missing", "sim replay --requests missing.jsonl" + engine, "missing.jsonl"},
		{"requests that are none", "sim replay --requests none.jsonl" + engine, "none.jsonl: the file is empty"},
		{"a bad line", "sim replay --requests bad.jsonl" + engine, "bad.jsonl: line 2: "},
		{"a request that can never be served", "sim replay --requests long.jsonl" + engine, "longer than the engine can serve"},
		{"a folder that is no run", "sim replay --requests . " + engine, "no run directory"},
		{"a setting of the cache", "sim replay --requests good.jsonl --num-gpu-blocks-override 1" + engine, "--num-gpu-blocks-override 1"},

		{"no cases", "sim steps", "needs --cases FILE"},
		{"cases that are missing", "sim steps --cases missing.json", "--cases: open "},
		{"cases that are wrong", "sim steps --cases cases.json", "block_siz"},
		{"cases and an output that can't be", "sim steps --cases cases.json --output no/such/file", "folder no/such is missing"},

		{"bench serve, an unknown card", "bench serve --simulate a10h/llama-3-8b", "did you mean a10, a10g"},
		{"bench serve, an unknown model", "bench serve --simulate a10g/lama-3-8b", "did you mean llama-3-8b"},
		{"bench serve, an unknown setting", "bench serve --simulate a10g/llama-3-8b,speed=2", "speed"},
		{"bench serve, a card alone", "bench serve --simulate a10g", "want GPU/MODEL or GPU/MODEL/PRECISION"},
		{"bench serve, what does not fit", "bench serve --simulate a10g/llama-3-70b", "does not fit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			for name, text := range files {
				w.write(name, text)
			}
			var args []string
			for _, a := range strings.Fields(tt.args) {
				if strings.HasSuffix(a, ".jsonl") || strings.HasSuffix(a, ".json") || a == "." {
					a = w.path(a)
				}
				args = append(args, a)
			}
			got := w.run(args...)
			text := strings.ReplaceAll(got.stderr, w.dir+string(os.PathSeparator), "")
			if got.code != ExitUsage || got.stdout != "" || !strings.Contains(text, tt.says) {
				t.Errorf("got exit code %d, stdout %q and stderr\n%s\nwant %d, nothing and %q", got.code, got.stdout, text, ExitUsage, tt.says)
			}
			if n := strings.Count(got.stderr, "\n"); n > 3 || strings.Contains(got.stderr, "goroutine ") {
				t.Errorf("%d lines on stderr, want at most 3:\n%s", n, got.stderr)
			}
		})
	}
}

// TestCatalogueJSON: every number of the lists has a unit and a source.
func TestCatalogueJSON(t *testing.T) {
	w := newWorld(t)
	got := w.run("sim", "hardware", "--json")
	got.want(t, ExitOK)
	var list struct {
		Cards []struct {
			Name    string
			Numbers map[string]struct {
				Value        float64
				Unit, Source string
			}
		}
	}
	if err := json.Unmarshal([]byte(got.stdout), &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Cards) != len(roofline.Cards()) {
		t.Errorf("got %d cards, want %d", len(list.Cards), len(roofline.Cards()))
	}
	for _, c := range list.Cards {
		if c.Numbers["bandwidth_gb_s"].Value <= 0 {
			t.Errorf("%s has no bandwidth", c.Name)
		}
		for name, n := range c.Numbers {
			if n.Unit == "" || n.Source == "" {
				t.Errorf("%s: %s has unit %q and source %q", c.Name, name, n.Unit, n.Source)
			}
		}
	}
	got = w.run("sim", "models", "--json")
	got.want(t, ExitOK)
	var models struct {
		Models []struct {
			Name, Source string
			Params       float64
		}
	}
	if err := json.Unmarshal([]byte(got.stdout), &models); err != nil {
		t.Fatal(err)
	}
	for _, m := range models.Models {
		if m.Source == "" || m.Params <= 0 {
			t.Errorf("%s has source %q and %v weights", m.Name, m.Source, m.Params)
		}
	}
}
