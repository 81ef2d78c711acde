package stats

import "math"

// TPOT returns the time per output token after the first, as vLLM's client
// counts it: what an answer took after its first token, shared among the tokens
// that came after it. Both times are from the request's sending, or both from
// one other moment; the result has their unit. It is NaN for fewer than two
// tokens.
func TPOT(ttft, e2el, tokens float64) float64 {
	if !(tokens > 1) {
		return math.NaN()
	}
	return (e2el - ttft) / (tokens - 1)
}
