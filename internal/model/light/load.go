package light

import (
	"strconv"

	"tokmeter/internal/model/replay"
)

// underLoad is the limit of every request where all of them arrive as they did:
// vLLM V1's schedule with perfect kernels and no host. It is a bound for that
// policy: another one may be faster for some requests. What came from the
// server's prefix cache is taken off the prompts. The error names a request
// that the engine could never serve.
func (l *Light) underLoad(reqs []Request) ([]Times, error) {
	out, _, err := l.load(reqs, false)
	return out, err
}

// A binding is the time of steps by what binds them, once for each request that
// waits for its first token and for each that waits for another.
type binding struct{ first, rest map[string]float64 }

// load is underLoad with what binds its steps. Times count from the engine's
// queue where fromQueue says so, else from the arrival.
func (l *Light) load(reqs []Request, fromQueue bool) ([]Times, binding, error) {
	bound := binding{map[string]float64{}, map[string]float64{}}
	if l.noLoad != nil {
		return nil, bound, l.noLoad
	}
	arrivals := make([]replay.Arrival, len(reqs))
	for i, r := range reqs {
		cached := min(max(r.Cached, 0), max(r.Prompt-1, 0))
		arrivals[i] = replay.Arrival{
			ID: strconv.Itoa(i), At: r.At, Prompt: max(r.Prompt, 1) - cached, Output: max(r.Output, 1), Priority: r.Priority,
		}
		if cached == 0 && len(r.Tokens) == r.Prompt {
			arrivals[i].Tokens = r.Tokens
		}
	}
	each := func(s replay.Step) {
		for i := range s.Decision.Shares {
			to := bound.rest
			if len(s.Decision.Shares[i].Request.Output) == 0 {
				to = bound.first
			}
			to[s.Cost.Bound] += s.End - s.Start
		}
	}
	result, err := replay.Run(&l.built, arrivals, replay.Options{Each: each})
	if err != nil {
		return nil, bound, err
	}
	out := make([]Times, len(reqs))
	for i, t := range result.Timings {
		out[i] = Times{TTFT: t.TTFT(), E2EL: t.E2EL()}
		if fromQueue {
			out[i].TTFT, out[i].E2EL = t.First-t.Queued, t.Last-t.Queued
		}
		if t.Output > 1 {
			out[i].TPOT = t.TPOT()
		}
	}
	return out, bound, nil
}
