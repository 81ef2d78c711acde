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
			ComputeMs: c.Arithmetic * msPerSecond,
			LinkMs:    c.Exchange * msPerSecond,
		})
	}
	return rows
}

// maxBalance is the largest batch that Balance looks at.
const maxBalance = 1 << 16

// Balance is the batch at which the arithmetic of a decode step takes as long
// as reading its weights, the KV cache left out; 0 where there is none.
func (l *Light) Balance() float64 {
	excess := func(n int) float64 {
		c := l.decode(n, 0)
		return c.Arithmetic - c.WeightBytes/l.bandwidth()
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
