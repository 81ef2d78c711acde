package metrics

import (
	"time"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// A tally adds up what one pass tells of a run: everything that is a number of
// requests, tokens or events.
type tally struct {
	view  View
	goals []plan.Goal

	requests, completed, good     int
	outputTokens, inputTokens     int
	askedOutput, askedInput       int
	cached, replaced, redirects   int
	cachedTold                    bool // some answer said how many
	doubt                         doubt
	stripped                      int // requests that a redirect led to another origin
	refused, firstRefused         int // requests with a count that can't be; the first such count
	output, prompt                map[record.Source]int
	outcomes                      map[record.Outcome]int
	kernel, reader                int           // responses by whose stamps they carry
	interval                      time.Duration // the longest between two rounds of reading
	failures                      failures
	firstErrors                   []string
	bundled                       int // events that carried several tokens
	events                        int // token events
	sharedStamps, sharedFirst     int // token events with the stamp of the one before; of these, second ones
	answerLater                   bool
	sent, lateSends               int
	openLoop, limited             bool
	lossy, lost                   int // requests on whose way segments were lost; these segments
	firstSent, lastSent           sending
	latest                        record.Stamp // the last sending
	countedPrompt, countedOfAsked int          // prompt tokens where the server counted, and what was asked there
	lengthOff, longer             int          // answers whose length is not the one asked; longer ones
}

// A sending is when a request was due and when it was sent.
type sending struct{ due, sent record.Stamp }

func newTally(v View, p plan.Plan) *tally {
	return &tally{
		view: v, goals: p.Goals, openLoop: p.Load.OpenLoop(), limited: p.Load.MaxConcurrency > 0,
		output: map[record.Source]int{}, prompt: map[record.Source]int{}, outcomes: map[record.Outcome]int{},
		failures: failures{at: map[failureKey]int{}},
	}
}

func (t *tally) turn() bool { return false }

func (t *tally) take(e *entry) {
	t.requests++
	t.outcomes[e.Outcome]++
	t.replaced += e.Replaced
	t.redirects += e.Redirects
	t.interval = max(t.interval, e.ReadInterval)
	if e.Stripped {
		t.stripped++
	}
	if e.Refused != 0 {
		if t.refused++; t.refused == 1 {
			t.firstRefused = e.Refused
		}
	}
	switch {
	case e.FirstByte == 0:
	case e.KernelStamped:
		t.kernel++
	default:
		t.reader++
	}
	if n := e.Resent + e.Disordered; n > 0 {
		t.lossy++
		t.lost += n
	}
	if e.Sent != 0 {
		t.lastSent = sending{e.Due, e.Sent}
		t.latest = max(t.latest, e.Sent)
		if t.sent++; t.sent == 1 {
			t.firstSent = t.lastSent
		}
		if t.openLoop && latenessOf(e.Record, t.limited) > float64(lateFloorMs)/msPerSecond {
			t.lateSends++
		}
	}
	if !e.ok {
		t.failed(e.Record)
		return
	}
	t.succeeded(e.Record)
	if !t.view.compat {
		t.beside(e)
	}
}

func (t *tally) failed(r *record.Record) {
	text := t.view.Error(r)
	t.failures.add(r, text)
	if t.view.compat && len(t.firstErrors) < mostFirstErrors {
		t.firstErrors = append(t.firstErrors, text)
	}
}

// succeeded adds what vLLM counts of a successful request.
func (t *tally) succeeded(r *record.Record) {
	t.completed++
	out, in := t.view.Output(r), t.view.Prompt(r)
	t.outputTokens += out.N
	t.inputTokens += in.N
	t.output[out.From]++
	t.prompt[in.From]++
	t.askedInput += r.WantPrompt
	t.askedOutput += r.WantOutput
	t.cached += r.CachedTokens
	t.cachedTold = t.cachedTold || r.CachedTold || r.CachedTokens > 0
	t.doubt.take(r)
	if t.meets(r, t.view.paced(r)) {
		t.good++
	}
}

// meets reports whether a successful request met every goal; false without any.
func (t *tally) meets(r *record.Record, tokens int) bool {
	for _, g := range t.goals {
		value := t.view.TTFT(r)
		switch ID(g.Metric) {
		case TPOT:
			value = 0
			if tokens > 1 {
				value = t.view.tpot(r, tokens)
			}
		case E2EL:
			value = t.view.Latency(r)
		}
		if !(g.LimitMs/msPerSecond >= value) {
			return false
		}
	}
	return len(t.goals) > 0
}

// beside adds what is measured beyond vLLM.
func (t *tally) beside(e *entry) {
	t.answerLater = t.answerLater || e.FirstAnswer != 0 && e.FirstAnswer != e.FirstToken
	t.events += len(e.Events)
	for i, n := range e.counts {
		if n > 1 {
			t.bundled++
		}
		if i > 0 && e.Events[i] == e.Events[i-1] {
			t.sharedStamps++
			if i == 1 {
				t.sharedFirst++
			}
		}
	}
	if e.WantPrompt > 0 && e.PromptTokens.From == record.FromUsage {
		t.countedPrompt += e.PromptTokens.N
		t.countedOfAsked += e.WantPrompt
	}
	if e.WantOutput > 0 && e.OutputTokens.N != e.WantOutput {
		t.lengthOff++
		if e.OutputTokens.N > e.WantOutput {
			t.longer++
		}
	}
}

// fill sets what a summary has of the tally.
func (t *tally) fill(s *Summary, p plan.Plan) {
	s.Requests, s.Completed, s.Failed = t.requests, t.completed, t.requests-t.completed
	s.OutputTokens, s.InputTokens = t.outputTokens, t.inputTokens
	s.AskedOutputTokens, s.AskedInputTokens, s.CachedTokens = t.askedOutput, t.askedInput, t.cached
	s.CachedTold, s.LateSends = t.cachedTold, t.lateSends
	s.Replaced, s.Redirects, s.Stripped = t.replaced, t.redirects, t.stripped
	s.OutputSources, s.PromptSources = inOrderOfTrust(t.output), inOrderOfTrust(t.prompt)
	s.Outcomes = make([]OutcomeCount, len(record.Outcomes))
	for i, o := range record.Outcomes {
		s.Outcomes[i] = OutcomeCount{o, t.outcomes[o]}
	}
	s.Failures = t.failures.sorted()
	s.FirstErrors = t.firstErrors
	s.Clock = t.clock()
	s.ReadInterval = t.interval.Seconds()
	if s.Duration <= 0 {
		return
	}
	s.RequestThroughput = float64(s.Completed) / s.Duration
	s.Goodput = float64(t.good) / s.Duration
	s.InputThroughput = float64(s.InputTokens) / s.Duration
	s.OutputThroughput = float64(s.OutputTokens) / s.Duration
	s.TokenThroughput = float64(s.InputTokens+s.OutputTokens) / s.Duration
}

// clock says whose stamps the responses carry.
func (t *tally) clock() string {
	switch {
	case t.kernel+t.reader == 0:
		return "none"
	case t.reader == 0:
		return "kernel"
	case t.kernel == 0:
		return "reader"
	}
	return "mixed"
}

// inOrderOfTrust lists the sources that occur, best first.
func inOrderOfTrust(n map[record.Source]int) []SourceCount {
	var list []SourceCount
	for _, from := range []record.Source{
		record.FromUsage, record.FromTokenIDs, record.FromServer,
		record.FromTokenizer, record.FromEvents, record.FromAsked, "",
	} {
		if n[from] > 0 {
			list = append(list, SourceCount{from, n[from]})
		}
	}
	return list
}
