package light

// A Row is one decode step at one batch.
type Row struct {
	Batch      int     `json:"batch"`
	StepMs     float64 `json:"tpot_ms"`      // the least time of a step, and of a token of each request
	TokensPerS float64 `json:"tokens_per_s"` // of all requests together
	Bound      string  `json:"bound"`

	// What each would take alone.
	WeightMs  float64 `json:"weights_ms"`
	KVMs      float64 `json:"kv_ms"`
	ComputeMs float64 `json:"compute_ms"`
	LinkMs    float64 `json:"link_ms"`
}

// Rows is the limit of a decode step at each batch, where every request has
// context tokens before it.
func (l *Light) Rows(batches []int, context int) []Row {
	var rows []Row
	for _, n := range batches {
		if n < 1 {
			continue
		}
		c := l.decode(n, max(context, 0))
		rows = append(rows, Row{
			Batch: n, StepMs: c.Total * msPerSecond, TokensPerS: float64(n) / c.Total, Bound: c.Bound,
			WeightMs:  c.WeightBytes / l.bandwidth() * msPerSecond,
			KVMs:      c.KVBytes / l.bandwidth() * msPerSecond,
			ComputeMs: c.Flops / l.peak() * msPerSecond,
			LinkMs:    l.link(n) * msPerSecond,
		})
	}
	return rows
}

// link is the least time that the cards exchange for a step of n tokens that all
// give a row of logits: two ring all-reduces a layer, and the gathering of the
// logits, over the card's link. The costs of a step have it only as a share.
func (l *Light) link(n int) float64 {
	s := l.machine.Setup()
	if s.TP < 2 || s.Card.Link.Value == 0 {
		return 0
	}
	p := float64(s.TP)
	reduce := 4 * float64(s.Model.Layers) * float64(s.Model.Hidden)
	bytes := float64(n) * bytesPerActivation * (p - 1) / p * (reduce + float64(s.Model.Vocab))
	return bytes / (s.Card.Link.Value * 1e9)
}

// bytesPerActivation is that of what cards exchange: 16 bits.
const bytesPerActivation = 2

// maxBalance is the largest batch that Balance looks at.
const maxBalance = 1 << 16

// Balance is the batch at which the arithmetic of a decode step takes as long
// as reading its weights, the KV cache left out; 0 where there is none.
func (l *Light) Balance() float64 {
	excess := func(n int) float64 {
		c := l.decode(n, 0)
		return c.Flops/l.peak() - c.WeightBytes/l.bandwidth()
	}
	low, high := 1, 2
	if excess(low) >= 0 {
		return 1
	}
	for excess(high) < 0 {
		if low, high = high, high*2; high > maxBalance {
			return 0
		}
	}
	for high-low > 1 {
		if mid := (low + high) / 2; excess(mid) < 0 {
			low = mid
		} else {
			high = mid
		}
	}
	a, b := excess(low), excess(high)
	return float64(low) + a/(a-b)
}
