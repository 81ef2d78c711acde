package cli

import (
	"context"
	"encoding/json"
	"time"

	"tokmeter/internal/metrics"
)

// countersLimit is how long the server may take to show its counters.
const countersLimit = 5 * time.Second

// askCounters asks the server's /metrics, as vLLM's client does before and
// after a run; nil where it has none. vLLM's client asks without the headers
// (Q20).
func (r *serveRun) askCounters(ctx context.Context) *metrics.Counters {
	if r.away != nil || r.plan.Target.Simulated && r.built == nil || ctx.Err() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, countersLimit)
	defer cancel()
	s := r.server
	if r.plan.CompatVLLM() {
		s.Header = nil
	}
	text, err := s.Metrics(ctx)
	r.server.HTTP.CloseIdleConnections()
	if err != nil {
		return nil
	}
	c := metrics.ReadCounters(text)
	return &c
}

// countersText is counters as the run directory keeps them: nil where the
// server counts nothing that is shown.
func countersText(c *metrics.Counters) json.RawMessage {
	if c == nil || !c.Speculates && !c.Diffuses {
		return nil
	}
	b, err := json.Marshal(c)
	if err != nil {
		return nil // numbers and booleans alone
	}
	return b
}
