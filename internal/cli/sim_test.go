package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/model/roofline"
)

// TestIdealEngineIsItsLimit: the server inside with perfect kernels, measured
// over HTTP, is as fast as the limit that is printed beside it.
func TestIdealEngineIsItsLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	env, _, stderr := fakeEnv("bench", "serve", "--simulate", "a10g/llama-3-8b/fp16,constants=ideal", "--num-prompts", "6", "--request-rate", "10",
		"--random-input-len", "200", "--random-output-len", "12", "--no-record", "--no-live", "--save-result", "--result-filename", path)
	env.Now = time.Now
	if code := Main(env); code != shell.ExitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Limit struct {
			Over map[string]float64 `json:"measured_over_load"`
		} `json:"speed_of_light"`
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	// A request that comes at the end of a step in one and at the beginning of
	// the next in the other waits a step more or less, and a busy machine is late.
	for _, key := range []string{"ttft", "tpot", "e2el"} {
		if x := got.Limit.Over[key]; x < 0.85 || x > 2 {
			t.Errorf("%s: measured ÷ limit is %v, want 1", key, x)
		}
	}
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
			if got.code != shell.ExitUsage || got.stdout != "" || !strings.Contains(text, tt.says) {
				t.Errorf("got exit code %d, stdout %q and stderr\n%s\nwant %d, nothing and %q", got.code, got.stdout, text, shell.ExitUsage, tt.says)
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
	got.want(t, shell.ExitOK)
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
	got.want(t, shell.ExitOK)
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
