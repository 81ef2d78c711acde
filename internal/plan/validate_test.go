package plan

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/protocol"
)

// good is a plan without problems.
func good() Plan {
	return Plan{
		Version: Version,
		Target: Target{
			Backend: "openai", Endpoint: "/v1/completions", BaseURL: "http://127.0.0.1:8000", Client: "native",
			Headers: []Header{{"X-Token", "secret"}}, APIKey: "key", RequestTimeout: time.Hour,
		},
		Workload: Workload{
			Dataset: "random", NumPrompts: 10,
			Random: Random{InputLen: 1024, OutputLen: 128, BatchSize: 1},
			Custom: Custom{OutputLen: 256},
			Prefix: Prefix{PrefixLen: 256, SuffixLen: 256, NumPrefixes: 10, OutputLen: 128},
			Sonnet: Sonnet{InputLen: 550, OutputLen: 150, PrefixLen: 200},
			Trace:  Trace{ChunkSize: 16, Multiplier: 1},
		},
		Load:   Load{RequestRate: Float(math.Inf(1)), Burstiness: 1},
		Output: Output{Metrics: []string{"ttft"}, Percentiles: []float64{99}},
	}
}

func TestValidate(t *testing.T) {
	nan := math.NaN()
	tests := []struct {
		name   string // why the row is here
		change func(*Plan)
		want   string // part of the error; "" for none
	}{
		{"nothing wrong", func(p *Plan) {}, ""},
		{"a plan of another version", func(p *Plan) { p.Version = 2 }, "plan version 2 is unknown: this is version 1"},
		{"NumPy takes no negative seed", func(p *Plan) { p.Seed = -1 }, "--seed: want 0 to 4294967295, got -1"},
		{"nor one of more than 32 bits", func(p *Plan) { p.Seed = 1 << 32 }, "--seed: want 0 to 4294967295, got 4294967296"},
		{"the largest seed", func(p *Plan) { p.Seed = maxSeed }, ""},
		{"unknown compat", func(p *Plan) { p.Compat = "sglang" }, `compat: want vllm, got "sglang"`},

		{"unknown backend", func(p *Plan) { p.Target.Backend = "gpt" }, `backend "gpt" is unknown`},
		{"a path of another backend", func(p *Plan) { p.Target.Backend = "openai-chat" }, "does not fit the backend openai-chat, whose paths end in chat/completions: it belongs to the backend openai"},
		{"chat's path ends as that of completions", func(p *Plan) { p.Target.Endpoint = "/v1/chat/completions" }, "it belongs to the backend openai-chat"},
		{"a path of nothing", func(p *Plan) { p.Target.Endpoint = "/generate" }, "endpoint /generate does not fit the backend openai, whose paths end in completions"},
		{"a path behind a gateway", func(p *Plan) { p.Target.Endpoint = "/team/a/completions" }, ""},
		{"no server", func(p *Plan) { p.Target.BaseURL = "" }, "no server is named"},
		{"the server inside has no address yet", func(p *Plan) { p.Target.BaseURL, p.Target.Simulated = "", true }, ""},
		{"no scheme", func(p *Plan) { p.Target.BaseURL = "localhost:8000" }, "want it to begin with http:// or https://"},
		{"another scheme", func(p *Plan) { p.Target.BaseURL = "ftp://host" }, "want it to begin with http:// or https://"},
		{"a port that is none", func(p *Plan) { p.Target.BaseURL = "http://127.0.0.1:99999" }, "want a port of 1 to 65535"},
		{"no host", func(p *Plan) { p.Target.BaseURL = "http://:8000" }, "names no host"},
		{"IPv6", func(p *Plan) { p.Target.BaseURL = "http://[::1]:8000" }, ""},
		{"IPv6 with a zone", func(p *Plan) { p.Target.BaseURL = "http://[fe80::1%25eth0]:8000" }, ""},
		{"a query", func(p *Plan) { p.Target.BaseURL = "http://host?x=1" }, "has a query"},
		{"a password in the URL is not shown", func(p *Plan) { p.Target.BaseURL = "http://me:pass@host" }, "--base-url carries a user name"},
		{"a path in the URL", func(p *Plan) { p.Target.BaseURL = "https://host/team" }, ""},
		{"unknown client", func(p *Plan) { p.Target.Client = "curl" }, `client: want native or std, got "curl"`},
		{"insecure with a CA file", func(p *Plan) { p.Target.Insecure, p.Target.CAFile = true, "x" }, "--insecure and --ca-file contradict each other"},
		{"a header name with a space", func(p *Plan) { p.Target.Headers = []Header{{"a b", "x"}} }, `header "a b": the name has a character`},
		{"an empty header name", func(p *Plan) { p.Target.Headers = []Header{{"", "x"}} }, `header "": the name`},
		{"a header that would smuggle another", func(p *Plan) { p.Target.Headers = []Header{{"a", "x\r\nb: y"}} }, "header a: the value has a control character"},
		{"a key with a line break", func(p *Plan) { p.Target.APIKey = "key\n" }, "OPENAI_API_KEY has a control character"},
		{"a request id that would smuggle a header", func(p *Plan) { p.Target.RequestIDPrefix = "a\n" }, "--request-id-prefix"},
		{"negative logprobs", func(p *Plan) { n := -1; p.Target.Logprobs = &n }, "logprobs: want at least 0, got -1"},
		{"extra body that is a list", func(p *Plan) { p.Target.ExtraBody = json.RawMessage("[1]") }, "--extra-body: want a JSON object"},
		{"negative warm-ups", func(p *Plan) { p.Target.Warmups = -1 }, "--num-warmups: want at least 0, got -1"},
		{"negative timeout", func(p *Plan) { p.Target.RequestTimeout = -1 }, "--request-timeout-sec: want 0 or more seconds"},
		{"negative ready check", func(p *Plan) { p.Target.ReadyTimeout = -1 }, "--ready-check-timeout-sec: want 0 or more seconds"},
		{"LoRA module without a name", func(p *Plan) { p.Target.LoRAModules = []string{"a", ""} }, "--lora-modules: a name is empty"},

		{"no dataset and no file", func(p *Plan) { p.Workload.Dataset = "" }, "no dataset is named"},
		{"a file alone is recognised later", func(p *Plan) { p.Workload.Dataset, p.Workload.Path = "", "x.json" }, ""},
		{"unknown dataset", func(p *Plan) { p.Workload.Dataset = "hf" }, `--dataset-name "hf" is unknown`},
		{"no prompts", func(p *Plan) { p.Workload.NumPrompts = 0 }, "--num-prompts: want at least 1, got 0"},
		{"more prompts than memory", func(p *Plan) { p.Workload.NumPrompts = 4e9 }, "--num-prompts: want at most 10000000, got 4000000000"},
		{"more tokens than memory", func(p *Plan) { p.Workload.Random.InputLen = 3e9 }, "random: 10 prompts of 3000000000 tokens are more than the 2000000000 tokens that fit"},
		{"a steep ramp", func(p *Plan) { ramp(p, "linear", 1, 4e9) }, "--ramp-up-end-rps: want at most 1000000, got 4000000000"},
		{"custom takes all lines", func(p *Plan) { p.Workload.Dataset, p.Workload.Path, p.Workload.NumPrompts = "custom", "x", 0 }, ""},
		{"random has no file", func(p *Plan) { p.Workload.Path = "x.json" }, "the dataset random has no file, but x.json is given"},
		{"a trace needs its file", func(p *Plan) { p.Workload.Dataset = "timed_trace" }, "the dataset timed_trace needs the path of its file"},
		{"sharegpt is found on the hub", func(p *Plan) { p.Workload.Dataset = "sharegpt" }, ""},
		{"random needs a tokenizer", func(p *Plan) { p.Workload.SkipTokenizer = true }, "the dataset random needs a tokenizer"},
		{"skipping one that is named", func(p *Plan) {
			p.Workload.Dataset, p.Workload.Path, p.Workload.SkipTokenizer, p.Workload.Tokenizer = "custom", "x", true, "t"
		}, "--tokenizer and --skip-tokenizer-init contradict each other"},
		{"negative model length", func(p *Plan) { p.Workload.MaxModelLen = -1 }, "--max-model-len: want at least 0"},
		{"negative length", func(p *Plan) { p.Workload.Random.InputLen = -1 }, "--random-input-len: want at least 0, got -1"},
		{"a ratio of 1 allows length 0", func(p *Plan) { p.Workload.Random.InputRange = 1 }, "--random-range-ratio: want 0 or more and less than 1, got 1"},
		{"a ratio that is no number", func(p *Plan) { p.Workload.Random.OutputRange = nan }, "--random-range-ratio"},
		{"batches of nothing", func(p *Plan) { p.Workload.Random.BatchSize = 0 }, "--random-batch-size: want at least 1, got 0"},
		{"prompts of nothing", func(p *Plan) { p.Workload.Random.InputLen = 0 }, "--random-input-len and --random-prefix-len are 0: prompts have no token"},
		{"lengths of other datasets do not matter", func(p *Plan) { p.Workload.Prefix.OutputLen = -7 }, ""},
		{"custom length 0", func(p *Plan) { p.Workload.Dataset, p.Workload.Path, p.Workload.Custom.OutputLen = "custom", "x", 0 }, "--custom-output-len: want at least 1, or -1"},
		{"more prefixes than prompts", func(p *Plan) { p.Workload.Dataset, p.Workload.NumPrompts = "prefix_repetition", 9 }, "10 prefixes are more than the 9 prompts of --num-prompts"},
		{"sonnet's prefix takes all", func(p *Plan) { p.Workload.Dataset, p.Workload.Sonnet.InputLen = "sonnet", 200 }, "must be greater than --sonnet-prefix-len 200"},
		{"a trace of timeless units", func(p *Plan) {
			p.Workload.Dataset, p.Workload.Path, p.Workload.Trace.Multiplier = "timed_trace", "x", 0
		}, "--timed-trace-sec-multiplier: want more than 0, got 0"},

		{"rate 0", func(p *Plan) { p.Load.RequestRate = 0 }, "--request-rate: want more than 0, or inf, got 0"},
		{"rate that is no number", func(p *Plan) { p.Load.RequestRate = Float(nan) }, "--request-rate: want more than 0, or inf, got NaN"},
		{"minus infinity", func(p *Plan) { p.Load.RequestRate = Float(math.Inf(-1)) }, "--request-rate: want more than 0"},
		{"burstiness 0", func(p *Plan) { p.Load.Burstiness = 0 }, "--burstiness: want more than 0, or inf, got 0"},
		{"even arrivals", func(p *Plan) { p.Load.Burstiness = Float(math.Inf(1)) }, ""},
		{"negative concurrency", func(p *Plan) { p.Load.MaxConcurrency = -1 }, "--max-concurrency: want at least 0, got -1"},
		{"a ramp", func(p *Plan) { ramp(p, "linear", 1, 5) }, ""},
		{"a ramp of no change", func(p *Plan) { ramp(p, "exponential", 5, 5) }, ""},
		{"a ramp with a rate", func(p *Plan) { ramp(p, "linear", 1, 5); p.Load.RequestRate = 3 }, "--ramp-up-strategy and --request-rate 3 contradict each other"},
		{"a ramp downwards", func(p *Plan) { ramp(p, "linear", 5, 1) }, "--ramp-up-start-rps 5 is greater than --ramp-up-end-rps 1"},
		{"a linear ramp from 0 never sends its first request", func(p *Plan) { ramp(p, "linear", 0, 5) }, "--ramp-up-start-rps: want at least 1, got 0"},
		{"an exponential ramp from 0", func(p *Plan) { ramp(p, "exponential", 0, 5) }, "--ramp-up-start-rps: want at least 1, got 0"},
		{"an unknown ramp", func(p *Plan) { ramp(p, "cubic", 1, 5) }, "--ramp-up-strategy: want linear or exponential"},
		{"a ramp over times of the trace", func(p *Plan) {
			ramp(p, "linear", 1, 5)
			p.Workload.Dataset, p.Workload.Path, p.Load.SelfTimed = "timed_trace", "x", true
		}, "--ramp-up-strategy and --self-timed contradict each other"},
		{"times that random does not have", func(p *Plan) { p.Load.SelfTimed = true }, "self-timed needs a dataset with times, timed_trace or requests: random has none"},
		{"token ids by chat", func(p *Plan) { chat(p); p.Workload.AsTokenIDs = true }, "--prompt-token-ids needs a completions backend"},
		{"a trace by chat", func(p *Plan) { chat(p); p.Workload.Dataset, p.Workload.Path = "timed_trace", "x" }, "the dataset timed_trace sends token ids"},
		{"batches by chat", func(p *Plan) { chat(p); p.Workload.Random.BatchSize = 2 }, "--random-batch-size above 1 needs a completions backend"},

		{"unknown metric", func(p *Plan) { p.Output.Metrics = []string{"ttft", "tpt"} }, `--percentile-metrics: "tpt" is unknown; use some of ttft, tpot`},
		{"percentile 101", func(p *Plan) { p.Output.Percentiles = []float64{101} }, "--metric-percentiles: want 0 to 100, got 101"},
		{"percentile that is no number", func(p *Plan) { p.Output.Percentiles = []float64{nan} }, "--metric-percentiles: want 0 to 100, got NaN"},
		{"a goal for a metric of all requests", func(p *Plan) { p.Goals = []Goal{{"itl", 5}} }, `goodput: metric "itl" is unknown; use ttft, tpot or e2el`},
		{"a negative goal", func(p *Plan) { p.Goals = []Goal{{"ttft", -5}} }, "goodput: the limit of ttft: want at least 0 ms, got -5"},
		{"a goal that is no number", func(p *Plan) { p.Goals = []Goal{{"ttft", nan}} }, "goodput: the limit of ttft"},
		{"metadata without a key", func(p *Plan) { p.Output.Metadata = []KeyValue{{"", "x"}} }, "metadata: a key is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := good()
			tt.change(&p)
			err := p.Validate()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			case tt.want != "" && strings.Contains(err.Error(), "\n"):
				t.Errorf("got more than one problem: %v", err)
			case err != nil && strings.Contains(err.Error(), "pass"):
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
}

func ramp(p *Plan, strategy string, start, end int) {
	p.Load.RampStrategy, p.Load.RampStartRPS, p.Load.RampEndRPS = strategy, start, end
}

func chat(p *Plan) { p.Target.Backend, p.Target.Endpoint = "openai-chat", "/v1/chat/completions" }

// TestValidateAll: every problem is reported at once.
func TestValidateAll(t *testing.T) {
	p := good()
	p.Seed, p.Workload.NumPrompts, p.Load.RequestRate, p.Output.Percentiles = -1, 0, 0, []float64{-1}
	joined, ok := p.Validate().(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 4 {
		t.Errorf("got %v, want four joined errors", p.Validate())
	}
}

// TestBackendsSpeak: the endpoint of each backend fits it, and no other API's.
func TestBackendsSpeak(t *testing.T) {
	for _, b := range protocol.Backends() {
		for _, o := range protocol.Backends() {
			want := b.Suffix == o.Suffix
			for _, query := range []string{"", "?api-version=2024-10-21", "?x=/v1/responses"} {
				if got := speaks(b, o.Dialect.Path()+query); got != want {
					t.Errorf("%s speaks %s%s: got %v, want %v", b.Name, o.Dialect.Path(), query, got, want)
				}
			}
		}
	}
}

// TestJSONHidesSecrets: neither headers nor the key reach a file.
func TestJSONHidesSecrets(t *testing.T) {
	p := good()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(b); strings.Contains(s, "secret") || strings.Contains(s, `"key"`) || !strings.Contains(s, `{"name":"X-Token","value":"***"}`) {
		t.Errorf("got %s, want the header's value as ***, and no key", s)
	}
	var back Plan
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	p.Target.APIKey, p.Target.Headers[0].Value = "", Redacted
	if diff := cmp.Diff(p, back); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
}

func TestHash(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Plan)
		same   bool
	}{
		{"nothing", func(p *Plan) {}, true},
		{"another server", func(p *Plan) { p.Target.BaseURL = "http://other:1" }, true},
		{"another key", func(p *Plan) { p.Target.APIKey, p.Target.Headers = "other", nil }, true},
		{"another request id", func(p *Plan) { p.Target.RequestIDPrefix = "x" }, true},
		{"another report", func(p *Plan) { p.Output, p.Goals = Output{Label: "x"}, []Goal{{"ttft", 1}} }, true},
		{"the file in another folder", func(p *Plan) { p.Workload.Path = `C:\data\x.json` }, true},
		{"another file", func(p *Plan) { p.Workload.Path = "/data/y.json" }, false},
		{"another seed", func(p *Plan) { p.Seed++ }, false},
		{"another rate", func(p *Plan) { p.Load.RequestRate = 2 }, false},
		{"another length", func(p *Plan) { p.Workload.Random.InputLen++ }, false},
		{"another model", func(p *Plan) { p.Target.ServedModel = "x" }, false},
		{"other parameters", func(p *Plan) { p.Target.ExtraBody = json.RawMessage(`{"top_k":1}`) }, false},
		{"another concurrency", func(p *Plan) { p.Load.MaxConcurrency = 3 }, false},
	}
	start := good()
	start.Workload.Path = "/data/x.json"
	for _, tt := range tests {
		p := good()
		p.Workload.Path = "/data/x.json"
		tt.change(&p)
		if got := p.Hash() == start.Hash(); got != tt.same {
			t.Errorf("%s: same hash is %v, want %v", tt.name, got, tt.same)
		}
	}
}

func TestFloat(t *testing.T) {
	for _, x := range []float64{0, 1.5, -2, math.Inf(1), 1e300} {
		b, err := json.Marshal(Float(x))
		if err != nil {
			t.Fatal(err)
		}
		var back Float
		if err := json.Unmarshal(b, &back); err != nil || float64(back) != x {
			t.Errorf("%v became %s and then %v, %v", x, b, back, err)
		}
	}
	if err := json.Unmarshal([]byte(`"fast"`), new(Float)); err == nil {
		t.Error(`"fast" was read as a number`)
	}
}

// Run directories of the first versions have the load under two names.
func TestLoadOfOldPlans(t *testing.T) {
	const old = `{"version": 1, "schedule": {"request_rate": 5, "burstiness": "inf", "max_concurrency": 3}, "stop": {"grace_ns": 7}}`
	want := Load{RequestRate: 5, Burstiness: Float(math.Inf(1)), MaxConcurrency: 3, Grace: 7}
	var p, again Plan
	if err := json.Unmarshal([]byte(old), &p); err != nil || p.Load != want {
		t.Fatalf("got %+v, %v, want %+v", p.Load, err, want)
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &again); err != nil || again.Load != want {
		t.Fatalf("again from %s: got %+v, %v, want %+v", b, again.Load, err, want)
	}
}
