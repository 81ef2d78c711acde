package cli

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/sim"
)

// units are the last words of keys whose values are numbers.
func units() []string {
	return []string{"ms", "s", "us", "ns", "bytes", "kb", "mb", "gb", "mib", "gib", "hz", "w", "percent", "tps", "rps"}
}

// noNumbers lists the keys in v that end in a unit and have an object, or a list of
// objects: readers take such a key for a number.
func noNumbers(path string, v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			below := v[key]
			if list, ok := below.([]any); ok && len(list) > 0 {
				below = list[0]
			}
			_, object := below.(map[string]any)
			unit := key[strings.LastIndex(key, "_")+1:]
			if object && unit != key && slices.Contains(units(), unit) {
				out = append(out, path+"."+key)
			}
			out = append(out, noNumbers(path+"."+key, v[key])...)
		}
	case []any:
		for _, x := range v {
			out = append(out, noNumbers(path+"[]", x)...)
		}
	}
	return out
}

// TestUnitsAreNumbers walks through all JSON that the program writes.
func TestUnitsAreNumbers(t *testing.T) {
	w := newWorld(t)
	see := func(name string, text []byte) {
		t.Helper()
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if found := noNumbers(name, v); len(found) > 0 {
			slices.Sort(found)
			t.Errorf("objects where the name promises a number: %s", strings.Join(slices.Compact(found), ", "))
		}
	}
	printed := func(name string, args ...string) {
		t.Helper()
		got := w.run(args...)
		got.want(t, shell.ExitOK)
		see(name, []byte(got.stdout))
	}
	spec := "a10g/llama-3-8b/int4"
	w.run("bench", "serve", "--simulate", spec, "--virtual", "--num-prompts", "120", "--request-rate", "4", "--max-concurrency", "16", "--random-output-len", "32",
		"--gpu", "a10g", "--goodput", "ttft:200", "tpot:50", "--save-result", "--save-detailed", "--result-filename", w.path("result.json"),
		"--record-dir", w.path("record")).want(t, shell.ExitOK)
	see("result file", []byte(w.read("result.json")))
	see("run.json", []byte(w.read("record/run.json")))
	printed("report", "report", w.path("record"), "--format", "json")
	printed("report for PyTorch", "report", w.path("record"), "--format", "pytorch")
	printed("sim replay", "sim", "replay", "--requests", w.path("record"), "--model", "llama-3-8b", "--gpu", "a10g", "--json")
	printed("sol", "sol", "--requests", w.path("record"), "--model", "llama-3-8b", "--gpu", "a10g", "--json")
	printed("sol --cpu", "sol", "--cpu", "--probe-seconds", "0.05", "--array-mib", "8", "--json")
	printed("precision", "precision", "--simulate", "a10g", "--virtual", "--num-prompts", "20", "--concurrency", "1,4", "--slo", "ttft_p99=500", "--format", "json")

	s, err := sim.Start(sim.Options{Setup: setup.Setup{GPU: "a10g", Model: "llama-3-8b"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, path := range []string{"/sim/state", "/sim/truth", "/v1/models"} {
		r, err := http.Get(s.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		see(path, b)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestNoNumbers: the walk finds what it looks for, and takes names and lists of
// numbers for what they are.
func TestNoNumbers(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{`{"ttft_ms": {"mean": 1}}`, []string{".ttft_ms"}},
		{`{"a": [{"late_s": {"x": 1}}]}`, []string{".a[].late_s"}},
		{`{"steps_ms": [{"x": 1}]}`, []string{".steps_ms"}},
		{`{"ttft": {"mean_ms": 1}, "itl_ms": [1, 2], "ms": {"a": 1}, "s": {"b": 2}}`, nil},
	}
	for _, tt := range tests {
		var v any
		if err := json.Unmarshal([]byte(tt.text), &v); err != nil {
			t.Fatal(err)
		}
		if got := noNumbers("", v); !slices.Equal(got, tt.want) {
			t.Errorf("%s: found %v, want %v", tt.text, got, tt.want)
		}
	}
}
