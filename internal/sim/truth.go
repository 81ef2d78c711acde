package sim

import (
	"net/http"
	"sort"
	"sync"

	"tokmeter/internal/sim/engine"
)

// A Truth is what really happened to one request for an answer. Times are wall
// clock, in nanoseconds since 1970.
type Truth struct {
	ID      string `json:"id"`      // its x-request-id; "" when it had none
	Request string `json:"request"` // the id in its answer
	Stream  bool   `json:"stream"`
	// Arrived is the kernel's stamp of the request's last byte (the reader's
	// time where the kernel gives none), Queued when the scheduler could see it
	// and Scheduled when its first step began.
	Arrived   int64 `json:"arrived_ns"`
	Queued    int64 `json:"queued_ns"`
	Scheduled int64 `json:"scheduled_ns"`
	// Due has the end of the step that made each piece of the answer, Sent the
	// moment before the write of each token began.
	Due  []int64 `json:"due_ns"`
	Sent []int64 `json:"sent_ns"`
	// Complete says that the write of every token began.
	Complete    bool   `json:"complete"`
	Prompt      int    `json:"prompt_tokens"`
	Output      int    `json:"output_tokens"`
	Cached      int    `json:"cached_tokens"`
	Preemptions int    `json:"preemptions"`
	Finish      string `json:"finish_reason"` // of the last choice; "" or abort where it has no whole answer
}

// maxStamps is how many times of tokens are kept: some 256 MB.
const maxStamps = 16 << 20

// A ledger keeps the truths of finished requests, the last ones where they are
// very many.
type ledger struct {
	mu      sync.Mutex
	rows    []Truth
	stamps  int
	dropped int
	limit   int // of stamps; 0: maxStamps
}

func (t *Truth) stamps() int { return len(t.Sent) + len(t.Due) }

func (l *ledger) add(t Truth) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = append(l.rows, t)
	l.stamps += t.stamps()
	limit := l.limit
	if limit == 0 {
		limit = maxStamps
	}
	if l.stamps <= limit {
		return
	}
	// A quarter goes at once, so that not every request moves all the others.
	n := 0
	for n < len(l.rows)-1 && l.stamps > limit*3/4 {
		l.stamps -= l.rows[n].stamps()
		n++
	}
	l.dropped += n
	l.rows = append([]Truth(nil), l.rows[n:]...)
}

// forget drops everything.
func (l *ledger) forget() {
	l.mu.Lock()
	l.rows, l.stamps, l.dropped = nil, 0, 0
	l.mu.Unlock()
}

// Truth returns what happened to every finished request for an answer, in order
// of arrival.
func (s *Server) Truth() []Truth {
	s.truth.mu.Lock()
	rows := append([]Truth{}, s.truth.rows...)
	s.truth.mu.Unlock()
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].Arrived < rows[j].Arrived })
	return rows
}

// Forget drops the truths kept so far.
func (s *Server) Forget() {
	s.truth.forget()
}

func (s *Server) getTruth(c *call) bool {
	s.truth.mu.Lock()
	dropped := s.truth.dropped
	s.truth.mu.Unlock()
	return c.reply(http.StatusOK, map[string]any{"simulated": true, "requests": s.Truth(), "dropped": dropped, "lateness": lateObject(s.Lateness())})
}

func (s *Server) forgetTruth(c *call) bool {
	s.Forget()
	return c.reply(http.StatusOK, map[string]any{"success": true})
}

// lateObject is a Lateness as JSON, in milliseconds.
func lateObject(l engine.Lateness) any {
	ms := func(q engine.Quantiles) any {
		return map[string]float64{"p50": q.P50 * 1e3, "p99": q.P99 * 1e3, "max": q.Max * 1e3}
	}
	return map[string]any{
		"steps": l.Steps, "first_ms": ms(l.First), "last_ms": ms(l.Last), "overrun_ms": ms(l.Overrun),
		"slipped": l.Slipped, "slipped_ms": l.SlippedSeconds * 1e3,
	}
}

// getState tells what the engine is and does.
func (s *Server) getState(c *call) bool {
	x := s.engine.Snapshot()
	state := map[string]any{
		"simulated": true, "models": s.opts.Names, "uptime_s": s.uptime().Seconds(),
		"running": x.Running, "waiting": x.Waiting, "waiting_capacity": x.Capacity, "waiting_deferred": x.Deferred,
		"blocks": x.Blocks, "free_blocks": x.Free, "kv_usage": x.KVUsage, "steps": x.Steps, "preemptions": x.Preemptions,
		"prefix_queries": x.Queries, "prefix_hits": x.Hits, "prompt_tokens": x.Prompt, "output_tokens": x.Output,
		"finished": x.Finished, "aborted": x.Aborted, "paused": x.Paused, "sleep_level": x.Sleep,
		"lateness": lateObject(s.Lateness()), "trace": s.steps(c),
	}
	if f := s.opts.Fixed; f != nil {
		state["fixed"] = map[string]any{"ttft": f.TTFT.String(), "itl": f.ITL.String(), "jitter": f.Jitter, "seed": f.Seed}
	}
	if b := s.built; b != nil {
		state["engine"] = map[string]any{"model": b.Setup.Model, "gpu": b.Setup.GPU, "precision": b.Setup.Precision,
			"engine": b.Setup.Engine, "tensor_parallel_size": b.Setup.TP, "blocks": b.Sched.Blocks, "block_size": b.Sched.BlockSize,
			"max_num_batched_tokens": b.Sched.MaxBatchedTokens, "max_num_seqs": b.Sched.MaxSeqs, "max_model_len": b.Sched.MaxModelLen}
		state["notes"] = b.Notes
	}
	return c.reply(http.StatusOK, state)
}
