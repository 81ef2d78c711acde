package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

var update = flag.Bool("update", false, "write the golden files")

// A golden is a run that vLLM's own code was made to report on: see
// testdata/vllm/record.py.
type golden struct {
	Why     string           `json:"why"`
	Args    []string         `json:"args"` // vLLM's command line
	Ending  record.Ending    `json:"ending"`
	Records []*record.Record `json:"records"`
	plan    plan.Plan
	name    string
}

// tick is 1/512 s: stamps that are its multiples are exact in seconds, so that
// vLLM's subtraction of two clock readings rounds nothing.
const tick = record.Stamp(1_953_125)

// dice is a small generator that does not depend on a library's.
type dice uint64

func (d *dice) roll(n int) int {
	*d = *d*6364136223846793005 + 1442695040888963407
	return int(uint64(*d) >> 33 % uint64(n))
}

func basePlan() plan.Plan {
	var p plan.Plan
	p.Compat = "vllm"
	p.Target.Backend, p.Target.Endpoint, p.Target.Model = "vllm", "/v1/completions", "org/tiny-model"
	p.Load.RequestRate, p.Load.Burstiness = plan.Float(math.Inf(1)), 1
	p.Output.Metrics, p.Output.Percentiles = []string{"ttft", "tpot", "itl"}, []float64{99}
	p.Output.SaveResult, p.Output.SaveDetailed = true, true
	return p
}

// stream is a successful request of n tokens.
func stream(d *dice, index int, n int) *record.Record {
	due := record.Stamp(index) * 3 * tick
	r := &record.Record{
		Index: index, Due: due, Released: due + tick, Outcome: record.OK, Finish: "length",
		WantPrompt: 100 + index, WantOutput: n, UsageAlone: true,
		PromptTokens: record.Count{N: 101 + index, From: record.FromUsage},
		OutputTokens: record.Count{N: n, From: record.FromUsage},
		Text:         "word",
	}
	r.Sent = due + record.Stamp(1+d.roll(5))*tick
	r.Status, r.Framed, r.KernelStamped = 200, true, true
	at := r.Sent + record.Stamp(20_000_000+d.roll(30_000_000))
	for range n {
		r.Events = append(r.Events, at)
		r.PerEvent = append(r.PerEvent, 1)
		at += record.Stamp(15_000_000 + d.roll(20_000_000))
	}
	r.FirstByte, r.FirstToken, r.FirstAnswer = r.Events[0], r.Events[0], r.Events[0]
	r.LastToken = r.Events[n-1]
	r.Done = r.LastToken + 1000
	return r
}

func failed(index int, outcome record.Outcome, status int, err string) *record.Record {
	r := &record.Record{Index: index, Due: tick, Released: 2 * tick, Outcome: outcome, Err: err, WantPrompt: 50}
	r.Sent, r.Status, r.Framed = 3*tick, status, status != 0
	return r
}

func goldens() []golden {
	began := time.Date(2026, 11, 24, 10, 0, 0, 123456000, time.UTC)
	end := record.Ending{Began: began, Start: tick, End: 3_456_789_012, Reason: "all sent"}
	var all []golden
	add := func(name, why string, args []string, p plan.Plan, recs []*record.Record) {
		end.Sent = len(recs)
		p.Workload.NumPrompts = len(recs)
		all = append(all, golden{why, args, end, recs, p, name})
	}

	d := dice(1)
	var recs []*record.Record
	for i := range 5 {
		recs = append(recs, stream(&d, i, 3+i))
	}
	add("plain", "the default command line", []string{}, basePlan(), recs)

	add("busy", "every option that changes the report, every way to end", []string{
		"--backend", "openai-chat", "--endpoint", "/v1/chat/completions", "--request-rate", "10",
		"--max-concurrency", "4", "--burstiness", "inf", "--label", "my label",
		"--percentile-metrics", "ttft,tpot,itl,e2el,client_queue_time,e2el_including_client_queue,other",
		"--metric-percentiles", "1,50,99,99.9", "--goodput", "ttft:40", "tpot:26.5", "e2el:300",
		"--metadata", "gpu= H100 ", "duration=7", "label=other", "k=a=b",
		"--tokenizer", "org/tokenizer", "--served-model-name", "served",
	}, busyPlan(), busyRecords())

	add("failed", "no request succeeded", []string{"--goodput", "ttft:40"}, failedPlan(), []*record.Record{
		failed(0, record.HTTPError, 404, "no such model"),
		failed(1, record.HTTPError, 503, "busy"),
	})

	p := basePlan()
	p.Workload.SkipTokenizer = true
	p.Output.Metrics = []string{"ttft", "e2el"}
	d = 4
	recs = []*record.Record{stream(&d, 0, 6), stream(&d, 1, 4)}
	recs[1].UsageAlone = false
	add("no-tokenizer", "without a tokenizer vLLM shows no token numbers, and an answer without usage of its own is one token",
		[]string{"--skip-tokenizer-init", "--percentile-metrics", "ttft,e2el"}, p, recs)

	p = basePlan()
	p.Load.RampStrategy, p.Load.RampStartRPS, p.Load.RampEndRPS = "exponential", 2, 9
	d, recs = 5, nil
	for i := range 12 {
		recs = append(recs, stream(&d, i, 5))
	}
	add("ramp", "a ramp has its rates in the result and in the file's name",
		[]string{"--ramp-up-strategy", "exponential", "--ramp-up-start-rps", "2", "--ramp-up-end-rps", "9"}, p, recs)

	p = basePlan()
	p.Target.Backend, p.Target.Endpoint = "openai-responses", "/v1/responses"
	p.Load.RequestRate = 0.1
	p.Output.SaveDetailed = false
	d = 6
	recs = []*record.Record{stream(&d, 0, 6), stream(&d, 1, 4), stream(&d, 2, 8)}
	recs[0].UsageAlone = false
	recs[1].Outcome, recs[1].Err = record.StreamError, `{"message": "boom"}`
	add("responses", "on this API an error in the stream fails the request, and usage always counts",
		[]string{"--backend", "openai-responses", "--endpoint", "/v1/responses", "--request-rate", "0.1"}, p, recs)

	p = basePlan()
	p.Load.RequestRate, p.Load.MaxConcurrency = 400, 32
	p.Output.SaveDetailed = false
	p.Output.Metrics = []string{"itl", "e2el", "tpot", "ttft"}
	d, recs = 7, nil
	for i := range 200 {
		recs = append(recs, stream(&d, i, 1+d.roll(30)))
	}
	add("many", "enough samples that the order of adding shows in the last digit",
		[]string{"--request-rate", "400", "--max-concurrency", "32", "--percentile-metrics", "itl,e2el,tpot,ttft"}, p, recs)
	return all
}

func busyPlan() plan.Plan {
	p := basePlan()
	p.Target.Backend, p.Target.Endpoint, p.Target.ServedModel = "openai-chat", "/v1/chat/completions", "served"
	p.Workload.Tokenizer = "org/tokenizer"
	p.Load.RequestRate, p.Load.MaxConcurrency, p.Load.Burstiness = 10, 4, plan.Float(math.Inf(1))
	p.Output.Label = "my label"
	p.Output.Metrics = []string{"ttft", "tpot", "itl", "e2el", "client_queue_time", "e2el_including_client_queue", "other"}
	p.Output.Percentiles = []float64{1, 50, 99, 99.9}
	p.Output.Metadata = []plan.KeyValue{{Key: "gpu", Value: "H100"}, {Key: "duration", Value: "7"}, {Key: "label", Value: "other"}, {Key: "k", Value: "a=b"}}
	p.Goals = []plan.Goal{{Metric: "ttft", LimitMs: 40}, {Metric: "tpot", LimitMs: 26.5}, {Metric: "e2el", LimitMs: 300}}
	return p
}

func busyRecords() []*record.Record {
	d := dice(2)
	var recs []*record.Record
	for i := range 12 {
		recs = append(recs, stream(&d, i, 1+d.roll(20)))
	}
	for _, r := range recs { // a role before the first token, a finish after the last
		r.Bare = []record.Stamp{r.FirstToken - 9_000_001, r.LastToken + 2_000_003}
	}
	recs[1].Text = "quote \" back \\ tab \t line \n é 日本 😀 \x7f \x01 end"
	recs[2].UsageAlone = false
	recs[2].OutputTokens = record.Count{N: len(recs[2].Events) + 3, From: record.FromTokenizer}
	recs[3].Outcome, recs[3].Err = record.StreamError, "engine died"
	recs[4].Outcome = record.CutShort
	recs[4].UsageAlone, recs[4].OutputTokens = false, record.Count{N: len(recs[4].Events), From: record.FromTokenizer}
	return append(recs,
		failed(12, record.HTTPError, 400, `{"error":"prompt too long"}`),
		failed(13, record.Reset, 0, "connection reset by peer"),
		failed(14, record.HTTPError, 503, "busy"))
}

func failedPlan() plan.Plan {
	p := basePlan()
	p.Goals = []plan.Goal{{Metric: "ttft", LimitMs: 40}}
	return p
}

func dir(name string) string { return filepath.Join("testdata", "vllm", name) }

// TestCasesCurrent checks that vLLM was asked about the runs that the other
// tests look at.
func TestCasesCurrent(t *testing.T) {
	for _, c := range goldens() {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(c); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir(c.name), "case.json")
		if *update {
			if err := os.MkdirAll(dir(c.name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(old, b.Bytes()) {
			t.Errorf("%s is not current: run go test -update, then record.py", path)
		}
	}
}
