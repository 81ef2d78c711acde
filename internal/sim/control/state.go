package control

import (
	"net/http"

	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/engine"
)

// getTruth answers GET /sim/truth.
func (s *Control) getTruth(c *call.Call) bool {
	rows, dropped := s.ledger.Rows()
	return c.Reply(http.StatusOK, map[string]any{"simulated": true, "requests": rows, "dropped": dropped, "lateness": lateObject(s.in.Engine.Lateness())})
}

// forgetTruth answers DELETE /sim/truth.
func (s *Control) forgetTruth(c *call.Call) bool {
	s.ledger.Forget()
	return c.Reply(http.StatusOK, map[string]any{"success": true})
}

// lateObject is a Lateness as JSON, in milliseconds.
func lateObject(l engine.Lateness) any {
	ms := func(q engine.Quantiles) any {
		return map[string]float64{"p50_ms": q.P50 * 1e3, "p99_ms": q.P99 * 1e3, "max_ms": q.Max * 1e3}
	}
	return map[string]any{
		"steps": l.Steps, "first_late": ms(l.First), "last_late": ms(l.Last), "overrun": ms(l.Overrun),
		"slipped": l.Slipped, "slipped_ms": l.SlippedSeconds * 1e3,
	}
}

// getState tells what the engine is and does.
func (s *Control) getState(c *call.Call) bool {
	x := s.in.Engine.Snapshot()
	state := map[string]any{
		"simulated": true, "models": s.in.Options.Names, "uptime_s": s.in.Uptime().Seconds(),
		"running": x.Running, "waiting": x.Waiting, "waiting_capacity": x.Capacity, "waiting_deferred": x.Deferred,
		"blocks": x.Blocks, "free_blocks": x.Free, "kv_usage": x.KVUsage, "steps": x.Steps, "preemptions": x.Preemptions,
		"prefix_queries": x.Queries, "prefix_hits": x.Hits, "prompt_tokens": x.Prompt, "output_tokens": x.Output,
		"finished": x.Finished, "aborted": x.Aborted, "paused": x.Paused, "sleep_level": x.Sleep,
		"lateness": lateObject(s.in.Engine.Lateness()), "trace": s.steps(c),
	}
	if f := s.in.Options.Fixed; f != nil {
		state["fixed"] = map[string]any{"ttft": f.TTFT.String(), "itl": f.ITL.String(), "jitter": f.Jitter, "seed": f.Seed}
	}
	if b := s.in.Built; b != nil {
		state["engine"] = map[string]any{"model": b.Setup.Model, "gpu": b.Setup.GPU, "precision": b.Setup.Precision,
			"engine": b.Setup.Engine, "tensor_parallel_size": b.Setup.TP, "blocks": b.Sched.Blocks, "block_size": b.Sched.BlockSize,
			"max_num_batched_tokens": b.Sched.MaxBatchedTokens, "max_num_seqs": b.Sched.MaxSeqs, "max_model_len": b.Sched.MaxModelLen}
		state["notes"] = b.Notes
	}
	return c.Reply(http.StatusOK, state)
}
