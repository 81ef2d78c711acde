package page_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/compare"
	"tokmeter/internal/precision/page"
	"tokmeter/internal/precision/table"
	"tokmeter/internal/stats"
)

var (
	nan    = math.NaN()
	update = flag.Bool("update", false, "write the golden files")
)

func estimate(v, low, high float64) stats.Interval {
	return stats.Interval{Value: v, Low: low, High: high, N: 100}
}

// measured is a row with its numbers.
func measured(v table.Variant, l compare.Load, ttft, tpot float64, speedup stats.Interval) table.Row {
	return table.Row{
		Variant: v, Load: l, Baseline: speedup.Value == 1, Requests: 100, Paired: 100,
		TTFT: estimate(ttft, ttft*0.95, ttft*1.06), TPOT: estimate(tpot, tpot*0.98, tpot*1.02), E2EL: estimate(tpot*200+ttft, tpot*190, tpot*215),
		Speedup: speedup, TTFTRatio: estimate(1.04, 0.97, 1.12), E2ELRatio: estimate(1.4, 1.35, 1.44), Throughput: estimate(1.01, 0.99, 1.03),
		P: 0.0002, Detectable: 0.021, OutputPerSecond: 201.5, RequestPerSecond: 0.97, MeanOutput: 207, PeakOpen: 12, MeanOpen: 7.4,
		Limit: table.Limit{TTFT: 31, TPOT: v.WeightBytes / 600e6, Bound: "weights"}, Near: 0.71, NearTTFT: 0.43, LimitRatio: 15.01e9 / v.WeightBytes, LimitRatioFrom: "limits",
		WeightBytes: v.WeightBytes, PowerW: v.PowerW, JouleToken: nan, PricePerMTok: nan, Drift: v.Drift,
	}
}

func variants(simulated bool) []table.Variant {
	var out []table.Variant
	for _, v := range []struct {
		model, precision string
		bytes            float64
	}{
		{"meta-llama/Meta-Llama-3-8B-Instruct", "fp16", 15.01e9},
		{"neuralmagic/Meta-Llama-3-8B-Instruct-FP8", "fp8", 8.03e9},
		{"astronomer/Llama-3-8B-Instruct-GPTQ-8-Bit", "int8", 8.14e9},
		{"nm-testing/Meta-Llama-3-8B-Instruct-GPTQ", "int4", 4.68e9},
	} {
		out = append(out, table.Variant{Name: v.precision, Model: v.model, Precision: v.precision, Simulated: simulated, WeightBytes: v.bytes, Version: "0.5.2", Card: "NVIDIA A10G"})
	}
	return out
}

// plainPage is the table as it should be: all simulated, nothing in the way.
func plainPage() *page.Page {
	vs := variants(true)
	rate := compare.Load{Rate: 1}
	speed := []stats.Interval{estimate(1, 1, 1), estimate(1.53, 1.47, 1.58), estimate(1.5, 1.45, 1.56), estimate(2.15, 2.02, 2.29)}
	rows := func(l compare.Load, by float64) []table.Row {
		var out []table.Row
		for i, v := range vs {
			s := speed[i]
			if i > 0 {
				s = estimate(1+(s.Value-1)*by, 1+(s.Low-1)*by, 1+(s.High-1)*by)
			}
			out = append(out, measured(v, l, 71.3-float64(i), 38.4/s.Value, s))
		}
		return out
	}
	t := &table.Table{Baseline: "fp16", Load: rate, Rounds: 3, Rows: rows(rate, 1), Simulated: true}
	t.Views = []table.View{{Load: rate, Rows: t.Rows}}
	for i, n := range []int{1, 8, 32} {
		l := compare.Load{Concurrency: n}
		t.Views = append(t.Views, table.View{Load: l, Rows: rows(l, []float64{1.3, 0.9, 0.1}[i])})
	}
	for i, text := range []string{"", "the speedup is 1.53 where the ratio of the bytes of weights is 1.87.", "the speedup is 1.50 where the ratio of the bytes of weights is 1.84.", "a step spends 5.0 ms on the host, 28 % of TPOT."} {
		if i > 0 {
			t.Rows[i].Verdict.Reason = table.Reason{Code: table.DecodeBound, Text: text, Evidence: []table.Evidence{{What: "speedup", Value: t.Rows[i].Speedup.Value}, {What: "ceiling", Value: nan}}}
		}
	}
	t.Rows[3].Verdict.Code = table.HostBound
	t.Rows[3].Verdict.Also = []table.Reason{{Code: table.RateLimited, Text: "throughput is the offered load for all."}}
	return &page.Page{
		Title: "Llama-3-8B-Instruct on a simulated A10G, ShareGPT, 1 request/s", Table: t, About: about(vs, "1 × NVIDIA A10G", "vLLM V1 as of 0.32 (engine=vllm-v1, simulated)"), Goals: "ttft_p99=500,tpot_p99=50",
		Held: []page.Held{
			{Variant: "fp16", Rate: 1.375, Above: 1.4375, Complete: true, Text: "found, confirmed once"}, {Variant: "fp8", Rate: 2.91, Above: 3, Complete: true, Text: "found, confirmed once"},
			{Variant: "int8", Rate: 2.84, Text: "found, confirmed once", Complete: true, Withheld: "100 requests are sent in 35 s; a steady state takes 170: --num-prompts 170"}, {Variant: "int4", Above: 0.1, Complete: true, Text: "nothing holds from the lowest rate on"},
		},
	}
}

// about is a header with everything in it.
func about(vs []table.Variant, card, engine string) page.About {
	a := page.About{
		Dataset: "sharegpt, 100 requests, seed 0", Arrivals: "Poisson arrivals", Begun: time.Date(2026, 11, 24, 9, 5, 0, 0, time.UTC),
		Tokmeter: "v0.4.0", Command: []string{"tokmeter", "precision", "--simulate", "a10g", "--title", "it's a $title"}, Currency: "USD",
	}
	for _, v := range vs {
		a.Cards, a.Engines = append(a.Cards, page.Named{Variant: v.Name, Text: card}), append(a.Engines, page.Named{Variant: v.Name, Text: engine})
	}
	return a
}

// hostile is what no format may let act.
const hostile = "a|b`c <script>alert(1)</script> *d* [e](f) \"g,h\"\x1b[31m\nnext"

// busyPage has all that can be wrong: differences, a failure, a withheld
// speedup, names made to break each format.
func busyPage() *page.Page {
	vs := variants(false)
	vs[1].Model, vs[1].Name = hostile, "fp8 "+hostile
	vs[2].Simulated = true
	vs[2].PowerW, vs[2].PricePerHour, vs[2].Kernel = 148.2, 1.006, "gptq_marlin"
	vs[2].Drift = &compare.Agreement{Prompts: 20, Identical: 0.45, First: 31.25, LogProbGap: 0.0182}
	vs[3].Drift = &compare.Agreement{Prompts: 20, Identical: 1, First: nan, LogProbGap: nan}
	all := compare.Load{}
	one := estimate(1, 1, 1)
	t := &table.Table{Baseline: "fp16", Percentile: 99.5, Load: all, Rounds: 1, Rows: []table.Row{
		measured(vs[0], all, 12345, 38.4, one), {Variant: vs[1], Load: all, Failure: "the engine ended: CUDA out of memory\n" + hostile},
		measured(vs[2], all, 0, 9.87, stats.Interval{Value: nan}), measured(vs[3], all, 55, 19.2, stats.Interval{Value: 2, Low: nan, High: nan}),
	}}
	t.Rows[2].Withheld, t.Rows[2].JouleToken, t.Rows[2].PricePerMTok, t.Rows[2].Failed = "its answers are 12 % shorter than the baseline's", 0.735, 1.387, 3
	t.Rows[3].Failed, t.Rows[3].LimitAlone, t.Rows[0].LimitRatioFrom = 7, true, "weights"
	t.Rows[3].Verdict = table.Verdict{Reason: table.Reason{Code: table.NotExplained, Text: hostile}}
	t.Views = []table.View{{Load: all, Rows: t.Rows}}
	t.Differences = []table.Difference{
		{What: "output lengths", Variants: []string{"int8"}, Values: []string{"207.1", "182.3"}, Invalidates: true, Why: "int8 wrote 182.3 tokens a request, fp16 207.1."},
		{What: "version", Load: &compare.Load{Rate: 2}, Variants: []string{"int4"}, Values: []string{"0.5.2", "0.6"}, Why: hostile},
	}
	t.Warnings = []table.Warning{{Code: "few-rounds", Text: "there are no intervals: they take 3 rounds, and 1 round can be compared."}}
	a := about(vs, "1 × NVIDIA A10G", "vllm 0.5.2")
	a.Cards[3].Text, a.Engines[1].Text, a.Command, a.Dataset = "2 × NVIDIA L4", "", []string{hostile}, hostile
	return &page.Page{Table: t, About: a, Notes: []string{"int8: given up: " + hostile}}
}

// formats are the five ways to write a page.
func formats() map[string]func(io.Writer, *page.Page) error {
	return map[string]func(io.Writer, *page.Page) error{
		"short.txt": func(w io.Writer, p *page.Page) error {
			return page.Text(w, p, false)
		},
		"wide.txt": func(w io.Writer, p *page.Page) error {
			return page.Text(w, p, true)
		},
		"short.md": func(w io.Writer, p *page.Page) error {
			return page.Markdown(w, p, false)
		},
		"wide.md": func(w io.Writer, p *page.Page) error {
			return page.Markdown(w, p, true)
		},
		"csv": page.CSV, "json": page.JSON, "html": page.HTML,
	}
}

func pages() map[string]*page.Page {
	return map[string]*page.Page{"plain": plainPage(), "busy": busyPage()}
}

func TestGoldens(t *testing.T) {
	for name, p := range pages() {
		for ext, write := range formats() {
			var b bytes.Buffer
			if err := write(&b, p); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+"."+ext)
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), b.String()); d != "" {
				t.Errorf("%s: (-want +got)\n%s", file, d)
			}
		}
	}
}

func TestShortForm(t *testing.T) {
	var b bytes.Buffer
	if err := page.Markdown(&b, plainPage(), false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| Model Stub | Precision | TTFT (ms) | TPOT (ms) | Speedup vs Fp16 |\n|-|-|-:|-:|-:|\n",
		"| `meta-llama/Meta-Llama-3-8B-Instruct` | fp16 (simulated) | 71.3 | 38.4 | 1.00× |\n",
		"| `neuralmagic/Meta-Llama-3-8B-Instruct-FP8` | fp8 (simulated) | 70.3 | 25.1 | 1.53× [1.47, 1.58] |\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("got\n%s\nwant in it %q", b.String(), want)
		}
	}
}

// TestSaysSimulated: each row that is, in each format, and the caption.
func TestSaysSimulated(t *testing.T) {
	for _, ext := range []string{"short.txt", "wide.txt", "short.md", "wide.md", "html"} {
		var b bytes.Buffer
		if err := formats()[ext](&b, plainPage()); err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(b.String()) {
			for _, v := range variants(true) {
				if strings.Contains(line, v.Model) && !strings.Contains(line, "others, in the table") {
					if n++; !strings.Contains(line, "(simulated)") {
						t.Errorf("%s: %q does not say simulated", ext, line)
					}
				}
			}
		}
		if n != 4 || !strings.Contains(b.String(), "simulated: every row was computed") {
			t.Errorf("%s: %d rows; want 4 and a caption that says simulated", ext, n)
		}
	}
}

// TestIsHarmless: words from outside are words in every format.
func TestIsHarmless(t *testing.T) {
	for ext, write := range formats() {
		var b bytes.Buffer
		if err := write(&b, busyPage()); err != nil {
			t.Fatal(err)
		}
		s := b.String()
		if ext != "json" && strings.Contains(s, "\x1b") || ext == "html" && strings.Contains(s, "<script") || strings.HasSuffix(ext, "md") && strings.Contains(strings.ReplaceAll(s, `\<`, ""), "<script") {
			t.Errorf("%s lets a name act:\n%s", ext, s)
		}
		switch ext {
		case "html":
			d := xml.NewDecoder(&b)
			d.Strict, d.AutoClose, d.Entity = false, []string{"meta"}, xml.HTMLEntity
			for {
				if _, err := d.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("html: %v", err)
				}
			}
			for _, bad := range []string{"http:", "https:", "src=", "href=", "url(", "@import", "<link", "NaN", "Inf"} {
				if strings.Contains(s, bad) {
					t.Errorf("html has %q: it is one file that loads nothing and draws numbers", bad)
				}
			}
		case "csv":
			rows, err := csv.NewReader(&b).ReadAll()
			if err != nil || len(rows) != 5 {
				t.Errorf("csv: got %d rows, %v; want a head and four rows of one width", len(rows), err)
			}
		case "json":
			if !json.Valid(b.Bytes()) {
				t.Errorf("no JSON:\n%s", s)
			}
		case "short.md", "wide.md":
			columns := -1
			for line := range strings.Lines(s) {
				n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
				if !strings.HasPrefix(line, "|") {
					columns = -1
					continue
				}
				if columns < 0 {
					columns = n
				}
				if n != columns {
					t.Errorf("%s: %q has %d bars, its table %d", ext, line, n, columns)
				}
			}
		}
	}
}

func TestFailingWriter(t *testing.T) {
	for ext, write := range formats() {
		if err := write(broken{}, plainPage()); err == nil || !strings.HasPrefix(err.Error(), "precision table: ") {
			t.Errorf("%s: got %v, want the writer's error", ext, err)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

// TestKeys compares the keys that are documented with those written.
func TestKeys(t *testing.T) {
	written := map[string]bool{}
	for _, p := range pages() {
		var b bytes.Buffer
		if err := page.JSON(&b, p); err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(b.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		paths("", v, written)
	}
	for _, k := range page.Keys() {
		if !written[k] {
			t.Errorf("%s is documented and not written", k)
		}
		delete(written, k)
	}
	for k := range written {
		t.Errorf("%s is written and not documented", k)
	}
}

// paths gathers the keys of v; what has its keys in one documented line is not
// entered.
func paths(at string, v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		if _, estimate := v["low"]; estimate {
			into[at] = true
			return
		}
		for k, x := range v {
			paths(strings.TrimPrefix(at+"."+k, "."), x, into)
		}
	case []any:
		for _, x := range v {
			paths(at+"[]", x, into)
		}
	default:
		into[at] = true
	}
}

// TestTypes: what is a number is one in the JSON, for every load.
func TestTypes(t *testing.T) {
	type estimate struct {
		Value, Low, High *float64
		N                int
	}
	type file struct {
		Views []struct {
			Rate        *float64 `json:"rate_requests_per_s"`
			Concurrency *int     `json:"concurrency"`
			Variants    []struct {
				TPOT      *float64  `json:"tpot_ms"`
				Speedup   *estimate `json:"speedup"`
				Near      *float64  `json:"tpot_near"`
				Weights   *float64  `json:"weight_bytes"`
				Identical *float64  `json:"drift_identical"`
				P         *float64  `json:"p_value"`
			}
		}
	}
	for name, want := range map[string]struct{ views, speedups int }{"plain": {4, 16}, "busy": {1, 2}} {
		var b bytes.Buffer
		if err := page.JSON(&b, pages()[name]); err != nil {
			t.Fatal(err)
		}
		var p file
		if err := json.Unmarshal(b.Bytes(), &p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n := 0
		for i, v := range p.Views {
			if rate, table := v.Rate != nil, name == "plain" && i == 0; rate != table || v.Rate != nil && *v.Rate != 1 {
				t.Errorf("%s: view %d has rate %v", name, i, v.Rate)
			}
			if load := v.Concurrency != nil; load != (name == "plain" && i > 0) {
				t.Errorf("%s: view %d has concurrency %v", name, i, v.Concurrency)
			}
			for _, r := range v.Variants {
				if r.Speedup != nil {
					n++
				}
			}
		}
		if len(p.Views) != want.views || n != want.speedups {
			t.Errorf("%s: got %d views and %d speedups, want %v", name, len(p.Views), n, want)
		}
	}
}

func TestDeterministic(t *testing.T) {
	for ext, write := range formats() {
		var a, b bytes.Buffer
		if err := errors.Join(write(&a, busyPage()), write(&b, busyPage())); err != nil || a.String() != b.String() {
			t.Errorf("%s: two writings of one table differ (%v)", ext, err)
		}
	}
}

// TestRecomputesNothing: numbers that contradict each other stay as
// compare gave them.
func TestRecomputesNothing(t *testing.T) {
	p := plainPage()
	p.Rows[1].TPOT.Value, p.Rows[1].Speedup = 7777, estimate(9.87, 9.81, 9.93)
	for ext, write := range formats() {
		var b bytes.Buffer
		if err := write(&b, p); err != nil {
			t.Fatal(err)
		}
		if s := b.String(); !strings.Contains(s, "7777") || !strings.Contains(s, "9.87") || !strings.Contains(s, "9.81") {
			t.Errorf("%s: got numbers that compare did not give:\n%s", ext, fmt.Sprint(s))
		}
	}
}
