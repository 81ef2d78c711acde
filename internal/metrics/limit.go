package metrics

import (
	"fmt"
	"strings"

	"tokmeter/internal/model/light"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// WarnBelowLimit is the code of the warning that something was measured which
// the card is not able to do as described.
const WarnBelowLimit = "below_limit"

// ServedOf lists the successful requests among recs as an engine saw them, in
// the order in which they were sent. The error is that of the pass.
func ServedOf(recs record.Pass, p plan.Plan) ([]light.Request, error) {
	v := ViewOf(p)
	tls := strings.HasPrefix(p.Target.BaseURL, "https:")
	var list []light.Request
	for r, err := range recs {
		if err != nil {
			return nil, err
		}
		if !v.OK(r) || v.TTFT(r) <= 0 {
			continue
		}
		s := light.Request{
			At: v.Start(r), TTFT: v.TTFT(r), E2EL: v.Latency(r),
			Prompt: v.Prompt(r).N, Output: v.Output(r).N, Cached: r.CachedTokens,
		}
		if n := v.paced(r); n > 1 {
			s.TPOT = v.tpot(r, n)
		}
		if !tls && r.Dialed > 0 && r.Connected > r.Dialed {
			s.Connect = seconds(r.Connected - r.Dialed)
		}
		list = append(list, s)
	}
	return list, nil
}

// LimitWarnings are the reasons to doubt a number that the speed of light gives.
func (s *Summary) LimitWarnings() []Warning {
	if text := (&evidence{Summary: s}).belowLimit(); text != "" {
		return []Warning{{Code: WarnBelowLimit, Text: text}}
	}
	return nil
}

func (e *evidence) belowLimit() string {
	if e.Limit == nil || len(e.Limit.Below) == 0 {
		return ""
	}
	return fmt.Sprintf("%s on %s: likely causes: %s", strings.Join(e.Limit.Below, "; "), e.Limit.GPU, strings.Join(e.Limit.Causes, "; "))
}
