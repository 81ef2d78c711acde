package precision

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/compare"
	"tokmeter/internal/experiment"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/plan"
)

var update = flag.Bool("update", false, "write golden files")

// serveFlags are the names of bench serve's flags, from the page that a test of
// cli keeps equal to the program.
func serveFlags(t testing.TB) []string {
	t.Helper()
	b, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	page, _, _ := strings.Cut(string(b), "\n## tokmeter sim\n")
	var out []string
	for _, m := range regexp.MustCompile("(?m)^\\| `--([a-z0-9-]+)").FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	if len(out) < 60 {
		t.Fatalf("docs/cli.md has %d flags, want all of bench serve's", len(out))
	}
	return out
}

// TestExamples: they parse, use flags that exist, and are what their names say.
func TestExamples(t *testing.T) {
	flags := serveFlags(t)
	files, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("got examples %v, %v", files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Read(filepath.Base(file), b, flags, inCatalogue)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if len(s.Loads()) == 0 || s.Title == "" {
			t.Errorf("%s: got %+v, want a title and loads", file, s)
		}
		for _, v := range s.Variants {
			if v.Simulate == "" && !strings.Contains(strings.Join(v.Argv(), " "), v.Model) {
				t.Errorf("%s: %q does not serve %s", file, v.Argv(), v.Model)
			}
		}
	}
}

// TestSimulatedExample: the example is what `--simulate a10g,engine=vllm-v0-2024`
// alone asks for.
func TestSimulatedExample(t *testing.T) {
	b, err := os.ReadFile("../../examples/precision-simulated.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Read("precision-simulated.yaml", b, serveFlags(t), inCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Stubs("a10g,engine=vllm-v0-2024"), s.Variants); d != "" {
		t.Errorf("stubs and example (-stubs +example):\n%s", d)
	}
	if !s.InParallel() {
		t.Error("want simulated variants in parallel")
	}
}

func TestRead(t *testing.T) {
	s, err := Read("s.yaml", []byte(`
title: T
rounds: 3
concurrency: 1,8
slo: [ttft_p99=500, tpot_mean=50]
search: {confirm: 0, high: 32}
warm-up: {batch: 4, within: 0.2}
ready_timeout: 90s
price-per-hour: 1.5
args: --a 'b c'
env: {A: "1", B: x}
command: serve {model} --port {port}
bench:
  num-prompts: 100
  request-rate: 2
  header: [X=1, Y=2]
  ignore_eos: true
  extra-body: {a: {b: [1, x, null]}}
variants:
  - precision: fp16
    model: m
    env: {B: "y"}
  - {name: other, model: m2, precision: int4, url: "http://h:1", price-per-hour: 2}
`), nil, inCatalogue)
	if err != nil {
		t.Fatal(err)
	}
	parallel := false
	want := Spec{
		Title: "T", Baseline: "fp16", Rounds: 3, Concurrency: []int{1, 8}, Parallel: &parallel,
		Goals:  []plan.SLO{{Metric: "ttft", Percentile: 99, Limit: 500}, {Metric: "tpot", Limit: 50}},
		Search: experiment.Bounds{Start: 1, Low: 0.0625, High: 32, Tolerance: 0.05, Confirm: -1, Most: 30},
		Warm:   experiment.WarmRule{Batch: 4, Within: 0.2, Most: 6}, Cache: experiment.CacheSalt, Currency: "USD", ReadyTimeout: 90 * time.Second, StopTimeout: 30 * time.Second,
		Bench: []Flag{
			{"extra-body", []string{`{"a":{"b":[1,"x",null]}}`}}, {"header", []string{"X=1", "Y=2"}}, {"ignore-eos", []string{"true"}},
			{"num-prompts", []string{"100"}}, {"request-rate", []string{"2"}},
		},
		Variants: []Variant{
			{Name: "fp16", Model: "m", Precision: "fp16", Command: []string{"serve", "{model}", "--port", "{port}"}, Args: []string{"--a", "b c"}, Env: map[string]string{"A": "1", "B": "y"}, Price: 1.5},
			{Name: "other", Model: "m2", Precision: "int4", URL: "http://h:1", Price: 2},
		},
	}
	if d := cmp.Diff(want, s); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if d := cmp.Diff([]compare.Load{{Rate: 2}, {Concurrency: 1}, {Concurrency: 8}}, s.Loads()); d != "" {
		t.Errorf("loads (-want +got):\n%s", d)
	}
}

// TestReadProblems: each problem has its line, and all are there at once.
func TestReadProblems(t *testing.T) {
	tests := []struct{ reason, text, want string }{
		{"empty", "", "s.yaml: the file is empty: examples/ has specs to begin with"},
		{"no map", "- a", "s.yaml:1: want keys with values, got a list"},
		{"broken YAML names the line", "a: b\n c: [", "s.yaml: line 2: mapping values are not allowed in this context"},
		{"unknown keys with the nearest", "roundz: 3\nvariants:\n  - {name: a, presision: x}\n", "s.yaml:1: unknown key \"roundz\": did you mean rounds?\ns.yaml:3: unknown key \"presision\": did you mean precision?"},
		{"a key twice", "rounds: 1\nrounds: 2", "s.yaml:2: rounds: given twice"},
		{"values of a wrong kind, all of them", "rounds: x\nparallel: 3\nready-timeout: 5\nslo: ttft=5\nconcurrency: 1,b\ndrift:", "s.yaml:1: rounds: want a number, got \"x\"\ns.yaml:2: parallel: want true or false, got \"3\"\ns.yaml:3: ready-timeout: want a time with its unit, such as 90s or 15m, got \"5\"\ns.yaml:4: slo: \"ttft=5\": which statistic? want _mean, _median or a percentile such as _p99\ns.yaml:5: concurrency: want numbers, got \"b\"\ns.yaml:6: drift: no value: leave the line out, or give one"},
		{"a flag without a value", "bench: {seed: }", "s.yaml:1: bench: seed: no value: leave the line out, or give one"},
		{"a quote without an end", "command: a 'b", "s.yaml:1: command: \"a 'b\": a quote has no end"},
		{"no variants", "rounds: 1", "s.yaml: variants: none: name at least one way of serving"},
		{"rules, all at once", `
baseline: fp61
rounds: 2000
cache: no
bench: {request-rate: fast, num-promts: 3, model: x}
variants:
  - {name: fp16, precision: fp16, model: m, url: "h:1"}
  - {name: fp16, precision: fp16, model: m, command: "serve {modle}"}
  - {precision: int4, model: m, url: "http://h", simulate: a10g}
`, `s.yaml: variant "fp16": url "h:1": want http://host:port
s.yaml: variant "fp16": the name is that of variant 1 too: give each its own
s.yaml: variant "fp16": command: {modle} stands for nothing: did you mean {model}?; want {model}, {served}, {tokenizer}, {precision}, {name}, {host}, {port}
s.yaml: variant "fp16": command: no {port} in it: the engine is given a free one
s.yaml: variant "int4": want one of url, command and simulate, got 2 of them
s.yaml: variant "int4": simulate a10g/m/int4: --model: model "m" is not in the catalogue; tokmeter sim models lists them, or give a folder with config.json
s.yaml: baseline: "fp61" is no variant: did you mean fp16?
s.yaml: rounds: 2000: want 1 to 1000
s.yaml: cache: "no": want salt, reset or keep
s.yaml: bench.model: a variant says it: give it there
s.yaml: bench.num-promts: bench serve has no such flag: did you mean num-prompts?
s.yaml: bench.request-rate: "fast": want requests a second, or inf`},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			_, err := Read("s.yaml", []byte(tt.text), []string{"num-prompts", "request-rate", "model"}, inCatalogue)
			if err == nil {
				t.Fatal("no error")
			}
			if d := cmp.Diff(tt.want, err.Error()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("../../examples/*.yaml")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("variants: [&a {name: x, env: {a: *a}}, *a]"))
	f.Add([]byte("warm-up: off\nsearch: {most: 0}\nbench: {a: {b: *c}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := read("s", text)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("an error without a word")
			}
			return
		}
		for _, v := range s.Variants {
			if strings.Contains(v.Simulate, "/") && len(v.Simulate) > 0 {
				return // finds files by their name
			}
		}
		s.Fill()
		if s.Validate(nil) == nil && len(s.Loads()) == 0 {
			t.Errorf("a valid spec without a load: %+v", s)
		}
	})
}

func TestWords(t *testing.T) {
	tests := []struct {
		reason, text string
		want         []string
	}{
		{"spaces and lines", " a  b\n c\t", []string{"a", "b", "c"}},
		{"quotes hold together, also within a word", `a="b c"'d e' ''`, []string{"a=b cd e", ""}},
		{"backslashes", `a\ b "c\"d\e" '\'`, []string{"a b", `c"d\e`, `\`}},
		{"a line that goes on", "a \\\n b", []string{"a", "", "b"}},
		{"no shell", "$A | *", []string{"$A", "|", "*"}},
	}
	for _, tt := range tests {
		got, err := Words(tt.text)
		if err != nil || !cmp.Equal(got, tt.want) {
			t.Errorf("%s: got %q, %v, want %q", tt.reason, got, err, tt.want)
		}
	}
	for _, bad := range []string{"", `"a`, "a\\"} {
		if got, err := Words(bad); err == nil {
			t.Errorf("%q: got %q, want an error", bad, got)
		}
	}
}

func TestParseVariant(t *testing.T) {
	tests := []struct {
		text, simulate string
		want           Variant
		err            string
	}{
		{"o/m=fp16@http://h:1", "", Variant{Name: "fp16", Model: "o/m", Precision: "fp16", URL: "http://h:1"}, ""},
		{"llama-3-8b=INT4", "a10g,tp=2", Variant{Name: "INT4", Model: "llama-3-8b", Precision: "INT4", Simulate: "a10g/llama-3-8b/int4,tp=2"}, ""},
		{"m=fp16@", "", Variant{}, "no URL behind @"},
		{"m=", "a10g", Variant{}, "no precision"},
		{"m", "a10g", Variant{}, "no name"},
		{"m=fp16", "", Variant{}, "nothing serves it"},
	}
	for _, tt := range tests {
		got, err := ParseVariant(tt.text, tt.simulate, nil)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: got %v, want %q", tt.text, err, tt.err)
			}
			continue
		}
		if d := cmp.Diff(tt.want, got); err != nil || d != "" {
			t.Errorf("%s: %v (-want +got):\n%s", tt.text, err, d)
		}
	}
	same := []Variant{{Name: "a"}, {Name: "b"}, {Name: "a"}}
	Distinct(same)
	if d := cmp.Diff([]Variant{{Name: "a-1"}, {Name: "b"}, {Name: "a-2"}}, same); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestReference keeps docs/precision-spec.md equal to the reader's tables.
func TestReference(t *testing.T) {
	const page = "../../docs/precision-spec.md"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const mark = "## The file\n"
	head, _, _ := strings.Cut(string(b), mark)
	want := head + reference()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, string(b)); d != "" {
		t.Errorf("%s is not what the reader takes (-reader +page); go test -run Reference -update writes it:\n%s", page, d)
	}
}

// inCatalogue finds no model beyond the catalogue's.
func inCatalogue(*setup.Setup) error { return nil }
