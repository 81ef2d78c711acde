package foreign

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/compare"
)

var update = flag.Bool("update", false, "write the golden file")

// load reads files of testdata.
func load(t testing.TB, names ...string) []File {
	t.Helper()
	var out []File
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join("testdata", n))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, File{filepath.Base(n), b})
	}
	return out
}

// recorded is the files of each tool; testdata/README.md says where each is from.
func recorded() map[string][]string {
	return map[string][]string{
		"vllm python":          {"vllm/python-0.32.0-plain.json"},
		"vllm python failed":   {"vllm/python-0.32.0-failed.json"},
		"vllm python chat":     {"vllm/python-0.32.0-chat.json"},
		"vllm rust detailed":   {"vllm/rust-0.33.0-detailed.json"},
		"vllm old":             {"vllm/benchmark_serving.json"},
		"sglang":               {"public/sglang.jsonl"},
		"guidellm":             {"guidellm-0.8.1/benchmarks.json"},
		"aiperf":               {"aiperf-0.13.0/profile_export_aiperf.json", "aiperf-0.13.0/profile_export.jsonl"},
		"aiperf summary":       {"aiperf-0.13.0/profile_export_aiperf.json"},
		"inference-perf":       {"inference-perf-0.7.0/summary_lifecycle_metrics.json", "inference-perf-0.7.0/stage_0_lifecycle_metrics.json", "inference-perf-0.7.0/per_request_lifecycle_metrics.json"},
		"inference-perf alone": {"inference-perf-0.7.0/summary_lifecycle_metrics.json"},
		"genai-bench":          {"genai-bench-0.0.5/D64_16_text-to-text_num_concurrency_4_time_1s.json", "genai-bench-0.0.5/experiment_metadata.json"},
		"evalscope":            {"evalscope-1.14.1/benchmark_summary.json", "evalscope-1.14.1/benchmark_percentile.json", "evalscope-1.14.1/benchmark_args.json"},
		"llmperf":              {"public/llmperf_summary.json"},
		"llmperf with few":     {"public/llmperf_summary.json", "public/llmperf_individual_responses.json"},
		"llmperf responses":    {"public/llmperf_individual_responses.json"},
		"accelmark":            {"public/accelmark.json"},
		"inferencex":           {"public/inferencex.json"},
		"loadgen offline":      {"public/mlperf_log_summary.txt"},
		"loadgen server":       {"public/mlperf_server_summary.txt"},
		"llm-d":                {"llm-d-0.2.1/report.yaml"},
	}
}

// A view is what a golden file shows of a result.
type view struct {
	Tool, Part       string
	Requests, Failed int
	Told             map[string]float64
	Series           map[string]int
	Workload         []compare.Fact
	Environment      []compare.Fact
	Unequal          []compare.Unequal
}

func viewOf(r compare.Result) view {
	v := view{Tool: r.Tool, Part: r.Part, Requests: r.Requests, Failed: r.Failed, Told: map[string]float64{}, Series: map[string]int{}, Workload: r.Workload, Environment: r.Environment, Unequal: r.Unequal}
	for q, x := range r.Told {
		v.Told[q.String()] = math.Round(x*1e6) / 1e6
	}
	for m, x := range r.Series {
		v.Series[string(m)] = len(x)
	}
	return v
}

// TestRecorded reads what the real tools wrote.
func TestRecorded(t *testing.T) {
	got := map[string][]view{}
	for name, files := range recorded() {
		all, err := Read(load(t, files...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, r := range all {
			got[name] = append(got[name], viewOf(r))
		}
	}
	path := filepath.Join("testdata", "recorded.golden")
	text, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.TrimSpace(string(want)), string(text)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestSingleRequestsAgree: statistics made of single requests are those that the
// tool itself tells, where its definition is the same.
func TestSingleRequestsAgree(t *testing.T) {
	for name, c := range map[string]struct {
		metrics []compare.Metric
		within  float64
	}{
		"vllm rust detailed": {[]compare.Metric{compare.TTFT, compare.TPOT, compare.ITL, compare.E2EL}, 1e-9},
		"aiperf":             {[]compare.Metric{compare.TTFT, compare.TPOT, compare.ITL, compare.E2EL}, 1e-9},
		"genai-bench":        {[]compare.Metric{compare.TTFT, compare.TPOT, compare.E2EL}, 1e-9},
		"guidellm":           {[]compare.Metric{compare.TTFT, compare.TPOT, compare.E2EL}, 1e-9},
		// Its body ends after the last chunk.
		"inference-perf": {[]compare.Metric{compare.TTFT, compare.E2EL}, 0.02},
	} {
		all, err := Read(load(t, recorded()[name]...))
		if err != nil || len(all) != 1 {
			t.Errorf("%s: got %d results, %v", name, len(all), err)
			continue
		}
		for _, m := range c.metrics {
			sum, n := 0.0, 0
			for _, x := range all[0].Series[m] {
				if !math.IsNaN(x) {
					sum, n = sum+x, n+1
				}
			}
			want := all[0].Told[compare.Quantity{Metric: m}]
			if got := sum / float64(n); !(math.Abs(got-want) <= c.within*want) {
				t.Errorf("%s: mean %s: got %v of %d values, the tool tells %v", name, m, got, n, want)
			}
		}
	}
}

// TestPythonNumbers: what Python writes for numbers that are none is no number,
// and in a text it stays.
func TestPythonNumbers(t *testing.T) {
	for in, want := range map[string]string{
		`{"a": NaN, "b": -Infinity, "c": [Infinity]}`: `{"a": null, "b": null, "c": [null]}`,
		`{"a": "NaN \" NaN", "b": NaN}`:               `{"a": "NaN \" NaN", "b": null}`,
		`{"a": 1}`:                                    `{"a": 1}`,
	} {
		if got := string(plainNumbers([]byte(in))); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// TestRefused: what is no result is refused with the tools that are known.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"other JSON":    {`{"hello": 1}`, "known are files of tokmeter, GuideLLM"},
		"broken JSON":   {`{"duration": `, "no JSON"},
		"nothing":       {``, "no result of a known tool"},
		"a picture":     {"\x89PNG\r\n", "no result of a known tool"},
		"another shape": {`{"duration": {}, "completed": [], "mean_ttft_ms": "x"}`, "no result of a known tool"},
	} {
		_, err := Read([]File{{"x.json", []byte(c.text)}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
}

// FuzzRead: whatever a file holds, reading ends, and numbers are positive.
func FuzzRead(f *testing.F) {
	for _, files := range recorded() {
		for _, file := range load(f, files...) {
			f.Add(file.Name, file.Data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		all, err := Read([]File{{name, data}})
		if (err == nil) != (len(all) > 0) {
			t.Fatalf("%d results and %v", len(all), err)
		}
		for _, r := range all {
			for q, x := range r.Told {
				if !(x > 0) || math.IsInf(x, 0) {
					t.Errorf("%s is %v", q, x)
				}
			}
			if r.Failed > r.Requests && r.Requests >= 0 {
				t.Errorf("%d of %d failed", r.Failed, r.Requests)
			}
			for m, x := range r.Series {
				if slices.ContainsFunc(x, func(v float64) bool { return math.IsInf(v, 0) || v < 0 }) {
					t.Errorf("%s has values that can't be", m)
				}
			}
		}
	})
}
