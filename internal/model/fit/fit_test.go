package fit

import (
	"encoding/csv"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/stats"
)

var (
	update = flag.Bool("update", false, "write the table of docs/simulator.md")
	refit  = flag.Bool("refit", false, "fit the constants again, once with all sources and once without each, and write cards.yaml and heldout.csv; 15 minutes")
)

const (
	page     = "../../../docs/simulator.md"
	cards    = "../roofline/cards.yaml"
	heldOut  = "testdata/heldout.csv"
	maxSteps = 6
)

func table(t *testing.T) []*Run {
	t.Helper()
	runs, err := Read(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

func errors(t *testing.T, runs []*Run, text []byte) []Error {
	t.Helper()
	cat, err := roofline.ParseCards(text)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := Simulate(runs, cat, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []Error
	of := map[*Run]Metrics{}
	for i, r := range runs {
		of[r] = metrics[i]
		all = append(all, r.Errors(metrics[i])...)
	}
	return append(all, Speedups(runs, of)...)
}

// TestFit fits the constants with -refit. Without it every constant that stands
// in the catalogue must be one that the fit may choose.
func TestFit(t *testing.T) {
	text := roofline.CardsYAML()
	if !*refit {
		for _, c := range Constants() {
			if _, v, err := find(text, c.Path); err != nil || v < c.Low || v > c.High {
				t.Errorf("%s: %v is not between %v and %v (%v)", c.Path, v, c.Low, c.High, err)
			}
		}
		return
	}
	runs := table(t)
	fitTo := func(some []*Run) []byte {
		s := &Search{Subjects: subjects(some), Constants: Constants(), Text: text, Believed: PublishedSpread, Log: func(step int, loss float64) { t.Logf("step %d: %.2f", step, loss) }}
		x, err := s.Fit(maxSteps)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Write(text, s.Constants, x)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range s.Constants {
			t.Logf("%-55s %.3g (expected %.3g)", c.Path, x[i], c.Prior)
		}
		return out
	}
	if err := os.WriteFile(cards, fitTo(runs), 0o644); err != nil {
		t.Fatal(err)
	}
	rows := [][]string{{"id", "kind", "simulated"}}
	for _, source := range sources(runs) {
		t.Logf("without %s", source)
		var others, these []*Run
		for _, r := range runs {
			if short(r.Source) == source {
				these = append(these, r)
			} else {
				others = append(others, r)
			}
		}
		for _, e := range errors(t, these, fitTo(others)) {
			rows = append(rows, []string{e.ID, e.Kind, strconv.FormatFloat(e.Simulated, 'g', 6, 64)})
		}
	}
	f, err := os.Create(heldOut)
	if err != nil {
		t.Fatal(err)
	}
	w := csv.NewWriter(f)
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// short is a source's name without the place in it.
func short(source string) string {
	name, _, _ := strings.Cut(source, " ")
	if !strings.Contains(name, "/") {
		return source
	}
	return name
}

func sources(runs []*Run) []string {
	seen := map[string]bool{}
	for _, r := range runs {
		seen[short(r.Source)] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// TestPoints simulates all that others measured and holds the errors to the table
// of docs/simulator.md, bad rows and all.
func TestPoints(t *testing.T) {
	runs := table(t)
	in := errors(t, runs, roofline.CardsYAML())
	held := heldOutErrors(t, in)
	lines := []string{"| source | runs | numbers | n | in the fit: median signed, median and P90 absolute % | worst | held out: median signed, median and P90 absolute % |", "|--|--|--|--|--|--|--|"}
	row := func(name, group string, of func(Error) bool) {
		for _, kind := range []string{timeAToken, speedup, "TTFT", "TTFT P99", "TPOT P99"} {
			pick := func(all []Error) []Error {
				var out []Error
				for _, e := range all {
					if e.Kind == kind && e.Run.Group == group && of(e) {
						out = append(out, e)
					}
				}
				return out
			}
			a, b := pick(in), pick(held)
			if len(a) == 0 {
				continue
			}
			l, h := Summarize(a), Summarize(b)
			lines = append(lines, fmt.Sprintf("| %s | %s | %s | %d | %s | %+.0f %% %s | %s |", name, group, kind, l.N, l, 100*l.Worst.Error, l.Worst.ID, h))
		}
	}
	for _, group := range []string{"vllm", "slow_kernel"} {
		for _, s := range sources(runs) {
			row(s, group, func(e Error) bool { return short(e.Run.Source) == s })
		}
		row("all", group, func(Error) bool { return true })
	}
	checkPage(t, "points", lines)
	for _, e := range in {
		t.Logf("%-60s %-12s measured %-10.6g simulated %-10.6g %+.1f %%", e.ID, e.Kind, e.Measured, e.Simulated, 100*e.Error)
	}
	most := map[string][2]float64{timeAToken: {0.06, 0.18}, speedup: {0.05, 0.12}, "TTFT": {0.12, 1}}
	for kind, bound := range most {
		l := Summarize(only(in, func(e Error) bool { return e.Kind == kind && e.Run.Group == "vllm" }))
		if l.Absolute > bound[0] || l.Most > bound[1] {
			t.Errorf("%s: %v, want a median of %v and a P90 of %v", kind, l, bound[0], bound[1])
		}
	}
	for _, e := range only(held, func(e Error) bool { return strings.HasPrefix(e.ID, "a10g-sharegpt100") && e.Kind == timeAToken }) {
		most := 0.1
		if strings.Contains(e.ID, "fp8") { // its authors' other run of that night is 10 % slower: 25.24 ms
			most = 0.15
		}
		if math.Abs(e.Error) > most {
			t.Errorf("%s held out: %+.1f %%, want within %.0f %%", e.ID, 100*e.Error, 100*most)
		}
	}
}

func only(all []Error, of func(Error) bool) []Error {
	var out []Error
	for _, e := range all {
		if of(e) {
			out = append(out, e)
		}
	}
	return out
}

// heldOutErrors are the errors of the fits that did not see a number's source, as
// the last -refit left them.
func heldOutErrors(t *testing.T, in []Error) []Error {
	t.Helper()
	f, err := os.Open(heldOut)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	simulated := map[[2]string]float64{}
	for _, r := range rows[1:] {
		simulated[[2]string{r[0], r[1]}], _ = strconv.ParseFloat(r[2], 64)
	}
	var out []Error
	for _, e := range in {
		v, ok := simulated[[2]string{e.ID, e.Kind}]
		if !ok {
			t.Errorf("%s: %s has no %s: go test ./internal/model/fit -run TestFit -refit", heldOut, e.ID, e.Kind)
			continue
		}
		out = append(out, e.with(v))
	}
	return out
}

// checkPage compares lines with those between the marks of this name in the page.
func checkPage(t *testing.T, name string, lines []string) {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	i, j := strings.Index(text, begin), strings.Index(text, end)
	if i < 0 || j < i {
		t.Fatalf("%s has no %s", page, begin)
	}
	want := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(page, []byte(text[:i+len(begin)]+want+text[j:]), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, text[i+len(begin):j]); d != "" {
		t.Errorf("%s is not what the simulator computes; go test ./internal/model/fit -update writes it: -computed +page\n%s", page, d)
	}
}

// What the binary tells as measured is what the table of points has.
func TestKnownRows(t *testing.T) {
	for _, r := range table(t) {
		if r.Pair != "a10g-sharegpt100" {
			continue
		}
		k, ok := roofline.KnownOf(roofline.Known{Card: r.Card, Model: r.Model, Precision: r.Precision, Engine: setup.EngineV02024, Dataset: "sharegpt", Rate: r.Rate, Requests: r.Prompts})
		got := map[string]float64{"ttft_ms_mean": k.TTFT, "tpot_ms_mean": k.TPOT}
		for _, p := range r.Points {
			if want, here := got[p.Metric]; here && (!ok || want != p.Value) {
				t.Errorf("%s: the catalogue says %v, the table %v", p.ID, want, p.Value)
			}
		}
	}
}

func subjects(runs []*Run) []Subject {
	out := make([]Subject, len(runs))
	for i, r := range runs {
		out[i] = r
	}
	return out
}

// The error that a prediction carries is the one that held-out numbers show.
func TestExpected(t *testing.T) {
	held := heldOutErrors(t, errors(t, table(t), roofline.CardsYAML()))
	got := roofline.ExpectedErrors()
	for _, c := range []struct {
		kind string
		got  float64
	}{{timeAToken, got.Token}, {"TTFT", got.TTFT}, {speedup, got.Speedup}} {
		var all []float64
		for _, e := range held {
			if e.Kind == c.kind && e.Run.Group == "vllm" {
				all = append(all, math.Abs(e.Error))
			}
		}
		slices.Sort(all)
		if want := math.Round(100*stats.Percentile(all, 80)) / 100; c.got != want {
			t.Errorf("expected error of %s: the catalogue says %v, held-out numbers %v", c.kind, c.got, want)
		}
	}
}
