package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/cli/argv"
)

// TestLimitFlagsLeaveVLLMAlone: whatever beginning of a flag of vLLM's is typed,
// it means the same with the flags of the speed of light as without them.
func TestLimitFlagsLeaveVLLMAlone(t *testing.T) {
	ours := map[string]bool{}
	for _, f := range limitFlags() {
		ours[f.Name] = true
	}
	with := serveTable()
	var without table
	for _, f := range with {
		if !ours[f.Name] {
			without = append(without, f)
		}
	}
	if len(without) != len(with)-len(ours) {
		t.Fatalf("the table has %d flags and %d without ours", len(with), len(without))
	}
	read := func(table table, words ...string) any {
		p, err := argv.Parse(table.options(), table.lengthen(words), os.ReadFile)
		if err != nil {
			return "refused"
		}
		return p.Settings
	}
	n := 0
	for _, f := range without {
		for i := 1; i <= len(f.Name); i++ {
			name := "--" + f.Name[:i]
			for _, words := range [][]string{{name}, {name, "1"}, {name + "=1"}, {strings.ReplaceAll(name, "-", "_")}} {
				// A beginning that several flags have may name more of them.
				if diff := cmp.Diff(read(without, words...), read(with, words...)); diff != "" {
					t.Errorf("%q reads otherwise (-without +with):\n%s", words, diff)
				}
				n++
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d words were read", n)
	}
}

// TestCards: -tp, --tp and the whole name are one flag.
func TestCards(t *testing.T) {
	for _, words := range []string{"-tp 2", "--tp 2", "-tp=2", "--tp=2", "--tensor-parallel-size 2", "--tensor_parallel_size=2"} {
		env, _, _ := fakeEnv()
		p, _, err := servePlanOf(env, serveTable().lengthen(append(splitWords(words), "--gpu", "a10g"))...)
		if err != nil || p.Light.TP != 2 || p.Light.GPU != "a10g" {
			t.Errorf("%s: got %+v (%v), want two cards", words, p.Light, err)
		}
	}
}

// TestIdealEngineIsItsLimit: the server inside with perfect kernels, measured
// over HTTP, is as fast as the limit that is printed beside it.
func TestIdealEngineIsItsLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	env, _, stderr := fakeEnv("bench", "serve", "--simulate", "a10g/llama-3-8b/fp16,constants=ideal", "--num-prompts", "6", "--request-rate", "10",
		"--random-input-len", "200", "--random-output-len", "12", "--no-record", "--no-live", "--save-result", "--result-filename", path)
	env.Now = time.Now
	if code := Main(env); code != ExitOK {
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
