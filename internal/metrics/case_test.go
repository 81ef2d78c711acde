package metrics_test

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/casefile"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

var update = flag.Bool("update", false, "write the case files")

// TestCases works out the runs of testdata/*.case; latencies.case tells their
// language.
func TestCases(t *testing.T) {
	for _, file := range []string{"latencies", "warnings", "failures", "verdicts", "compat"} {
		casefile.Run(t, "testdata/"+file+".case", *update, say)
	}
}

// TestEveryWarningHasACase: no warning of Summarize is without one.
func TestEveryWarningHasACase(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range casefile.Read(t, "testdata/warnings.case") {
		for line := range strings.Lines(c.Want) {
			seen[strings.TrimSpace(line)] = true
		}
	}
	for _, d := range metrics.WarningDefinitions() {
		// Those that need what Summarize is not given have tests of their own.
		elsewhere := d.Code == metrics.WarnSimulatorLate || d.Code == metrics.WarnBelowLimit
		if !seen["warning "+d.Code] && !elsewhere {
			t.Errorf("no case makes %s appear", d.Code)
		}
	}
}

// A stage is a run as a case describes it.
type stage struct {
	p      plan.Plan
	end    record.Ending
	recs   []*record.Record
	show   []string
	compat bool // once more under compat
}

// say is what a case file says of a run.
func say(t *testing.T, given []string) string {
	s := &stage{p: openLoop(), end: record.Ending{End: 2000 * ms}}
	for _, line := range given {
		if err := s.follow(line); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	out := s.shown(t, "")
	if s.compat {
		s.p.Compat = "vllm"
		out += s.shown(t, "compat ")
	}
	return out
}

func (s *stage) follow(line string) error {
	words := strings.Fields(line)
	switch words[0] {
	case "quiet":
		n, err := strconv.Atoi(words[1])
		if err == nil {
			s.p, s.end, s.recs = quiet(n)
		}
		return err
	case "answer":
		return s.answer(words[1:])
	case "request":
		r := &record.Record{Index: len(s.recs)}
		s.recs = append(s.recs, r)
		return each(words[1:], func(k, v string) error { return set(r, k, v) })
	case "each", "at":
		return s.change(words)
	case "plan":
		return each(words[1:], func(k, v string) error { return setPlan(&s.p, k, v) })
	case "end":
		return each(words[1:], s.setEnd)
	case "client":
		if s.end.Client == nil {
			s.end.Client = &record.Client{Wall: time.Second, Cores: 2, Machine: 2}
		}
		return each(words[1:], func(k, v string) error { return setClient(s.end.Client, k, v) })
	case "show":
		s.show = append(s.show, words[1:]...)
		return nil
	case "compat":
		s.compat = true
		return nil
	}
	return fmt.Errorf("no such word")
}

// answer adds a successful request: when it was due and sent, and the times of
// its tokens after that, in ms.
func (s *stage) answer(words []string) error {
	var at []record.Stamp
	for len(words) > 0 && !strings.Contains(words[0], "=") {
		x, err := strconv.Atoi(words[0])
		if err != nil {
			return err
		}
		at, words = append(at, record.Stamp(x)), words[1:]
	}
	if len(at) < 3 {
		return fmt.Errorf("want DUE SENT TOKEN …")
	}
	r := answer(len(s.recs), at[0], at[1], at[2:]...)
	s.recs = append(s.recs, r)
	return each(words, func(k, v string) error { return set(r, k, v) })
}

// change sets members of every record, or of those whose numbers are listed.
func (s *stage) change(words []string) error {
	recs, words := s.recs, words[1:]
	if !strings.Contains(words[0], "=") {
		recs = nil
		for _, word := range strings.Split(words[0], ",") {
			i, err := strconv.Atoi(word)
			if err != nil {
				return err
			}
			recs = append(recs, s.recs[i])
		}
		words = words[1:]
	}
	for _, r := range recs {
		if err := each(words, func(k, v string) error { return set(r, k, v) }); err != nil {
			return err
		}
	}
	return nil
}

func each(words []string, set func(k, v string) error) error {
	for _, word := range words {
		k, v, _ := strings.Cut(word, "=")
		if err := set(k, strings.ReplaceAll(v, "_", " ")); err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	return nil
}

// set sets one member of a record.
func set(r *record.Record, key, value string) error {
	times := map[string]*record.Stamp{"due": &r.Due, "released": &r.Released, "sent": &r.Sent, "first_byte": &r.FirstByte}
	counts := map[string]*int{
		"output": &r.OutputTokens.N, "prompt": &r.PromptTokens.N, "want_output": &r.WantOutput, "want_prompt": &r.WantPrompt,
		"cached": &r.CachedTokens, "status": &r.Status, "replaced": &r.Replaced, "redirects": &r.Redirects,
		"refused": &r.Refused, "unstreamed": &r.Unstreamed, "said": &r.Said, "unprefixed": &r.Unprefixed, "resent": &r.Resent, "disordered": &r.Disordered,
	}
	words := map[string]*string{
		"outcome": (*string)(&r.Outcome), "output_from": (*string)(&r.OutputTokens.From), "err": &r.Err, "content_type": &r.ContentType,
	}
	switches := map[string]*bool{"kernel": &r.KernelStamped, "usage_alone": &r.UsageAlone, "stripped": &r.Stripped, "framed": &r.Framed}
	var err error
	switch {
	case times[key] != nil:
		return setTime(times[key], r, value)
	case counts[key] != nil:
		*counts[key], err = strconv.Atoi(value)
	case words[key] != nil:
		*words[key] = strings.ReplaceAll(value, " ", wordBreak(key))
	case switches[key] != nil:
		*switches[key], err = strconv.ParseBool(value)
	case key == "lag":
		r.Lag, err = time.ParseDuration(value)
	case key == "per" || key == "bare" || key == "join" || key == "cut" || key == "answer":
		err = setEvents(r, key, value)
	default:
		err = fmt.Errorf("a record has no such member")
	}
	return err
}

// wordBreak is what a "_" of the case stands for: a blank in sentences alone.
func wordBreak(key string) string {
	if key == "err" {
		return " "
	}
	return "_"
}

// setTime takes a time, one relative to what it is (+5ms, -5ms), or one for each
// number of a request (50ms*n).
func setTime(to *record.Stamp, r *record.Record, value string) error {
	text, many := strings.CutSuffix(value, "*n")
	d, err := time.ParseDuration(text)
	switch {
	case many:
		*to = record.Stamp(d) * record.Stamp(r.Index+1)
	case text[0] == '+' || text[0] == '-':
		*to += record.Stamp(d)
	default:
		*to = record.Stamp(d)
	}
	return err
}

// setEvents changes the events of an answer: how many tokens each carried (per),
// those without a token in ms (bare), which have the time of the one before
// (join), how many are left (cut), and which begins the answer (answer).
func setEvents(r *record.Record, key, value string) error {
	for i, word := range strings.Split(value, ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			return err
		}
		switch key {
		case "per":
			r.PerEvent[i] = uint16(n)
		case "bare":
			r.Bare = append(r.Bare, record.Stamp(n)*ms)
		case "join":
			r.Events[n] = r.Events[n-1]
		case "answer":
			r.FirstAnswer = r.Events[n]
		case "cut":
			r.Events, r.PerEvent = r.Events[:n], r.PerEvent[:n]
			r.LastToken = r.Events[n-1]
		}
	}
	return nil
}

// setClient sets what went on on the client's machine.
func setClient(c *record.Client, key, value string) error {
	times := map[string]*time.Duration{
		"wall": &c.Wall, "own": &c.Own, "others": &c.Others, "stolen": &c.Stolen, "queued": &c.Queued,
		"throttled": &c.Throttled, "pressure": &c.Pressure, "pause": &c.LongestPause,
	}
	counts := map[string]*int64{"segments": &c.Segments, "resent": &c.Resent, "zero_windows": &c.ZeroWindows, "pruned": &c.Pruned, "files": &c.Files}
	var err error
	switch {
	case times[key] != nil:
		*times[key], err = time.ParseDuration(value)
	case counts[key] != nil:
		*counts[key], err = strconv.ParseInt(value, 10, 64)
	default:
		err = fmt.Errorf("a client has no such member")
	}
	return err
}

func setPlan(p *plan.Plan, key, value string) error {
	var err error
	switch key {
	case "rate":
		var x float64
		x, err = strconv.ParseFloat(value, 64)
		p.Load.RequestRate = plan.Float(x)
	case "concurrency":
		p.Load.MaxConcurrency, err = strconv.Atoi(value)
	case "ramp":
		p.Load.RampStrategy = value
	case "self-timed":
		p.Load.SelfTimed = true
	case "no-tokenizer":
		p.Workload.SkipTokenizer = true
	case "ignore-eos":
		p.Target.IgnoreEOS, err = strconv.ParseBool(value)
	case "percentiles":
		p.Output.Percentiles = nil
		for _, word := range strings.Split(value, ",") {
			var x float64
			x, err = strconv.ParseFloat(word, 64)
			p.Output.Percentiles = append(p.Output.Percentiles, x)
		}
	case "goal":
		metric, limit, _ := strings.Cut(value, ":")
		g := plan.Goal{Metric: metric}
		g.LimitMs, err = strconv.ParseFloat(limit, 64)
		p.Goals = append(p.Goals, g)
	default:
		err = fmt.Errorf("a plan has no such member")
	}
	return err
}

func (s *stage) setEnd(key, value string) error {
	var err error
	switch key {
	case "reason":
		s.end.Reason = value
	case "clock-steps":
		s.end.ClockSteps, err = strconv.Atoi(value)
	case "at":
		err = setTime(&s.end.End, &record.Record{}, value)
	default:
		err = fmt.Errorf("an ending has no such member")
	}
	return err
}

// shown is what was asked to be shown, a line each.
func (s *stage) shown(t *testing.T, before string) string {
	sum := summarize(s.recs, s.end, s.p)
	var b strings.Builder
	for _, what := range s.show {
		switch what {
		case "warnings":
			for _, w := range sum.Warnings {
				fmt.Fprintf(&b, "%swarning %s\n", before, w.Code)
				if w.Text == "" {
					t.Errorf("warning %s has no text", w.Code)
				}
			}
			if len(sum.Warnings) == 0 {
				fmt.Fprintf(&b, "%sno warning\n", before)
			}
		case "verdict":
			fmt.Fprintf(&b, "%sverdict %s\n", before, sum.Verdict.Grade)
			for _, f := range sum.Verdict.Findings {
				fmt.Fprintf(&b, "%s%s %s: %s\n", before, f.Grade, f.Code, f.Text)
			}
			for _, c := range sum.Verdict.Causes {
				fmt.Fprintf(&b, "%smeanwhile %s\n", before, c)
			}
		case "latencies":
			fmt.Fprintf(&b, "%slatencies %s\n", before, strings.Trim(fmt.Sprint(slices.Sorted(maps.Keys(sum.Dists))), "[]"))
		case "failures":
			for _, f := range sum.Failures {
				fmt.Fprintf(&b, "%s%d × %s %d, first %d: %s\n", before, f.N, f.Outcome, f.Status, f.Index, f.Example)
			}
		default:
			fmt.Fprintf(&b, "%s%s %s\n", before, what, value(t, &sum, metrics.ID(what)))
		}
	}
	return b.String()
}

// value is a number of the summary by its name.
func value(t *testing.T, s *metrics.Summary, what metrics.ID) string {
	numbers := map[metrics.ID]float64{
		"duration": s.Duration, "requests": float64(s.Requests), "completed": float64(s.Completed), "failed": float64(s.Failed),
		"input": float64(s.InputTokens), "output": float64(s.OutputTokens), "input_asked": float64(s.AskedInputTokens),
		"request_throughput": s.RequestThroughput, "goodput": s.Goodput, "input_throughput": s.InputThroughput,
		"output_throughput": s.OutputThroughput, "token_throughput": s.TokenThroughput,
		"peak_output": s.PeakOutput, "peak_concurrency": float64(s.PeakConcurrency),
	}
	if x, ok := numbers[what]; ok {
		return round(x)
	}
	if what == "clock" {
		return s.Clock
	}
	d, ok := s.Dists[what]
	if !ok {
		t.Fatalf("there is no %q to show", what)
	}
	return fmt.Sprintf("n %d mean %s max %s", d.N, round(d.Mean), round(d.Max))
}

// round has what a hand would work out.
func round(x float64) string { return strconv.FormatFloat(math.Round(x*1e6)/1e6, 'f', -1, 64) }
