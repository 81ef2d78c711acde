package report

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
)

const metricsPage = "../../docs/metrics.md"

// TestMetricsPage checks that docs/metrics.md is what the report's own tables
// say; -update writes it.
func TestMetricsPage(t *testing.T) {
	want := page()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(metricsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(metricsPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not current: run go test ./internal/report -update", metricsPage)
	}
}

// TestEveryKeyDocumented: no key of the result file is missing from the page.
func TestEveryKeyDocumented(t *testing.T) {
	r := result.Result{Summary: metrics.Summary{Dists: map[metrics.ID]metrics.Dist{}, Speculation: &metrics.Speculation{}, Diffusion: &metrics.Diffusion{}}}
	r.Plan.Output.SaveDetailed = true
	text := page()
	for _, key := range resultObject(&r).keys {
		if !strings.Contains(text, "`"+key+"`") {
			t.Errorf("%s does not mention %q", metricsPage, key)
		}
	}
}

// TestKeysOnce: no key is defined by two tables.
func TestKeysOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range definedKeys() {
		if seen[key] {
			t.Errorf("%q is defined twice", key)
		}
		seen[key] = true
	}
}

func definedKeys() []string {
	var keys []string
	for _, d := range scalars() {
		keys = append(keys, d.key)
	}
	for _, a := range arrays() {
		keys = append(keys, a.key)
	}
	for _, d := range result.Definitions() {
		for _, k := range d.Keys {
			keys = append(keys, k.Name)
		}
	}
	return keys
}

// page is docs/metrics.md.
func page() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p("%s", intro)
	p("## Latencies\n\nEach has `mean_X_ms`, `median_X_ms`, `std_X_ms` and `pP_X_ms` for every P of `--metric-percentiles`. vLLM's are there when `--percentile-metrics` names them; the others whenever they exist.\n\n")
	p("| X | in the text | one sample is | over | when | vLLM's |\n|--|--|--|--|--|--|\n")
	for _, d := range metrics.Latencies() {
		p("| `%s` | %s | %s | %s | %s | %s |\n", d.ID, d.Name, d.Formula, d.Over, d.When, yes(d.VLLM))
	}
	p("\n`late` and `client_lag` are in the result file as `p50_late_ms`, `p99_late_ms`, `max_late_ms`, and the same of `client_lag`.\n")
	p("\n## Single numbers\n\nAll are vLLM's, in the order of the text block. A row without a label is in the result file alone.\n\n")
	p("| key | label | unit | what it is |\n|--|--|--|--|\n")
	for _, d := range scalars() {
		p("| `%s` | %s | %s | %s |\n", d.key, strings.TrimSuffix(d.label, ":"), d.unit, d.formula)
	}
	p("\n## One entry a request\n\nIn order of sending. Those marked are kept by `--save-detailed` only.\n\n")
	p("| key | unit | what it is | detailed |\n|--|--|--|--|\n")
	for _, a := range arrays() {
		p("| `%s` | %s | %s | %s |\n", a.key, a.unit, a.formula, yes(a.detailed))
	}
	p("\n## The server's counters\n\nWhat `/metrics` of a vLLM server says, after the run less before it, where it speculates or its model is a diffusion model. All are vLLM's.\n\n")
	p("| key | label | what it is |\n|--|--|--|\n")
	for _, d := range result.Definitions() {
		for _, k := range d.Keys {
			if d.VLLM {
				p("| `%s` | %s | %s |\n", k.Name, strings.TrimSuffix(k.Label, ":"), k.Formula)
			}
		}
	}
	p("\n## What vLLM's result file does not have\n\nIn the order of the file. A key that ends in a unit has a number; where that is not known the key is absent.\n\n| section | key | what it is |\n|--|--|--|\n")
	for _, d := range result.Definitions() {
		for _, k := range d.Keys {
			if !d.VLLM {
				p("| %s | `%s` | %s |\n", d.Title, k.Name, k.Formula)
			}
		}
	}
	p("\nThe outcomes are ")
	for i, o := range record.Outcomes {
		if i > 0 {
			p(", ")
		}
		p("`%s`", o)
	}
	p(". Only `ok` is a success.\n")
	p("\n## Warnings\n\n| code | appears when |\n|--|--|\n")
	for _, w := range metrics.WarningDefinitions() {
		p("| `%s` | %s |\n", w.Code, w.When)
	}
	p("%s", outro)
	return b.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

const intro = `# Metrics

This page is made from the tables that the report itself uses: ` + "`go test ./internal/report -update`" + ` writes it.

Words like sent and first_token are moments of one request on the run's clock: *due* is when the plan wants it to go, *released* when it was let go, *sent* the moment before its first byte was written; *first_token*, *first_answer* and *last_token* are when the kernel received the event. A token event is one that carries at least one token: a role alone, a finish reason alone and usage are none.

Everything is exact. Percentiles are of the raw samples, interpolated between the two nearest ranks as NumPy does by default; deviations are of the population (ddof 0). An average over no sample is 0, as vLLM prints it. What ` + "`--compat vllm`" + ` changes is in [compat.md](compat.md).

`

const outro = `
## The setting

The result file begins with what was run: ` + "`date`, `endpoint_type`, `backend`, `label`, `model_id`, `tokenizer_id`, `num_prompts`" + ` (the requests that were sent), every ` + "`--metadata`" + ` key, ` + "`request_rate`, `burstiness`, `max_concurrency`" + ` and, for a ramp, ` + "`ramp_up_strategy`, `ramp_up_start_rps`, `ramp_up_end_rps`" + ` and later ` + "`rps_change_events`" + `.
`
