package light

import (
	"fmt"
	"slices"

	"tokmeter/internal/stats"
)

// A Request is one request that was served, in seconds and tokens. What was
// measured is 0 where it is not known.
type Request struct {
	At             float64 // sent, since the start
	Prompt, Output int
	Cached         int   // of Prompt, found in the server's cache
	Priority       int   // lowest first, where the policy looks at it
	Tokens         []int // the prompt itself where it is known; nil else

	TTFT, TPOT, E2EL float64 // measured
	Connect          float64 // that its connection took, without TLS
}

// A Spread describes a latency in milliseconds.
type Spread struct {
	Mean float64 `json:"mean_ms"`
	P50  float64 `json:"p50_ms"`
	P90  float64 `json:"p90_ms"`
	P99  float64 `json:"p99_ms"`
}

// A Latencies is a spread of each latency.
type Latencies struct {
	TTFT Spread `json:"ttft"`
	TPOT Spread `json:"tpot"`
	E2EL Spread `json:"e2el"`
}

// Ratios are quotients of means; 0 where one of them is not known.
type Ratios struct {
	TTFT float64 `json:"ttft"`
	TPOT float64 `json:"tpot"`
	E2EL float64 `json:"e2el"`
}

// Evidence is what is known beside the requests.
type Evidence struct {
	TokensPerStep float64 // tokens that a step of speculative decoding gives a request; 0 where nothing is known
	Counted       bool    // the server said how many tokens there are, so that no event is taken for one
	Together      bool    // tokens came several at a time, so that TTFT is too late and TPOT too short
	FromQueue     bool    // measured times count from the engine's queue and not from the arrival
	Simulated     bool    // the times are a simulator's: what only a real card can do is no cause
}

// A Verdict is what was measured beside the limits.
type Verdict struct {
	Model, GPU, Precision string
	KV                    string // format of the KV cache; "" for that of the weights' own 16 bit
	TP                    int    // cards that a layer is cut over
	Policy                string // whose schedule the limit under load follows
	Requests              int

	Alone     Latencies // each request on an empty server
	Load      Latencies // all of them through the schedule; zero where NoLoad says why
	NoLoad    string
	Measured  Latencies
	OverAlone Ratios // measured ÷ limit
	OverLoad  Ratios

	BandwidthUse float64 // of the memory bandwidth while tokens were generated, of one
	FlopUse      float64 // of the peak rate while requests were under way, of one
	TTFTBound    string  // what the limits are made of mostly
	TPOTBound    string

	RoundTripMs   float64 // part of every limit of TTFT
	TokensPerStep float64 // by which the limits of TPOT are divided; 0 where nothing is known
	CachedTokens  int     // taken off the prompts

	BelowAlone  int // requests faster than their own limit
	Below       []string
	Causes      []string
	Unconfirmed []string

	first, rest bool // TTFT or TPOT is below a limit
	alone       bool // below that of an empty server
}

// slack is how far below a limit a mean may be before that is worth a word:
// stamps and clocks are not exact.
const slack = 0.995

// Judge puts what was measured beside the limits of the same requests. A load
// that the engine could never serve has no limit under load, and NoLoad says
// so.
func (l *Light) Judge(reqs []Request, e Evidence) Verdict {
	b := &l.built
	v := Verdict{
		Model: b.Model.Name, GPU: b.Card.Name, Precision: b.Setup.Precision, TP: b.Setup.TP,
		Policy: Policy, Requests: len(reqs),
	}
	if b.Setup.KV != "auto" {
		v.KV = b.Setup.KV
	}
	if e.TokensPerStep > 1 {
		v.TokensPerStep = e.TokensPerStep
	}
	trip := roundTrip(reqs)
	v.RoundTripMs = trip * msPerSecond
	alone := make([]Times, len(reqs))
	measured := make([]Times, len(reqs))
	bound := binding{map[string]float64{}, map[string]float64{}}
	for i, r := range reqs {
		v.CachedTokens += r.Cached
		c := l.prefill(r.Prompt, r.Cached)
		bound.first[c.Bound] += c.Total
		if r.Output > 1 {
			middle := l.decode(1, r.Prompt+r.Output/2)
			bound.rest[middle.Bound] += float64(r.Output-1) * middle.Total
		}
		alone[i] = v.adjust(l.then(c.Total, r.Prompt, r.Output), trip)
		measured[i] = Times{r.TTFT, r.TPOT, r.E2EL}
	}
	v.Alone, v.Measured = spread(alone), spread(measured)
	v.OverAlone = over(v.Measured, v.Alone)
	loaded, steps, err := l.load(reqs, e.FromQueue)
	if err != nil {
		v.NoLoad = err.Error()
	} else {
		bound = steps
		for i := range loaded {
			loaded[i] = v.adjust(loaded[i], trip)
		}
		v.Load = spread(loaded)
		v.OverLoad = over(v.Measured, v.Load)
	}
	v.TTFTBound = mostTime(bound.first, trip*float64(len(reqs)))
	v.TPOTBound = mostTime(bound.rest, 0)
	l.use(&v, reqs)
	v.below(alone, measured)
	v.causes(e)
	v.Unconfirmed = l.Unconfirmed()
	return v
}

// adjust adds what the network takes at least and takes off what speculation
// gave.
func (v *Verdict) adjust(t Times, trip float64) Times {
	decode := t.E2EL - t.TTFT
	if v.TokensPerStep > 0 {
		decode /= v.TokensPerStep
		t.TPOT /= v.TokensPerStep
	}
	t.TTFT += trip
	t.E2EL = t.TTFT + decode
	return t
}

// roundTrip is the shortest time that a connection took: one way there and one
// back. It is 0 where no connection was seen.
func roundTrip(reqs []Request) float64 {
	shortest := 0.0
	for _, r := range reqs {
		if r.Connect > 0 && (shortest == 0 || r.Connect < shortest) {
			shortest = r.Connect
		}
	}
	return shortest
}

// mostTime is the bound that most of the time goes to.
func mostTime(bound map[string]float64, network float64) string {
	best, most := "", 0.0
	for name, s := range bound {
		if s > most || s == most && name < best {
			best, most = name, s
		}
	}
	if network > most {
		return Network
	}
	return best
}

// spread describes latencies: TTFT and E2EL over all of them, TPOT over those
// that have one.
func spread(all []Times) Latencies {
	pick := func(value func(Times) float64) Spread {
		var x []float64
		for _, t := range all {
			if s := value(t); s > 0 {
				x = append(x, s*msPerSecond)
			}
		}
		if len(x) == 0 {
			return Spread{}
		}
		s := Spread{Mean: stats.Mean(x)}
		slices.Sort(x)
		s.P50, s.P90, s.P99 = stats.Percentile(x, 50), stats.Percentile(x, 90), stats.Percentile(x, 99)
		return s
	}
	return Latencies{
		TTFT: pick(func(t Times) float64 { return t.TTFT }),
		TPOT: pick(func(t Times) float64 { return t.TPOT }),
		E2EL: pick(func(t Times) float64 { return t.E2EL }),
	}
}

func over(measured, limit Latencies) Ratios {
	div := func(a, b Spread) float64 {
		if b.Mean == 0 {
			return 0
		}
		return a.Mean / b.Mean
	}
	return Ratios{
		TTFT: div(measured.TTFT, limit.TTFT),
		TPOT: div(measured.TPOT, limit.TPOT),
		E2EL: div(measured.E2EL, limit.E2EL),
	}
}

// below says what is faster than physics allows, or than the policy does.
func (v *Verdict) below(alone, measured []Times) {
	ttft, tpot := 0, 0
	for i, m := range measured {
		a := alone[i]
		fastFirst := m.TTFT > 0 && m.TTFT < slack*a.TTFT
		fastRest := m.TPOT > 0 && m.TPOT < slack*a.TPOT
		if fastFirst {
			ttft++
		}
		if fastRest {
			tpot++
		}
		if fastFirst || fastRest {
			v.BelowAlone++
		}
	}
	for _, x := range []struct {
		name        string
		alone, load float64
		n           int
	}{{"TTFT", v.OverAlone.TTFT, v.OverLoad.TTFT, ttft}, {"TPOT", v.OverAlone.TPOT, v.OverLoad.TPOT, tpot}} {
		beaten := len(v.Below)
		switch {
		case x.alone > 0 && x.alone < slack:
			v.Below = append(v.Below, fmt.Sprintf("the mean %s is %.2f of its limit on an empty server", x.name, x.alone))
		case x.n > 0:
			v.Below = append(v.Below, fmt.Sprintf("%d of %d requests have a %s below their limit on an empty server", x.n, v.Requests, x.name))
		case x.load > 0 && x.load < slack:
			v.Below = append(v.Below, fmt.Sprintf("the mean %s is %.2f of the limit under load of the schedule of %s", x.name, x.load, Policy))
		}
		if len(v.Below) > beaten {
			v.alone = v.alone || x.n > 0 || x.alone < slack
			v.first = v.first || x.name == "TTFT"
			v.rest = v.rest || x.name == "TPOT"
		}
	}
}

// causes lists what may be behind a time below its limit, likeliest first.
func (v *Verdict) causes(e Evidence) {
	if len(v.Below) == 0 {
		return
	}
	add := func(s string) { v.Causes = append(v.Causes, s) }
	if !v.alone {
		add("another scheduling policy or other engine settings, which this limit does not hold for")
	}
	add("another card, more cards or a smaller format of the weights than was named")
	if v.rest && v.TokensPerStep == 0 {
		add("speculative decoding that the server's counters do not tell of")
	}
	if v.first && v.CachedTokens == 0 {
		add("a prefix cache whose hits the server does not report")
	}
	if v.rest && e.Together {
		add("tokens that came several at a time: the first one is then read with the next, which makes TTFT longer and TPOT shorter")
	}
	if !e.Counted {
		add("tokens counted wrong: several in one event, or events that are none")
	}
	if !e.Simulated {
		add("a card whose clocks boost above its rating")
	}
}
