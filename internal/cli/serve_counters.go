package cli

import (
	"context"
	"encoding/json"
	"time"

	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
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

// observe adds to a summary what a run directory has from the server: what the
// simulator says of itself, and the counters.
func observe(s *metrics.Summary, server record.Server) error {
	// A simulator that was started elsewhere says so where it says its version.
	s.Simulated = s.Simulated || saysSimulated(server.Version)
	if len(server.Simulator) > 0 {
		var x metrics.Simulator
		if err := json.Unmarshal(server.Simulator, &x); err != nil {
			return failf(ExitFailed, "", "the simulator's account in run.json can't be read: %w", err)
		}
		s.Simulate(x)
	}
	var before, after metrics.Counters
	for _, x := range []struct {
		raw json.RawMessage
		to  *metrics.Counters
	}{{server.Before, &before}, {server.After, &after}} {
		if len(x.raw) == 0 {
			return nil
		}
		if err := json.Unmarshal(x.raw, x.to); err != nil {
			return failf(ExitFailed, "", "the server's counters in run.json can't be read: %w", err)
		}
	}
	s.Observe(before, after)
	return nil
}
