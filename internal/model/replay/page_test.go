package replay

import (
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the tables of docs/simulator.md")

const simulatorPage = "../../../docs/simulator.md"

// A table is one of docs/simulator.md, between the marks <!-- NAME --> and
// <!-- /NAME -->: what the page says is what the tests compute.
type table struct {
	t     testing.TB
	name  string
	lines []string
}

func newTable(t testing.TB, name string, head ...string) *table {
	return &table{t: t, name: name, lines: head}
}

func (b *table) add(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	b.t.Log(line)
	b.lines = append(b.lines, line)
}

// check compares the table with the page's, or writes it with -update.
func (b *table) check() {
	b.t.Helper()
	text, err := os.ReadFile(simulatorPage)
	if err != nil {
		b.t.Fatal(err)
	}
	page, open, end := string(text), "<!-- "+b.name+" -->\n", "<!-- /"+b.name+" -->"
	i := strings.Index(page, open)
	j := strings.Index(page, end)
	if i < 0 || j < i {
		b.t.Fatalf("%s has no %s … %s", simulatorPage, strings.TrimSpace(open), end)
	}
	want := strings.Join(b.lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(simulatorPage, []byte(page[:i+len(open)]+want+page[j:]), 0o644); err != nil {
			b.t.Fatal(err)
		}
		return
	}
	got := page[i+len(open) : j]
	if d := cmp.Diff(want, got); d != "" && !near(want, got) {
		b.t.Errorf("docs/simulator.md is not what the simulator computes; go test ./internal/model/replay -update writes it: -computed +page\n%s", d)
	}
}

// The table of kernels is the one that the roofline's own tests write.
func TestKernelsPage(t *testing.T) {
	text, err := os.ReadFile("../roofline/testdata/kernel-errors.md")
	if err != nil {
		t.Fatal(err)
	}
	newTable(t, "kernels", strings.Split(strings.TrimSpace(string(text)), "\n")...).check()
}

// near reports whether two tables have the same words, and numbers that differ
// by no more than what the order of additions on another processor makes of
// them: it moves a request to another step now and then.
func near(a, b string) bool {
	number := regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)
	if number.ReplaceAllString(a, "#") != number.ReplaceAllString(b, "#") {
		return false
	}
	x, y := number.FindAllString(a, -1), number.FindAllString(b, -1)
	for i := range x {
		v, _ := strconv.ParseFloat(x[i], 64)
		w, _ := strconv.ParseFloat(y[i], 64)
		if math.Abs(v-w) > 0.3+0.02*math.Abs(v) {
			// deviations over seeds follow single requests
			if !strings.Contains(b, "± "+y[i]) || math.Abs(v-w) > 0.5+0.2*math.Abs(v) {
				return false
			}
		}
	}
	return true
}

func TestNear(t *testing.T) {
	for _, c := range []struct {
		why, a, b string
		want      bool
	}{
		{"equal", "| x | +1.0 / 190 |", "| x | +1.0 / 190 |", true},
		{"last digits", "| x | 103.7 ± 28.3 |", "| x | 103.8 ± 32.0 |", true},
		{"another number", "| x | 103.7 |", "| x | 108.7 |", false},
		{"another sign", "| x | +0.1 |", "| x | -0.1 |", false},
		{"another word", "| x | 1 |", "| y | 1 |", false},
		{"more of them", "| x | 1 |", "| x | 1 | 2 |", false},
	} {
		if got := near(c.a, c.b); got != c.want {
			t.Errorf("%s: %q and %q: got %v, want %v", c.why, c.a, c.b, got, c.want)
		}
	}
}
