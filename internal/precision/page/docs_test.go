package page

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

const precisionOutput = "../../../docs/precision-output.md"

// TestOutputPage checks that docs/precision-output.md is what the tables
// of the writers say; -update writes it.
func TestOutputPage(t *testing.T) {
	want := outputPage()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(precisionOutput, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(precisionOutput)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not current: run go test ./internal/precision/page -update", precisionOutput)
	}
}

// TestFieldsOnce: no two columns have one name.
func TestFieldsOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range columns() {
		if seen[c] {
			t.Errorf("%q is a column twice", c)
		}
		seen[c] = true
	}
}

func outputPage() string {
	var b strings.Builder
	b.WriteString(`# What the precision table is written as

This page is made from the tables that the writers use: ` + "`go test ./internal/precision/page -update`" + ` writes it. Every number comes from the comparison; no format computes one, so all say the same.

| format | holds |
|--|--|
| terminal, Markdown | differences, the table, the drift of the answers, the views by concurrency and by rate, the rates that the search found, verdicts, notes; in the wide form also ratios, speed of light, power and price |
| HTML | the wide form in one file that loads nothing and runs no script, for light and dark screens, with charts of the speedup by variant and by requests in flight |
| CSV | a row for each variant at each load |
| JSON | everything |

A variant that failed has "failed" in its row and the reason below the table; a speedup that is withheld has "withheld" there and its reason below. A row that was simulated says so in every format.

## JSON

`)
	fmt.Fprintf(&b, "`tokmeter_precision` is %d: it changes when a key goes or changes its meaning. Keys come in this order; the same runs give the same bytes. What is not known is `null`: there is no NaN. The first of `views` is the table.\n\n", Version)
	b.WriteString("An *estimate* is an object of `value`, `low` and `high` (its 95 % interval; null where there are too few samples to tell) and `n` (samples), or null.\n\n")
	estimates := map[string]bool{}
	for _, f := range fields() {
		estimates["views[].variants[]."+f.key] = f.estimated() && !f.flat()
	}
	b.WriteString("| key | unit | what it is |\n|--|--|--|\n")
	for _, k := range keys() {
		meaning := k.meaning
		if estimates[k.path] {
			meaning = "*estimate*: " + meaning
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.path, k.unit, meaning)
	}
	b.WriteString("\n## CSV\n\nA head, then a row for each variant at each load, those of the table first. What is not known is empty. Numbers have all their digits; quotes are those of RFC 4180.\n\n| column | unit | what it is |\n|--|--|--|\n")
	line := func(key, unit, meaning string) { fmt.Fprintf(&b, "| `%s` | %s | %s |\n", key, unit, meaning) }
	for _, f := range csvFirst() {
		line(f.key, f.unit, f.meaning)
	}
	for _, f := range loadFields() {
		line(f.key, f.unit, f.meaning)
	}
	for _, f := range fields() {
		line(f.key, f.unit, f.meaning)
		if f.estimated() {
			fmt.Fprintf(&b, "| `%s_low`, `%s_high` | %s | its 95 %% interval |\n", f.key, f.key, f.unit)
		}
	}
	for _, f := range csvLast() {
		line(f.key, f.unit, f.meaning)
	}
	return b.String()
}
