package measure

import (
	"context"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/cli/argv"
	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/plan"
)

// parseServe reads the flags of bench serve.
func parseServe(args []string) (*flags.Values, error) {
	t := Table()
	r, err := argv.Parse(t.Options(), args, os.ReadFile)
	if err != nil {
		return nil, err
	}
	if len(r.Words) > 0 {
		return nil, shell.NoWords(r.Words)
	}
	return flags.ValuesOf(t, r.Settings), nil
}

// servePlanOf makes the plan of a command line without looking at files.
func servePlanOf(env *shell.Env, args ...string) (plan.Plan, Options, error) {
	v, err := parseServe(args)
	if err != nil {
		return plan.Plan{}, Options{}, err
	}
	return Plan(context.Background(), env, v, nil)
}

// TestServePlan checks what single flags do to the plan.
func TestServePlan(t *testing.T) {
	inf := plan.Float(math.Inf(1))
	tests := []struct {
		name, args string
		get        func(plan.Plan) any
		want       any
	}{
		{"the address", "", func(p plan.Plan) any { return p.Target.URL() }, "http://127.0.0.1:8000/v1/completions"},
		{"the endpoint follows the backend", "--backend openai-chat", func(p plan.Plan) any { return p.Target.URL() }, "http://127.0.0.1:8000/v1/chat/completions"},
		{"of responses too", "--backend openai-responses", func(p plan.Plan) any { return p.Target.Endpoint }, "/v1/responses"},
		{"IPv6 is put into brackets", "--host ::1 --port 9", func(p plan.Plan) any { return p.Target.BaseURL }, "http://[::1]:9"},
		{"brackets stay", "--host [::1]", func(p plan.Plan) any { return p.Target.BaseURL }, "http://[::1]:8000"},
		{"a zone as URLs write it", "--host fe80::1%eth0", func(p plan.Plan) any { return p.Target.BaseURL }, "http://[fe80::1%25eth0]:8000"},
		{"a base URL", "--base-url https://h/ --endpoint v1/completions", func(p plan.Plan) any { return p.Target.URL() }, "https://h/v1/completions"},
		{"a base URL with the version that the endpoint has", "--base-url https://h/v1", func(p plan.Plan) any { return p.Target.URL() }, "https://h/v1/completions"},
		{"a base URL with the endpoint that the backend has", "--backend openai-chat --base-url https://h/x/v1/chat/completions", func(p plan.Plan) any { return p.Target.URL() }, "https://h/x/v1/chat/completions"},
		{"a host with slashes around it", "--host //h/ --port 9", func(p plan.Plan) any { return p.Target.BaseURL }, "http://h:9"},
		{"unless the endpoint is given", "--base-url https://h/v1 --endpoint /completions", func(p plan.Plan) any { return p.Target.URL() }, "https://h/v1/completions"},
		{"headers, cut at the first =", "--header A=b=c D=~e~", func(p plan.Plan) any { return p.Target.Headers }, []plan.Header{{Name: "A", Value: "b=c"}, {Name: "D", Value: "e"}}},
		{"the last of two headers of one name", "--header A=1 a=2", func(p plan.Plan) any { return p.Target.Headers }, []plan.Header{{Name: "a", Value: "2"}}},
		{"sampling parameters in vLLM's order, as Python writes them", "--temperature 0 --top-k 5 --top-p 0.90 --min-p 1e-5", func(p plan.Plan) any { return string(p.Target.ExtraBody) }, `{"top_p":0.9,"top_k":5,"min_p":1e-05,"temperature":0.0}`},
		{"the extra body wins", `--temperature 0 --extra-body {"temperature":1,"x":null}`, func(p plan.Plan) any { return string(p.Target.ExtraBody) }, `{"temperature":1,"x":null}`},
		{"six hours", "", func(p plan.Plan) any { return p.Target.RequestTimeout }, 6 * time.Hour},
		{"a limit of half a second", "--request-timeout-sec 0.5", func(p plan.Plan) any { return p.Target.RequestTimeout }, 500 * time.Millisecond},
		{"no limit", "--request-timeout-sec inf", func(p plan.Plan) any { return p.Target.RequestTimeout }, time.Duration(0)},
		{"random goes to the full length", "", func(p plan.Plan) any { return p.Target.IgnoreEOS }, true},
		{"sharegpt does not", "--dataset-name sharegpt", func(p plan.Plan) any { return p.Target.IgnoreEOS }, false},
		{"LoRA", "--lora-modules a b", func(p plan.Plan) any { return p.Target.LoRAAssignment }, "random"},
		{"the server inside", "--simulate", func(p plan.Plan) any { return []any{p.Target.Simulated, p.Target.Simulate, p.Target.BaseURL} }, []any{true, "", ""}},
		{"the server inside, with a spec", "--simulate ttft=1ms,itl=2ms", func(p plan.Plan) any { return p.Target.Simulate }, "ttft=1ms,itl=2ms"},
		{"request ids", "", func(p plan.Plan) any { return p.Target.RequestIDPrefix }, "bench-00000000-"},
		{"general lengths win over those of the dataset", "--random-input-len 5 --input-len 6 --output-len 7 --random-output-len 8", func(p plan.Plan) any { return [2]int{p.Workload.Random.InputLen, p.Workload.Random.OutputLen} }, [2]int{6, 7}},
		{"recorded answers", "--dataset-name sharegpt", func(p plan.Plan) any { return p.Workload.ShareGPT.OutputLen }, 0},
		{"one ratio for both", "--random-range-ratio 0.5", func(p plan.Plan) any { return [2]float64{p.Workload.Random.InputRange, p.Workload.Random.OutputRange} }, [2]float64{.5, .5}},
		{"two ratios", "--random-range-ratio.input 0.1 --random-range-ratio.output=.2", func(p plan.Plan) any { return [2]float64{p.Workload.Random.InputRange, p.Workload.Random.OutputRange} }, [2]float64{.1, .2}},
		{"a human length", "--max-model-len 8K", func(p plan.Plan) any { return p.Workload.MaxModelLen }, 8192},
		{"each line's own length", "--dataset-name custom --dataset-path x.jsonl --custom-output-len -1", func(p plan.Plan) any { return p.Workload.Custom.OutputLen }, -1},
		{"a file alone", "--dataset-path x.json", func(p plan.Plan) any { return p.Workload.Dataset }, ""},
		{"all saved requests", "--dataset-name requests --dataset-path x", func(p plan.Plan) any { return p.Workload.NumPrompts }, 0},
		{"some saved requests", "--dataset-name requests --dataset-path x --num-prompts 3", func(p plan.Plan) any { return p.Workload.NumPrompts }, 3},
		{"a trace has its own times", "--dataset-name timed_trace --dataset-path x", func(p plan.Plan) any { return p.Load.SelfTimed }, true},
		{"which win over a rate", "--dataset-name timed_trace --dataset-path x --request-rate 4", func(p plan.Plan) any { return p.Load.RequestRate }, inf},
		{"and are reported as vLLM does", "--dataset-name timed_trace --dataset-path x --request-rate 4 --compat vllm", func(p plan.Plan) any { return p.Load.RequestRate }, plan.Float(4)},
		{"unless they are switched off", "--dataset-name timed_trace --dataset-path x --request-rate 4 --no-self-timed", func(p plan.Plan) any { return p.Load.RequestRate }, plan.Float(4)},
		{"even arrivals", "--request-rate 2 --burstiness inf", func(p plan.Plan) any { return p.Load.Burstiness }, inf},
		{"goals, the last of a metric", "--goodput ttft:100 tpot:50.5 ttft:200", func(p plan.Plan) any { return p.Goals }, []plan.Goal{{Metric: "tpot", LimitMs: 50.5}, {Metric: "ttft", LimitMs: 200}}},
		{"metrics", "", func(p plan.Plan) any { return p.Output.Metrics }, []string{"ttft", "tpot", "itl"}},
		{"metrics with spaces", "--percentile-metrics ttft,~e2el", func(p plan.Plan) any { return p.Output.Metrics }, []string{"ttft", "e2el"}},
		{"vLLM ignores what it does not know", "--percentile-metrics ttft,~e2el,foo --compat vllm", func(p plan.Plan) any { return p.Output.Metrics }, []string{"ttft"}},
		{"percentiles", "--metric-percentiles 50,99.9", func(p plan.Plan) any { return p.Output.Percentiles }, []float64{50, 99.9}},
		{"metadata", "--metadata a=1 b=", func(p plan.Plan) any { return p.Output.Metadata }, []plan.KeyValue{{Key: "a", Value: "1"}, {Key: "b"}}},
		{"the key comes from the environment", "", func(p plan.Plan) any { return p.Target.APIKey }, "the-key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env, _, _ := fakeEnv()
			env.Getenv = func(name string) string { return map[string]string{"OPENAI_API_KEY": "the-key"}[name] }
			p, _, err := servePlanOf(env, splitWords(tt.args)...)
			if err != nil {
				t.Fatalf("%s: %v", tt.args, err)
			}
			if got := tt.get(p); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s: got %#v, want %#v", tt.args, got, tt.want)
			}
		})
	}
}

// splitWords splits at spaces; ~ stands for a space inside a word.
func splitWords(args string) []string {
	words := strings.Fields(args)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "~", " ")
	}
	return words
}

func TestServeRefuses(t *testing.T) {
	tests := []struct{ name, args, want string }{
		{"no number", "--num-prompts many", `--num-prompts: want a whole number, got "many"`},
		{"human numbers where vLLM has none", "--num-prompts 1k", `--num-prompts: want a whole number, got "1k"`},
		{"a fraction", "--port 80.5", `--port: want a whole number, got "80.5"`},
		{"a number that no machine has", "--num-prompts 99999999999999999999", "--num-prompts: 99999999999999999999 is out of range"},
		{"no port", "--port 0", "--port: want 1 to 65535, got 0"},
		{"a scheme that lost a slash", "--base-url http:/h:8000", "--base-url http:/h:8000: want http://HOST:PORT or https://HOST:PORT, with a path or none"},
		{"a scheme that lost its colon", "--base-url https//h", "--base-url https//h: want http://HOST:PORT or https://HOST:PORT, with a path or none"},
		{"the path of another API in the address", "--base-url http://h/v1/chat/completions", "--base-url http://h/v1/chat/completions ends in the path of an API: that goes to --endpoint, with the --backend that it belongs to"},
		{"no host", "--host= --port 9", `--host "": want a name or an address, such as 127.0.0.1 or [::1]`},
		{"an address for a path", "--endpoint http://h:1/v1/completions", "--endpoint http://h:1/v1/completions: want a path, such as /v1/completions: the address of the server goes to --base-url"},
		{"no JSON", "--extra-body {", `--extra-body: no valid JSON: unexpected EOF, got "{"`},
		{"no object", "--extra-body [1]", `--extra-body: want a JSON object, such as {"key": 1}, got "[1]"`},
		{"one ratio of two", `--random-range-ratio {"input":0.1}`, `--random-range-ratio: want both input and output, got "{\"input\":0.1}"`},
		{"concurrency 0", "--max-concurrency 0", "--max-concurrency: want at least 1, got 0"},
		{"length 0", "--dataset-name sharegpt --sharegpt-output-len 0", "--sharegpt-output-len: want at least 1, got 0"},
		{"a secret without = is not shown", "--header Bearer", "--header: want KEY=VALUE, entry 1 has no = (it is not shown, for it may be a secret)"},
		{"temperature inf", "--temperature inf", "--temperature: want a finite number, got inf"},
		{"times that sharegpt does not have", "--dataset-name sharegpt --no-self-timed", "--self-timed and --no-self-timed need a dataset with times: timed_trace or requests"},
		{"times and a rate", "--dataset-name requests --dataset-path x --self-timed --request-rate 1", "--self-timed and --request-rate contradict each other: leave one out"},
		{"a ramp without its end", "--ramp-up-strategy linear --ramp-up-start-rps 1 --ramp-up-end-rps 0", "--ramp-up-start-rps 1 is greater than --ramp-up-end-rps 0"},
		{"an end without a ramp", "--ramp-up-end-rps 3", "--ramp-up-end-rps needs --ramp-up-strategy"},
		{"goal without a number", "--goodput ttft", `--goodput: want METRIC:MS such as ttft:200, got "ttft"`},
		{"percentile without a number", "--metric-percentiles p99", `--metric-percentiles: want a number, got "p99"`},
		{"the server inside and another", "--simulate --port 1", "--simulate and --port contradict each other: one asks for a server inside, the other names one"},
		{"records to a folder and none", "--no-record --record-dir x", "--record-dir and --no-record contradict each other"},
		{"a tokenizer mode", "--tokenizer-mode mistral", "--tokenizer-mode: mistral is not built; use one of auto, hf"},
		{"probes", "--probe-request-rate 1", "--probe-request-rate is refused: probes are not built"},
		{"an empty path", "--dataset-path=", "--dataset-path: the path is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env, _, _ := fakeEnv()
			_, _, err := servePlanOf(env, strings.Fields(tt.args)...)
			if err == nil || err.Error() != tt.want {
				t.Errorf("%s:\n got %v\nwant %s", tt.args, err, tt.want)
			}
		})
	}
}

// TestDefaultsAreHarmless: a refused flag with its default value is no error.
func TestDefaultsAreHarmless(t *testing.T) {
	for _, f := range Table() {
		if f.Refused == "" {
			continue
		}
		env, _, _ := fakeEnv()
		value := f.Default
		if f.IsSwitch() {
			value = "false"
		}
		if value == "" {
			continue
		}
		if _, _, err := servePlanOf(env, "--"+f.Name+"="+value); err != nil {
			t.Errorf("--%s=%s: %v", f.Name, value, err)
		}
	}
}

// TestRefusedAreRefused: no refused flag is ever taken with another value.
func TestRefusedAreRefused(t *testing.T) {
	for _, f := range Table() {
		value := map[flags.Kind]string{flags.Integer: "77", flags.Number: "0.77", flags.Object: `{"a":1}`, flags.Toggle: "true"}[f.Kind]
		if value == "" {
			value = "x"
		}
		if f.Choices != nil {
			value = f.Choices[len(f.Choices)-1]
		}
		if f.Refused != "" {
			wantRefused(t, "--"+f.Name+"="+value, f.Refused)
		}
		for _, c := range f.Unbuilt {
			wantRefused(t, "--"+f.Name+"="+c, c+" is not built")
		}
	}
}

func wantRefused(t *testing.T, arg, why string) {
	t.Helper()
	env, _, _ := fakeEnv()
	if _, _, err := servePlanOf(env, arg); err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("%s: got %v, want it refused: %s", arg, err, why)
	}
}

func TestServeOptions(t *testing.T) {
	env, _, _ := fakeEnv()
	p, o, err := servePlanOf(env, "--dry-run", "--save-requests", "x.jsonl", "--disable-tqdm", "--header", "A=secret", "--num-prompts", "3",
		"--sharegpt-output-len", "5", "--base-url", "http://h/v1")
	if err != nil {
		t.Fatal(err)
	}
	if !o.DryRun || p.Output.SaveRequests != "x.jsonl" || o.Live {
		t.Errorf("got %+v, want a dry run into x.jsonl that shows nothing", o)
	}
	names := map[string]any{}
	for _, n := range o.Namespace {
		names[n.Name] = n.Value
	}
	if names["header"] != plan.Redacted || names["num_prompts"] != 3 || names["request_rate"] != math.Inf(1) || names["label"] != nil {
		t.Errorf("got the namespace %v", names)
	}
	if len(names) != 101 {
		t.Errorf("the namespace has %d names, want vLLM's 101", len(names))
	}
	want := []string{
		"--base-url is taken without its /v1, which is part of the endpoint /v1/completions",
		"--sharegpt-output-len does not count for the dataset random",
	}
	if diff := cmp.Diff(want, o.Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

// TestWithDataset: once a file is recognised the plan follows its dataset.
func TestWithDataset(t *testing.T) {
	env, _, _ := fakeEnv()
	p, o, err := servePlanOf(env, "--dataset-path", "x.json", "--request-rate", "2")
	if err != nil {
		t.Fatal(err)
	}
	trace, notes, err := o.WithDataset("timed_trace")
	if err != nil || !trace.Load.SelfTimed || !trace.Target.IgnoreEOS || len(notes) != 1 {
		t.Errorf("got %+v, %q, %v, want a self-timed plan and a note", trace.Load, notes, err)
	}
	share, _, err := o.WithDataset("sharegpt")
	if err != nil || share.Load.SelfTimed || share.Target.IgnoreEOS {
		t.Errorf("got %+v, %v, want a plan by rate", share.Load, err)
	}
	if p.Target.RequestIDPrefix != share.Target.RequestIDPrefix {
		t.Errorf("the request ids changed: %s, %s", p.Target.RequestIDPrefix, share.Target.RequestIDPrefix)
	}
	_, o, err = servePlanOf(env, "--dataset-path", "x.json", "--backend", "openai-chat")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := o.WithDataset("timed_trace"); shell.ExitCode(err) != shell.ExitUsage {
		t.Errorf("a trace by chat: got %v, want a usage error", err)
	}
}
