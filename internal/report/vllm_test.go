package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
	"tokmeter/internal/report"
	"tokmeter/internal/result"
)

// resultTime is the date of every golden.
var resultTime = time.Date(2026, 11, 24, 10, 11, 12, 0, time.UTC)

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (c *golden) run() result.Result {
	recs := record.PassOf(c.Records...)
	changes, err := metrics.RateChanges(recs, c.Ending, c.plan)
	if err != nil {
		panic(err)
	}
	summary, err := metrics.Summarize(recs, c.Ending, c.plan)
	if err != nil {
		panic(err)
	}
	for i := range changes {
		changes[i].At = changes[i].At.UTC()
	}
	return result.Result{
		Plan:        c.plan,
		Summary:     summary,
		Records:     recs,
		Head:        record.Head{Begun: resultTime},
		RateChanges: changes,
	}
}

// vllmText is what vLLM printed, without its advice to install a plotter.
func vllmText(t *testing.T, c *golden) string {
	t.Helper()
	out := read(t, dir(c.name), "stdout.txt")
	return strings.ReplaceAll(out, "tip: install termplotlib and gnuplot to plot the metrics\n", "")
}

// TestTextAsVLLM compares the block under --compat with vLLM's, to the byte.
func TestTextAsVLLM(t *testing.T) {
	for _, c := range goldens() {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			r := c.run()
			if err := report.Text(&b, r, false); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(vllmText(t, &c), b.String()); diff != "" {
				t.Errorf("%s (-vLLM +got):\n%s", c.Why, diff)
			}
		})
	}
}

// TestJSONAsVLLM compares the result file under --compat with vLLM's, to the
// byte and so to the last digit.
func TestJSONAsVLLM(t *testing.T) {
	for _, c := range goldens() {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := report.JSON(&b, c.run()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(spread(read(t, dir(c.name), "result.json")), spread(b.String())); diff != "" {
				t.Errorf("%s (-vLLM +got):\n%s", c.Why, diff)
			}
		})
	}
}

// spread gives every key a line of its own, so that a difference is readable.
func spread(s string) []string { return strings.SplitAfter(s, `, "`) }

// TestFileNameAsVLLM compares the names of result files.
func TestFileNameAsVLLM(t *testing.T) {
	for _, c := range goldens() {
		if got, want := report.FileName(c.plan, resultTime), read(t, dir(c.name), "name.txt"); got != want {
			t.Errorf("%s: got %q, want %q", c.name, got, want)
		}
	}
}

// TestPyTorchAsVLLM compares the PyTorch records with vLLM's.
func TestPyTorchAsVLLM(t *testing.T) {
	compared := 0
	for _, c := range goldens() {
		want, err := os.ReadFile(filepath.Join(dir(c.name), "pytorch.json"))
		if err != nil {
			continue // vLLM wrote none
		}
		compared++
		t.Run(c.name, func(t *testing.T) {
			r := c.run()
			r.Head.Options = argsOf(t, want)
			var b bytes.Buffer
			if err := report.PyTorch(&b, r); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(spread(string(want)), spread(b.String())); diff != "" {
				t.Errorf("(-vLLM +got):\n%s", diff)
			}
		})
	}
	if compared < 4 {
		t.Errorf("only %d cases have a PyTorch file", compared)
	}
}

// argsOf reads the command line back from vLLM's first record, in its order.
func argsOf(t *testing.T, records []byte) json.RawMessage {
	t.Helper()
	var all []struct {
		Benchmark struct {
			Extra struct {
				Args json.RawMessage `json:"args"`
			} `json:"extra_info"`
		} `json:"benchmark"`
	}
	if err := json.Unmarshal(records, &all); err != nil {
		t.Fatal(err)
	}
	return all[0].Benchmark.Extra.Args
}
