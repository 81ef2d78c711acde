package metrics_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

const ms = record.Stamp(1e6)

// answer is a successful request with a token at each of the moments, in ms
// after sending.
func answer(index int, due, sent record.Stamp, tokens ...record.Stamp) *record.Record {
	r := &record.Record{
		Index: index, Due: due * ms, Released: due * ms, Outcome: record.OK,
		WantPrompt: 10, PromptTokens: record.Count{N: 12, From: record.FromUsage},
		OutputTokens: record.Count{N: len(tokens), From: record.FromUsage}, UsageAlone: true,
	}
	r.Sent, r.Status, r.Framed, r.KernelStamped = sent*ms, 200, true, true
	for _, at := range tokens {
		r.Events = append(r.Events, (sent+at)*ms)
		r.PerEvent = append(r.PerEvent, 1)
	}
	r.FirstByte, r.FirstToken, r.FirstAnswer = r.Events[0], r.Events[0], r.Events[0]
	r.LastToken = r.Events[len(tokens)-1]
	r.Done = r.LastToken
	return r
}

// summarize is Summarize over records in memory, whose passes have no errors.
func summarize(recs []*record.Record, end record.Ending, p plan.Plan) metrics.Summary {
	s, err := metrics.Summarize(record.PassOf(recs...), end, p)
	if err != nil {
		panic(err)
	}
	return s
}

func rateChanges(recs []*record.Record, end record.Ending, p plan.Plan) []metrics.RateChange {
	c, err := metrics.RateChanges(record.PassOf(recs...), end, p)
	if err != nil {
		panic(err)
	}
	return c
}

func openLoop() plan.Plan {
	var p plan.Plan
	p.Load.RequestRate = 10
	p.Output.Percentiles = []float64{50}
	return p
}

// TestDefinitions checks each latency on a run small enough to work out by hand.
func TestDefinitions(t *testing.T) {
	a := answer(0, 100, 105, 10, 30, 60)
	a.FirstAnswer = a.Events[1] // the first token was reasoning
	b := answer(1, 200, 201, 20)
	c := answer(2, 300, 300, 40, 50)
	c.PerEvent[1] = 4
	c.OutputTokens.N = 5
	lost := &record.Record{Index: 3, Due: 400 * ms, Released: 400 * ms, Outcome: record.Timeout}
	lost.Sent = 402 * ms
	p := openLoop()
	p.Goals = []plan.Goal{{Metric: "ttft", LimitMs: 30}, {Metric: "tpot", LimitMs: 24}}
	s := summarize([]*record.Record{c, lost, a, b}, record.Ending{End: 2000 * ms}, p)

	mean := map[metrics.ID]float64{
		metrics.TTFT:        (10 + 20 + 40) / 3.0,
		metrics.TPOT:        (25 + 2.5) / 2, // b has one token
		metrics.ITL:         (20 + 30 + 10) / 3.0,
		metrics.E2EL:        (60 + 20 + 50) / 3.0,
		metrics.FirstAnswer: (30 + 20 + 40) / 3.0,
		metrics.ITLPerToken: (20 + 30 + 4*2.5) / 6.0,
		metrics.TTFTFromDue: (15 + 21 + 40) / 3.0,
		metrics.E2ELFromDue: (65 + 21 + 50) / 3.0,
		metrics.Late:        (5 + 1 + 0 + 2) / 4.0, // the lost one was sent too
		metrics.ClientLag:   0,
	}
	got := map[metrics.ID]float64{}
	for id, d := range s.Dists {
		got[id] = d.Mean
	}
	if diff := cmp.Diff(mean, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("means (-want +got):\n%s", diff)
	}
	want := metrics.Summary{
		HasGoals: true, Duration: 2, Requests: 4, Completed: 3, Failed: 1,
		InputTokens: 36, OutputTokens: 9, AskedInputTokens: 30,
		RequestThroughput: 1.5, Goodput: 0.5, // a misses tpot, c misses ttft
		InputThroughput: 18, OutputThroughput: 4.5, TokenThroughput: 22.5,
		PeakOutput: 9, PeakConcurrency: 1, Clock: "kernel",
		Failures: []metrics.Failure{{Outcome: record.Timeout, N: 1, Index: 3, Example: "timeout"}},
	}
	ignore := cmpopts.IgnoreFields(metrics.Summary{}, "Dists", "Warnings", "Outcomes", "OutputSources", "PromptSources")
	if diff := cmp.Diff(want, s, ignore); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

// TestPresence checks which latencies are there, and when.
func TestPresence(t *testing.T) {
	always := []metrics.ID{metrics.ClientLag, metrics.E2EL, metrics.ITL, metrics.Late, metrics.TPOT, metrics.TTFT}
	cases := []struct {
		why  string
		stir func(*plan.Plan)
		more []metrics.ID
	}{
		{"all at once: no due times", func(p *plan.Plan) { p.Load.RequestRate = plan.Float(math.Inf(1)) }, nil},
		{"open loop", func(p *plan.Plan) {}, []metrics.ID{metrics.TTFTFromDue, metrics.E2ELFromDue}},
		{"a capped rate has both", func(p *plan.Plan) { p.Load.MaxConcurrency = 4 },
			[]metrics.ID{metrics.TTFTFromDue, metrics.E2ELFromDue, metrics.ClientQueueTime, metrics.E2ELWithQueue}},
		{"a cap alone", func(p *plan.Plan) {
			p.Load.RequestRate, p.Load.MaxConcurrency = plan.Float(math.Inf(1)), 4
		}, []metrics.ID{metrics.ClientQueueTime}},
		{"a ramp has due times", func(p *plan.Plan) {
			p.Load.RequestRate, p.Load.RampStrategy = plan.Float(math.Inf(1)), "linear"
		}, []metrics.ID{metrics.TTFTFromDue, metrics.E2ELFromDue}},
		{"a timed trace has due times", func(p *plan.Plan) {
			p.Load.RequestRate, p.Load.SelfTimed = plan.Float(math.Inf(1)), true
		}, []metrics.ID{metrics.TTFTFromDue, metrics.E2ELFromDue}},
	}
	for _, c := range cases {
		p := openLoop()
		c.stir(&p)
		s := summarize([]*record.Record{answer(0, 1, 1, 5, 6)}, record.Ending{End: ms}, p)
		var got []metrics.ID
		for id := range s.Dists {
			got = append(got, id)
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(append(slices.Clone(always), c.more...)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.why, diff)
		}
	}
}

// TestLateness: with a cap, waiting for a slot is no lateness.
func TestLateness(t *testing.T) {
	r := answer(0, 100, 160, 5)
	r.Released = 102 * ms
	p := openLoop()
	late := func() float64 {
		return summarize([]*record.Record{r}, record.Ending{End: ms}, p).Dists[metrics.Late].Max
	}
	if got := late(); got != 60 {
		t.Errorf("without a cap: got %v ms, want 60", got)
	}
	p.Load.MaxConcurrency = 2
	if got := late(); got != 2 {
		t.Errorf("with a cap: got %v ms, want 2", got)
	}
}

// TestFailureGroups: reasons that differ in numbers are one.
func TestFailureGroups(t *testing.T) {
	fail := func(i int, o record.Outcome, status int, err string) *record.Record {
		r := &record.Record{Index: i, Outcome: o, Err: err}
		r.Status = status
		return r
	}
	s := summarize([]*record.Record{
		fail(0, record.HTTPError, 400, "prompt of 1033 tokens is too long"),
		fail(1, record.Reset, 0, "read tcp 127.0.0.1:4242->127.0.0.1:8000: connection reset by peer"),
		fail(2, record.Reset, 0, "read tcp 127.0.0.1:4243->127.0.0.1:8000: connection reset by peer"),
		fail(3, record.HTTPError, 400, "no such model"),
		fail(4, record.Reset, 0, "read tcp 127.0.0.1:9->127.0.0.1:8000: connection reset by peer"),
		fail(5, record.HTTPError, 400, "prompt of 77 tokens is too long"),
		fail(6, record.Timeout, 200, ""),
	}, record.Ending{}, plan.Plan{})
	want := []metrics.Failure{
		{record.Reset, 0, 3, 1, "read tcp 127.0.0.1:4242->127.0.0.1:8000: connection reset by peer"},
		{record.HTTPError, 400, 2, 0, "prompt of 1033 tokens is too long"},
		{record.HTTPError, 400, 1, 3, "no such model"},
		{record.Timeout, 200, 1, 6, "timeout"},
	}
	if diff := cmp.Diff(want, s.Failures); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.Clock != "none" || s.Completed != 0 || s.Failed != 7 {
		t.Errorf("got clock %q, %d completed, %d failed", s.Clock, s.Completed, s.Failed)
	}
}

// TestDefects runs the same records by default and under compat, one defect of
// vLLM's client a row.
func TestDefects(t *testing.T) {
	value := func(s metrics.Summary, what string) float64 {
		switch what {
		case "completed":
			return float64(s.Completed)
		case "output":
			return float64(s.OutputTokens)
		case "input":
			return float64(s.InputTokens)
		case "peak output":
			return s.PeakOutput
		case "peak concurrency":
			return float64(s.PeakConcurrency)
		case "ttft":
			return s.Dists[metrics.TTFT].Mean
		case "itl n":
			return float64(s.Dists[metrics.ITL].N)
		case "e2el":
			return s.Dists[metrics.E2EL].Mean
		}
		t.Fatalf("no value %q", what)
		return 0
	}
	var sequential []*record.Record
	for i := range record.Stamp(50) {
		sequential = append(sequential, answer(int(i), i*10, i*10+1, 4, 9))
	}
	bundled := answer(0, 1, 1, 10, 20)
	bundled.PerEvent, bundled.OutputTokens.N = []uint16{3, 4}, 7
	straddling := []*record.Record{answer(0, 1, 1, 999, 1001)}
	role := answer(0, 1, 1, 10, 20)
	role.Bare = []record.Stamp{3 * ms, 26 * ms}
	attached := answer(0, 1, 1, 10, 20, 30)
	attached.UsageAlone = false
	broken := answer(0, 1, 1, 10, 20)
	broken.Outcome, broken.Err = record.StreamError, "engine died"
	cut := answer(0, 1, 1, 10, 20)
	cut.Outcome = record.CutShort
	junk := answer(0, 1, 1, 10, 20)
	junk.Outcome = record.BadStream

	skip := func(p *plan.Plan) { p.Workload.SkipTokenizer = true }
	cases := []struct {
		why    string
		recs   []*record.Record
		plan   func(*plan.Plan)
		what   string
		right  float64
		compat float64
	}{
		{"Q1: a chunk counts as one token", []*record.Record{bundled}, nil, "peak output", 7, 2},
		{"buckets cut a second's tokens in two", straddling, nil, "peak output", 2, 1},
		{"Q3: a role is the first token", []*record.Record{role}, nil, "ttft", 10, 2},
		{"Q3: the finish reason ends the answer", []*record.Record{role}, nil, "e2el", 20, 25},
		{"Q3: both make gaps", []*record.Record{role}, nil, "itl n", 1, 3},
		{"Q8: usage beside a choice is not seen", []*record.Record{attached}, skip, "output", 3, 1},
		{"Q8: and so the prompt has the client's length", []*record.Record{attached}, skip, "input", 12, 10},
		{"Q11: all requests of a second count as concurrent", sequential, nil, "peak concurrency", 1, 50},
		{"Q14: an error in the stream is a success", []*record.Record{broken}, nil, "completed", 0, 1},
		{"Q14: a clean close before the end is a success", []*record.Record{cut}, nil, "completed", 0, 1},
		{"broken JSON fails there too", []*record.Record{junk}, nil, "completed", 0, 0},
	}
	for _, c := range cases {
		p := openLoop()
		if c.plan != nil {
			c.plan(&p)
		}
		end := record.Ending{End: 2000 * ms}
		if got := value(summarize(c.recs, end, p), c.what); math.Abs(got-c.right) > 1e-9 {
			t.Errorf("%s: by default %s is %v, want %v", c.why, c.what, got, c.right)
		}
		p.Compat = "vllm"
		if got := value(summarize(c.recs, end, p), c.what); math.Abs(got-c.compat) > 1e-9 {
			t.Errorf("%s: under compat %s is %v, want %v", c.why, c.what, got, c.compat)
		}
	}
}

// TestCountsText: under compat an answer whose usage vLLM would not have seen
// is counted by its text.
func TestCountsText(t *testing.T) {
	attached := answer(0, 1, 1, 10, 20)
	attached.UsageAlone = false
	lost := &record.Record{Outcome: record.Reset}
	compat := plan.Plan{Compat: "vllm"}
	bare := compat
	bare.Workload.SkipTokenizer = true
	responses := compat
	responses.Target.Backend = "openai-responses"
	for _, c := range []struct {
		why  string
		p    plan.Plan
		r    *record.Record
		want bool
	}{
		{"usage beside a choice", compat, attached, true},
		{"usage alone", compat, answer(0, 1, 1, 10), false},
		{"no answer", compat, lost, false},
		{"no tokenizer", bare, attached, false},
		{"usage in the terminal event", responses, attached, false},
		{"by default usage counts anywhere", plan.Plan{}, attached, false},
	} {
		if got := metrics.ViewOf(c.p).CountsText(c.r); got != c.want {
			t.Errorf("%s: got %v, want %v", c.why, got, c.want)
		}
	}
}

// TestUnknownPerEvent: tokens that no event accounts for are spread evenly.
func TestUnknownPerEvent(t *testing.T) {
	r := answer(0, 1, 1, 10, 20, 30, 40)
	r.PerEvent = []uint16{1, 0, 5, 0}
	r.OutputTokens.N = 11 // 5 for the two unknown: 2 and 3
	s := summarize([]*record.Record{r}, record.Ending{End: 100 * ms}, openLoop())
	d := s.Dists[metrics.ITLPerToken]
	if d.N != 10 || math.Abs(d.Mean-3) > 1e-9 || s.PeakOutput != 11 {
		t.Errorf("got %d gaps of mean %v ms and a peak of %v, want 10 gaps of 3 ms and 11", d.N, d.Mean, s.PeakOutput)
	}
}

// TestRateChanges follows a linear ramp from 1 to 5 over five requests.
func TestRateChanges(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	var p plan.Plan
	p.Load.RampStrategy, p.Load.RampStartRPS, p.Load.RampEndRPS = "linear", 1, 5
	p.Workload.NumPrompts = 3
	recs := []*record.Record{answer(0, 10, 10, 1), answer(1, 20, 20, 1), answer(2, 30, 30, 1)}
	got := ""
	for _, c := range rateChanges(recs, record.Ending{Began: began, Start: ms}, p) {
		got += fmt.Sprintf("%d@%v ", c.RPS, c.At.Sub(began))
	}
	if want := "1@1ms 2@20ms 3@20ms 4@30ms 5@30ms "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.Load.RampStrategy = ""
	if got := rateChanges(recs, record.Ending{}, p); got != nil {
		t.Errorf("without a ramp: got %v, want none", got)
	}
}
