package light

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

var update = flag.Bool("update", false, "write docs/speed-of-light.md")

const lightPage = "../../../docs/speed-of-light.md"

// TestPage checks that the tables of docs/speed-of-light.md are what the
// catalogue says; -update writes them.
func TestPage(t *testing.T) {
	raw, err := os.ReadFile(lightPage)
	if err != nil {
		t.Fatal(err)
	}
	want := fill(t, fill(t, string(raw), "cards", cardTable()), "llama", llamaTable(t))
	if *update {
		if err := os.WriteFile(lightPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(raw) != want {
		t.Errorf("%s is not current: run go test ./internal/model/light -update", lightPage)
	}
}

// fill puts a table between a mark and the end that follows it.
func fill(t *testing.T, page, mark, table string) string {
	t.Helper()
	open, end := "<!-- "+mark+" -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(page, open)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no mark %s", lightPage, mark)
	}
	return before + open + table + end + after
}

// cardTable is the datasheet of every card, with numbered sources.
func cardTable() string {
	var b strings.Builder
	var sources []string
	cell := func(q roofline.Quantity) string {
		if q.Value == 0 {
			return ""
		}
		i := slices.Index(sources, q.Source)
		if i < 0 {
			i, sources = len(sources), append(sources, q.Source)
		}
		mark := ""
		if !q.Confirmed {
			mark = "?"
		}
		return fmt.Sprintf("%s%s [%d]", strconv.FormatFloat(q.Value, 'g', 6, 64), mark, i+1)
	}
	b.WriteString("| card | bandwidth GB/s | fp16 | fp8 | int8 | fp4 | memory GiB | link GB/s one way |\n|--|--|--|--|--|--|--|--|\n")
	for _, c := range roofline.Cards() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s | %s |\n", c.Name,
			cell(c.Bandwidth), cell(c.FP16), cell(c.FP8), cell(c.Int8), cell(c.FP4), cell(c.Memory), cell(c.Link))
	}
	b.WriteString("\n")
	for i, s := range sources {
		fmt.Fprintf(&b, "%d. %s\n", i+1, s)
	}
	return b.String()
}

// llamaTable is the limit of one model on every card.
func llamaTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| card | TPOT fp16 / fp8 / int4 ms | TTFT fp16 / fp8 ms | batch where compute = weights, fp16 / fp8 / int4 |\n|--|--|--|--|\n")
	for _, c := range roofline.Cards() {
		var tpot, ttft, batch []string
		for _, p := range []string{"fp16", "fp8", "int4"} {
			s := build(t, setup.Setup{Model: "llama-3-8b", GPU: c.Name, Precision: p}).Sheet(Question{Input: 1000, Output: 1})
			word := fmt.Sprintf("%.2f", s.WeightsMs)
			if s.DoesNotFit != "" {
				word += " (does not fit)"
			}
			tpot, batch = append(tpot, word), append(batch, fmt.Sprintf("%.0f", s.Balance))
			if p != "int4" {
				ttft = append(ttft, fmt.Sprintf("%.1f", s.Alone.TTFT))
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Name, strings.Join(tpot, " / "), strings.Join(ttft, " / "), strings.Join(batch, " / "))
	}
	return b.String()
}
