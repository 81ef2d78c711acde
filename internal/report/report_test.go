package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/report"
	"tokmeter/internal/result"
)

// tell is the result of a run with these records.
func tell(p plan.Plan, end record.Ending, recs ...*record.Record) result.Result {
	r, err := made(p, end, recs)
	if err != nil {
		panic(err)
	}
	return r
}

func made(p plan.Plan, end record.Ending, recs []*record.Record) (result.Result, error) {
	spool := record.NewSpool("")
	for _, r := range recs {
		if err := spool.Add(r); err != nil {
			return result.Result{}, err
		}
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return result.Result{}, err
	}
	return result.From(record.Held(record.Head{Begun: resultTime, Plan: raw, Ending: &end, Workload: &record.Workload{}}, spool), nil)
}

// ours is the run of all kinds of requests, reported on as tokmeter does by
// default, with every latency that there is.
func ours(changes ...func(*plan.Plan)) result.Result {
	p := busyPlan()
	p.Compat = ""
	p.Output.SaveDetailed = false
	recs := busyRecords()
	recs[5].PerEvent[1], recs[5].OutputTokens.N = 3, recs[5].OutputTokens.N+2
	recs[6].FirstAnswer = recs[6].Events[2]
	recs[7].KernelStamped = false
	recs[8].Lag = 90 * time.Microsecond
	recs[8].ReadInterval = 300 * time.Microsecond
	recs[9].CachedTokens = 40
	recs[10].OutputTokens.From = record.FromEvents
	recs[11].Replaced = 1
	recs = append(recs, failed(15, record.HTTPError, 400, `{"error":"prompt too long"}`))
	end := record.Ending{Start: tick, End: 3_456_789_012, Reason: "all sent", Sent: len(recs)}
	p.Workload.NumPrompts = 99
	for _, change := range changes {
		change(&p)
	}
	return tell(p, end, recs...)
}

// check compares got with a golden file.
func check(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(read(t, path), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func text(t *testing.T, r result.Result, verbose bool) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Text(&b, r, verbose); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func resultJSON(t *testing.T, r result.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	check(t, "default.txt", text(t, ours(), false))
	check(t, "verbose.txt", text(t, ours(), true))
}

func TestMarkdown(t *testing.T) {
	for name, verbose := range map[string]bool{"default.md": false, "verbose.md": true} {
		var b bytes.Buffer
		if err := report.Markdown(&b, ours(), verbose); err != nil {
			t.Fatal(err)
		}
		check(t, name, b.String())
	}
}

func TestJSON(t *testing.T) { check(t, "default.json", resultJSON(t, ours())) }

// TestTextBlock: up to its closing line the default block has the labels of
// vLLM's in vLLM's order and no other.
func TestTextBlock(t *testing.T) {
	labels := func(s string) []string {
		block, _, _ := strings.Cut(s[strings.Index(s, "=== "):], strings.Repeat("=", 50))
		var all []string
		for _, line := range strings.Split(block, "\n") {
			if len(line) > 40 {
				all = append(all, strings.TrimSpace(line[:40]))
			}
		}
		return all
	}
	got := labels(text(t, ours(), true))
	want := labels(text(t, ours(func(p *plan.Plan) { p.Compat = "vllm" }), true))
	if diff := cmp.Diff(want, got); diff != "" || len(got) < 15 {
		t.Errorf("(-compat +default):\n%s", diff)
	}
}

// TestKeys: the default result file begins with vLLM's keys in their order, is
// valid JSON although a burstiness is infinite, and ends with ours.
func TestKeys(t *testing.T) {
	out := resultJSON(t, ours(func(p *plan.Plan) { p.Output.SaveDetailed = true }))
	vllm := keys(t, read(t, dir("busy"), "result.json"))
	got := keys(t, out)
	if diff := cmp.Diff(vllm, got[:len(vllm)]); diff != "" {
		t.Errorf("vLLM's keys (-vLLM +got):\n%s", diff)
	}
	if want := []string{"ended", "warnings", "expected"}; !slices.Equal(got[len(got)-3:], want) {
		t.Errorf("the last keys are %q, want %q", got[len(got)-3:], want)
	}
	var v struct {
		Burstiness any            `json:"burstiness"`
		NumPrompts int            `json:"num_prompts"`
		Outcomes   map[string]int `json:"outcomes"`
		Warnings   []struct{ Code, Text string }
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatal(err)
	}
	if v.Burstiness != "inf" || v.NumPrompts != 16 || v.Outcomes["http_error"] != 3 || len(v.Outcomes) != len(record.Outcomes) || len(v.Warnings) == 0 {
		t.Errorf("got %+v", v)
	}
}

// keys are the keys of the object s in their order. What JSON does not know is
// replaced, as vLLM writes it.
func keys(t *testing.T, s string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(strings.ReplaceAll(s, ": Infinity", ": 0")))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	var all []string
	for d.More() {
		k, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, k.(string))
	}
	return all
}

// TestSimulated: nothing from the simulator passes for a measurement.
func TestSimulated(t *testing.T) {
	for _, compat := range []string{"", "vllm"} {
		r := ours(func(p *plan.Plan) { p.Compat, p.Target.Simulated = compat, true })
		if out := text(t, r, false); !strings.Contains(out, "simulated") {
			t.Errorf("compat %q: the block does not say simulated:\n%s", compat, out)
		} else if _, block, _ := strings.Cut(out, "===="); compat != "" && strings.Contains(block, "imulat") {
			t.Errorf("compat %q: the block is not vLLM's:\n%s", compat, block)
		}
		if out := resultJSON(t, r); !strings.Contains(out, `"simulated": true`) {
			t.Errorf("compat %q: the result does not say simulated", compat)
		}
	}
	if out := text(t, ours(), true); strings.Contains(out, "simulated") {
		t.Error("a measured run says simulated")
	}
}

// TestSteady: a closed loop tells of its part of full load.
func TestSteady(t *testing.T) {
	r := ours(func(p *plan.Plan) { p.Load.RequestRate = plan.Float(math.Inf(1)) })
	check(t, "steady.txt", text(t, r, true))
	if out := resultJSON(t, r); !strings.Contains(out, `"steady_state": {"threshold": 4, "start_s": `) {
		t.Errorf("no steady state in %s", out)
	}
}

// TestManyFailures: the table stays short.
func TestManyFailures(t *testing.T) {
	var recs []*record.Record
	for i := range 30 {
		recs = append(recs, failed(i, record.StreamError, 200, strings.Repeat("x", i+1)+"\n\x1b[2J"+strings.Repeat("long ", 100)))
	}
	p := busyPlan()
	p.Compat = ""
	out := text(t, tell(p, record.Ending{End: 1}, recs...), true)
	if n := strings.Count(out, "stream_error  200     request"); n != 10 {
		t.Errorf("got %d rows, want 10", n)
	}
	if !strings.Contains(out, "and 20 more kinds") {
		t.Errorf("the rest is not mentioned:\n%s", out)
	}
	if strings.ContainsRune(out, '\x1b') {
		t.Error("the server's words reach the terminal as commands")
	}
	for _, line := range strings.Split(out, "\n") {
		if len([]rune(line)) > 260 {
			t.Errorf("a line of %d characters", len(line))
		}
	}
}

// brokenWriter takes a few bytes and fails.
type brokenWriter struct{ room int }

var errFull = errors.New("no space left on device")

func (w *brokenWriter) Write(b []byte) (int, error) {
	if len(b) > w.room {
		return 0, errFull
	}
	w.room -= len(b)
	return len(b), nil
}

// TestWriteErrors: a writer that fails is reported, early or late.
func TestWriteErrors(t *testing.T) {
	r := ours()
	for _, room := range []int{0, 100} {
		for name, err := range map[string]error{
			"text":     report.Text(&brokenWriter{room}, r, false),
			"json":     report.JSON(&brokenWriter{room}, r),
			"markdown": report.Markdown(&brokenWriter{room}, r, false),
			"pytorch":  report.PyTorch(&brokenWriter{room}, r),
		} {
			if !errors.Is(err, errFull) {
				t.Errorf("%s with room for %d bytes: got %v, want %v", name, room, err, errFull)
			}
		}
	}
}

// TestFileName has the rules that the goldens do not reach.
func TestFileName(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	base := func(f func(*plan.Plan)) plan.Plan {
		p := basePlan()
		f(&p)
		return p
	}
	cases := []struct {
		why, want string
		p         plan.Plan
	}{
		{"the user's name alone", "mine.json", base(func(p *plan.Plan) { p.Output.ResultFile = "mine.json" })},
		{"the user's name in the folder", filepath.Join("out", "mine.json"), base(func(p *plan.Plan) {
			p.Output.ResultFile, p.Output.ResultDir = "mine.json", "out"
		})},
		{"a model without owner", "vllm-0.5qps-gpt2-20260102-030405.json", base(func(p *plan.Plan) {
			p.Target.Model, p.Load.RequestRate = "gpt2", 0.5
		})},
		{"a small rate as Python writes it", "vllm-1e-05qps-tiny-model-20260102-030405.json", base(func(p *plan.Plan) { p.Load.RequestRate = 1e-5 })},
		{"a ramp under a cap", "x-ramp-up-linear-1qps-20qps-concurrency8-tiny-model-20260102-030405.json", base(func(p *plan.Plan) {
			p.Output.Label = "x"
			p.Load.RampStrategy, p.Load.RampStartRPS, p.Load.RampEndRPS, p.Load.MaxConcurrency = "linear", 1, 20, 8
		})},
	}
	for _, c := range cases {
		if got := report.Path(c.p, at); got != c.want {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
	}
	abs := filepath.Join(t.TempDir(), "full.json")
	p := base(func(p *plan.Plan) { p.Output.ResultFile, p.Output.ResultDir = abs, "elsewhere" })
	if got := report.Path(p, at); got != abs {
		t.Errorf("a full path: got %q, want %q", got, abs)
	}
}

// BenchmarkJSON writes the detailed result of 10,000 requests of 500 tokens.
func BenchmarkJSON(b *testing.B) {
	d := dice(1)
	var recs []*record.Record
	for i := range 10_000 {
		recs = append(recs, stream(&d, i, 500))
	}
	p := basePlan()
	p.Compat, p.Load.RequestRate = "", plan.Float(math.Inf(1))
	r := tell(p, record.Ending{End: 1e9}, recs...)
	defer r.Close()
	b.ReportAllocs()
	for b.Loop() {
		var n counter
		if err := report.JSON(&n, r); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(n))
	}
}

type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
