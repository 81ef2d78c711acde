package cli

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"tokmeter/internal/cli/shell"
)

// TestSizing makes the table of docs/simulator.md that says how many instances hold
// a rate, by the command that stands above it; -update writes the table.
func TestSizing(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves out what takes seconds")
	}
	const page = "../../docs/simulator.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## Sizing")
	command, _, _ := strings.Cut(strings.SplitN(section, "```sh\n", 2)[1], "\n")
	old := regexp.MustCompile(`(?m)(?:^\| [0-9]+ \|.*\n)+`).FindString(section)
	var table strings.Builder
	var p99 []float64
	for instances := 3; instances <= 6; instances++ {
		rate := fmt.Sprint(math.Round(2000/float64(instances)) / 100)
		w := &world{t: t, dir: t.TempDir(), env: map[string]string{"HF_HUB_OFFLINE": "1"}}
		words := strings.Fields(strings.NewReplacer("tokmeter ", "", "--request-rate 5", "--request-rate "+rate, "--burstiness 4", fmt.Sprintf("--burstiness %d", instances)).Replace(command))
		w.run(append(words, "--no-record", "--no-live", "--save-result", "--result-filename", w.path("result.json"))...).want(t, shell.ExitOK)
		r := w.result()
		p99 = append(p99, r["p99_ttft_ms"].(float64))
		fmt.Fprintf(&table, "| %d | %s | %d | %s | %.0f |\n", instances, rate, instances, grouped(p99[len(p99)-1]), r["p99_tpot_ms"])
	}
	if *update {
		if err := os.WriteFile(page, []byte(strings.Replace(string(text), old, table.String(), 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table.String() {
		t.Errorf("docs/simulator.md has\n%s\nwant (-update writes it)\n%s", old, table.String())
	}
	if !(p99[1] > 500 && p99[2] < 500) {
		t.Errorf("P99 TTFT is %v ms with 3 to 6 instances; the page says that five hold 500 ms and four don't", p99)
	}
}

// grouped writes a number without decimals, its thousands split by commas.
func grouped(x float64) string {
	s := fmt.Sprintf("%.0f", x)
	if len(s) > 3 {
		s = s[:len(s)-3] + "," + s[len(s)-3:]
	}
	return s
}
