package exposition

import (
	"bytes"
	"compress/gzip"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recordings is the folder of scrapes; e2e/control/run makes them.
var recordings = flag.String("recordings", "testdata", "folder of scrapes of a real vLLM")

// A shape is what a scrape says of one metric, without its values.
type shape struct {
	Help, Type string
	Series     []string // name and labels, in order
}

// shapes reads a text of metrics. The order of names is returned beside them.
func shapes(text string) (names []string, by map[string]shape) {
	by = map[string]shape{}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "# HELP "):
			var help string
			name, help, _ = strings.Cut(line[7:], " ")
			names = append(names, name)
			by[name] = shape{Help: help}
		case strings.HasPrefix(line, "# TYPE "):
			_, kind, _ := strings.Cut(line[7:], " ")
			s := by[name]
			s.Type = kind
			by[name] = s
		case line != "":
			s := by[name]
			s.Series = append(s.Series, line[:strings.LastIndexByte(line, ' ')])
			by[name] = s
		}
	}
	return names, by
}

func scrape(t *testing.T, name string) string {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join(*recordings, name+".txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// differences are all that is allowed between a scrape of vLLM 0.32 and ours.
var differences = map[string]string{
	"python_gc_objects_collected_total":     "no Python runs",
	"python_gc_objects_uncollectable_total": "no Python runs",
	"python_gc_collections_total":           "no Python runs",
	"python_info":                           "no Python runs",
}

// sameCache makes the values of vllm:cache_config_info comparable: those that
// the recording machine, which had no GPU, has otherwise.
var sameCache = strings.NewReplacer(
	`kv_cache_memory_bytes="2147483648"`, `kv_cache_memory_bytes="None"`, // VLLM_CPU_KVCACHE_SPACE
	`mamba_ssm_cache_dtype="float32"`, `mamba_ssm_cache_dtype="auto"`, // the CPU backend's
)

// TestScrapes compares names, order, types, help, labels and buckets with
// scrapes of a real vLLM 0.32.
func TestScrapes(t *testing.T) {
	http := []Exchange{
		{Path: "/v1/models", Routed: true, Method: "GET", Status: 200},
		{Path: "/nope", Method: "GET", Status: 404},
		{Path: "/v1/nope", Method: "POST", Status: 404},
		{Path: "/v1/models", Method: "OPTIONS", Status: 405},
		{Path: "/health", Routed: true, Method: "GET", Status: 200}, // not counted
		{Path: "/tokenize", Routed: true, Method: "POST", Status: 200},
		{Path: "/tokenize", Routed: true, Method: "POST", Status: 400},
		{Path: "/detokenize", Routed: true, Method: "POST", Status: 200},
		{Path: "/detokenize", Routed: true, Method: "POST", Status: 400},
		{Path: "/v1/load_lora_adapter", Method: "POST", Status: 404}, // not counted
		{Path: "/reset_prefix_cache", Routed: true, Method: "POST", Status: 200},
		{Path: "/reset_prefix_cache", Routed: true, Method: "POST", Status: 400},
		{Path: "/reset_mm_cache", Routed: true, Method: "POST", Status: 200},
		{Path: "/reset_encoder_cache", Routed: true, Method: "POST", Status: 200},
		{Path: "/is_sleeping", Routed: true, Method: "GET", Status: 200},
		{Path: "/is_paused", Routed: true, Method: "GET", Status: 200},
		{Path: "/pause", Routed: true, Method: "POST", Status: 200},
		{Path: "/resume", Routed: true, Method: "POST", Status: 200},
		{Path: "/pause", Routed: true, Method: "POST", Status: 400},
		{Path: "/v1/completions", Routed: true, Method: "POST", Status: 200},
		{Path: "/v1/chat/completions", Routed: true, Method: "POST", Status: 200},
		{Path: "/v1/completions", Routed: true, Method: "POST", Status: 404},
		{Path: "/v1/responses", Routed: true, Method: "POST", Status: 200},
	}
	lora := []Exchange{
		{Path: "/v1/models", Routed: true, Method: "GET", Status: 200},
		{Path: "/tokenizer_info", Routed: true, Method: "GET", Status: 200},
		{Path: "/v1/completions", Routed: true, Method: "POST", Status: 200},
	}
	after := slices.Concat(lora, []Exchange{
		{Path: "/v1/chat/completions", Routed: true, Method: "POST", Status: 200},
		{Path: "/v1/unload_lora_adapter", Routed: true, Method: "POST", Status: 200},
		{Path: "/v1/unload_lora_adapter", Routed: true, Method: "POST", Status: 404},
		{Path: "/tokenize", Routed: true, Method: "POST", Status: 404},
		{Path: "/sleep", Routed: true, Method: "POST", Status: 200},
		{Path: "/is_sleeping", Routed: true, Method: "GET", Status: 200},
		{Path: "/is_paused", Routed: true, Method: "GET", Status: 200},
		{Path: "/wake_up", Routed: true, Method: "POST", Status: 200},
		{Path: "/sleep", Routed: true, Method: "POST", Status: 400},
		{Path: "/pause", Routed: true, Method: "POST", Status: 200},
	})
	small := Cache{BlockSize: 32, Blocks: 150, Overridden: true, OwnBlockSize: true, PrefixCaching: true, Utilization: 0.92, Dtype: "auto"}
	large := Cache{BlockSize: 128, Blocks: 32768, PrefixCaching: true, Utilization: 0.92, Dtype: "auto"}
	for _, tc := range []struct {
		name   string
		why    string
		config Config
		feed   func(*Registry)
	}{
		{"fresh", "no request yet: HTTP families without series", Config{Cache: small}, func(*Registry) {}},
		{"used", "requests, prefix hits, preemptions, refused requests", Config{Cache: small}, func(r *Registry) {
			for _, x := range http {
				r.HTTP(x)
			}
		}},
		{"lora-spec-fresh", "LoRA and speculation of three tokens, nothing served", Config{Cache: large, Drafts: 3, MaxAdapters: 2}, func(*Registry) {}},
		{"lora-running", "an adapter has a request", Config{Cache: large, Drafts: 3, MaxAdapters: 2}, func(r *Registry) {
			for _, x := range lora {
				r.HTTP(x)
			}
			r.Adapters(nil, 1)
			r.Adapters([]string{"alpha"}, 2)
		}},
		{"lora-spec-mfu-used", "after adapters came and went, sleep and wake", Config{Cache: large, Drafts: 3, MaxAdapters: 2}, func(r *Registry) {
			for _, x := range after {
				r.HTTP(x)
			}
			r.Adapters(nil, 1)
			r.Adapters([]string{"alpha"}, 2)
			r.Adapters([]string{"beta"}, 3)
			r.SleepOperation("sleep", 0.001, 3)
			r.SleepOperation("wake", 0.001, 3)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.config.Model, tc.config.MaxModelLen = "tiny", 4096
			r := New(tc.config)
			tc.feed(r)
			gotNames, got := shapes(string(r.AppendText(nil, Process{Start: 1})))
			wantNames, want := shapes(sameCache.Replace(scrape(t, tc.name)))
			wantNames = slices.DeleteFunc(wantNames, func(n string) bool { return differences[n] != "" })
			for n := range differences {
				if _, ok := want[n]; !ok {
					t.Errorf("%s is allowed to differ, but the scrape has no such metric", n)
				}
				delete(want, n)
			}
			if d := cmp.Diff(wantNames, gotNames); d != "" {
				t.Errorf("%s: names or their order (-vLLM +ours):\n%s", tc.why, d)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s: (-vLLM +ours):\n%s", tc.why, d)
			}
		})
	}
}

// TestSleepScrape checks the state's values against a scrape of a sleeping
// server.
func TestSleepScrape(t *testing.T) {
	r := New(Config{Model: "tiny", MaxModelLen: 4096})
	r.Sleep(1)
	pick := func(text string) (out []string) {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "vllm:engine_sleep_state{") {
				out = append(out, line)
			}
		}
		return out
	}
	if d := cmp.Diff(pick(scrape(t, "sleep1")), pick(string(r.AppendText(nil, Process{})))); d != "" {
		t.Fatalf("asleep at level 1 (-vLLM +ours):\n%s", d)
	}
}
