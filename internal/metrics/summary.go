package metrics

import (
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// count adds up requests and tokens.
func (s *Summary) count(v View, recs []*record.Record) {
	output, prompt := map[record.Source]int{}, map[record.Source]int{}
	for _, r := range recs {
		s.Replaced += r.Replaced
		s.Redirects += r.Redirects
		if r.Stripped {
			s.Stripped++
		}
		if !v.OK(r) {
			s.Failed++
			continue
		}
		s.Completed++
		out, in := v.Output(r), v.Prompt(r)
		s.OutputTokens += out.N
		s.InputTokens += in.N
		output[out.From]++
		prompt[in.From]++
		s.AskedInputTokens += r.WantPrompt
		s.AskedOutputTokens += r.WantOutput
		s.CachedTokens += r.CachedTokens
	}
	s.OutputSources = inOrderOfTrust(output)
	s.PromptSources = inOrderOfTrust(prompt)
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

// rates divides by the duration. It reads goodput off x before x is sorted.
func (s *Summary) rates(x *samples, p plan.Plan) {
	if s.Duration <= 0 {
		return
	}
	s.RequestThroughput = float64(s.Completed) / s.Duration
	s.Goodput = float64(good(x, p.Goals)) / s.Duration
	s.InputThroughput = float64(s.InputTokens) / s.Duration
	s.OutputThroughput = float64(s.OutputTokens) / s.Duration
	s.TokenThroughput = float64(s.InputTokens+s.OutputTokens) / s.Duration
}

// good counts the successful requests that meet every goal.
func good(x *samples, goals []plan.Goal) int {
	if len(goals) == 0 {
		return 0
	}
	n := 0
	for i := range x.ttft {
		met := true
		for _, g := range goals {
			value := x.ttft[i]
			switch ID(g.Metric) {
			case TPOT:
				value = x.tpotOrZero[i]
			case E2EL:
				value = x.e2el[i]
			}
			met = met && g.LimitMs/msPerSecond >= value
		}
		if met {
			n++
		}
	}
	return n
}

// peaks finds the most tokens in a second and the most requests at once.
func (s *Summary) peaks(v View, recs []*record.Record) {
	if s.Compat {
		s.PeakOutput, s.PeakConcurrency = bucketPeaks(v, recs)
		return
	}
	s.PeakOutput = float64(peakTokens(recs))
	s.PeakConcurrency = peakConcurrency(recs)
}

// distributions describes the samples, which it sorts.
func (s *Summary) distributions(x *samples, p plan.Plan) {
	percentiles := percentilesOf(p)
	put := func(id ID, values []float64) { s.Dists[id] = distribution(values, percentiles) }
	put(TTFT, x.ttft)
	put(TPOT, x.tpot)
	put(ITL, x.itl)
	put(E2EL, x.e2el)
	if p.Schedule.MaxConcurrency > 0 {
		put(ClientQueueTime, x.queue)
		if finiteRate(p) {
			put(E2ELWithQueue, x.e2elQueue)
		}
	}
	if s.Compat {
		return
	}
	if x.answerLater {
		put(FirstAnswer, x.firstAnswer)
	}
	if x.bundled > 0 {
		put(ITLPerToken, x.itlPerToken)
	}
	if hasDueTimes(p) {
		put(TTFTFromDue, x.ttftFromDue)
		put(E2ELFromDue, x.e2elFromDue)
	}
	put(Late, x.late)
	put(ClientLag, x.lag)
}

// clockOf says whose stamps the responses carry.
func clockOf(recs []*record.Record) string {
	kernel, reader := 0, 0
	for _, r := range recs {
		switch {
		case r.FirstByte == 0:
		case r.KernelStamped:
			kernel++
		default:
			reader++
		}
	}
	switch {
	case kernel+reader == 0:
		return "none"
	case reader == 0:
		return "kernel"
	case kernel == 0:
		return "reader"
	}
	return "mixed"
}
