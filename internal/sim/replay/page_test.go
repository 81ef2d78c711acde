package replay

import (
	"flag"
	"fmt"
	"os"
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
	if d := cmp.Diff(want, page[i+len(open):j]); d != "" {
		b.t.Errorf("docs/simulator.md is not what the simulator computes; go test ./internal/sim/replay -update writes it: -computed +page\n%s", d)
	}
}
