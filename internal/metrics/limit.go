package metrics

import (
	"fmt"
	"strings"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// WarnBelowLimit is the code of the warning that something was measured which
// the card is not able to do as described.
const WarnBelowLimit = "below_limit"

// A Spread is a latency of a limit in milliseconds.
type Spread struct{ Mean, P50, P90, P99 float64 }

// A LimitSpread is the limit of the latencies in milliseconds.
type LimitSpread struct{ TTFT, TPOT, E2EL Spread }

// Ratios are quotients of means; 0 where one of them is not known.
type Ratios struct{ TTFT, TPOT, E2EL float64 }

// A Limit is the speed of light beside a run: the least that its latencies
// could have been on the card that served it. Whoever knows the card fills it.
// All numbers are over the same successful requests.
type Limit struct {
	Model, GPU, Precision, KV string // KV is the format of the KV cache, "" for 16 bit
	TP                        int    // cards
	Policy                    string // whose schedule the limit under load follows
	Requests                  int

	Alone LimitSpread // each request on an empty server
	Load  LimitSpread // the same arrivals and lengths, scheduled by Policy; zero where NoLoad says why
	// NoLoad says why there is no limit under load; "" where there is one.
	NoLoad string

	OverAlone, OverLoad Ratios // measured ÷ limit

	BandwidthUse float64 // of the memory bandwidth while tokens were generated, of one
	FlopUse      float64 // of the peak rate while requests were under way, of one
	TTFTBound    string  // what the limit of TTFT is made of mostly: weights, kv, compute, link, network
	TPOTBound    string

	RoundTripMs   float64 // of the network, part of the limit of TTFT; 0 where it is not known
	TokensPerStep float64 // accepted by speculation, by which the limit of TPOT is divided; 0 where it is not known
	CachedTokens  int     // taken off the prompts

	BelowAlone  int      // requests faster than their own limit
	Below       []string // what is below which limit: "TPOT is 0.91 of its limit at batch 1"
	Causes      []string // what may be behind it, likeliest first
	Unconfirmed []string // constants in it that have one unconfirmed source
}

// An Implied is what a measured TPOT says of a card that is not known.
type Implied struct {
	Model, Precision string
	TPOTMs           float64 // mean
	Batch            float64 // answers under way at once, mean over the generated tokens
	Bandwidth        float64 // GB/s of weights alone that it takes at least
	Text             string  // one line that says so
}

// A Served is one successful request as an engine saw it, in seconds and
// tokens.
type Served struct {
	At             float64 // sent, since the start of the run
	TTFT, E2EL     float64
	TPOT           float64 // 0 where there are less than two tokens
	Connect        float64 // that its connection took; 0 where that is not known or TLS is part of it
	Prompt, Output int
	Cached         int // of Prompt, by the server's usage
}

// ServedOf lists the successful requests among recs in the order in which they
// were sent.
func ServedOf(recs []*record.Record, p plan.Plan) []Served {
	v := ViewOf(p)
	tls := strings.HasPrefix(p.Target.BaseURL, "https:")
	var list []Served
	for _, r := range InOrder(recs) {
		if !v.OK(r) || v.TTFT(r) <= 0 {
			continue
		}
		s := Served{
			At: v.Start(r), TTFT: v.TTFT(r), E2EL: v.Latency(r),
			Prompt: v.Prompt(r).N, Output: v.Output(r).N, Cached: r.CachedTokens,
		}
		if s.Output > 1 {
			s.TPOT = (s.E2EL - s.TTFT) / float64(s.Output-1)
		}
		if !tls && r.Dialed > 0 && r.Connected > r.Dialed {
			s.Connect = seconds(r.Connected - r.Dialed)
		}
		list = append(list, s)
	}
	return list
}

// Limited adds the speed of light to a summary, and what it gives reason to
// doubt.
func (s *Summary) Limited(l *Limit) {
	s.Limit = l
	e := &evidence{Summary: s}
	if text := e.belowLimit(); text != "" {
		s.Warnings = append(s.Warnings, Warning{WarnBelowLimit, text})
	}
}

func (e *evidence) belowLimit() string {
	if e.Limit == nil || len(e.Limit.Below) == 0 {
		return ""
	}
	return fmt.Sprintf("%s on %s: likely causes: %s", strings.Join(e.Limit.Below, "; "), e.Limit.GPU, strings.Join(e.Limit.Causes, "; "))
}
