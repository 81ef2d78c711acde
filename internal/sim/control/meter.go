package control

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/sched"
	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/engine"
	"tokmeter/internal/sim/exposition"
	"tokmeter/internal/sim/instance"
)

// A meter is told by the engine and keeps the series of /metrics and the last
// steps.
type meter struct {
	series *exposition.Registry
	mfu    bool    // fill the estimates of work
	cards  float64 // over which a step's work is spread
	kv     float64 // bytes of a token's keys and values, of all cards
	pooled int     // tokens of this step that are no text's
	step   exposition.Step
	done   exposition.Finished
	trace  stepTrace
	groups groups
}

// newMeter makes the series of an instance.
func newMeter(in *instance.Instance) *meter {
	c := exposition.Config{Model: in.Options.Names[0], MaxModelLen: in.MaxLen, Created: unixSeconds(in.Began), OldNames: in.Options.MetricsV0}
	m := &meter{mfu: in.Options.MFU, cards: 1}
	c.Cache = exposition.Cache{BlockSize: 16, Dtype: "auto"}
	if len(in.Options.Adapters) > 0 {
		c.MaxAdapters = 1
	}
	if b := in.Built; b != nil {
		c.Cache = exposition.Cache{BlockSize: b.Sched.BlockSize, Blocks: b.Sched.Blocks, Overridden: in.Options.Setup.Blocks > 0,
			OwnBlockSize: in.Options.Setup.BlockSize > 0, PrefixCaching: b.Sched.PrefixCaching, Utilization: b.Setup.MemoryUtilization, Dtype: b.Setup.KV}
		if c.Cache.Dtype == "" {
			c.Cache.Dtype = "auto"
		}
		c.Drafts, c.MaxAdapters = b.Sched.Drafts, max(c.MaxAdapters, b.Sched.MaxAdapters)
		m.cards = float64(max(b.Setup.TP, 1))
		m.kv = b.Machine.KVBytesPerToken()
	}
	m.series = exposition.New(c)
	return m
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// Step counts a step.
func (m *meter) Step(s *engine.StepStats) {
	x := &m.step
	*x = exposition.Step{Queries: s.Queries, Hits: s.Hits, Preempted: s.Preempted, Sampled: s.Generated,
		Prompt: s.PromptTokens, Cached: s.Cached, Generated: s.Generated - m.pooled,
		Drafts: s.Drafts, DraftTokens: s.DraftTokens, Accepted: s.Accepted, AcceptedAt: s.AcceptedAt}
	if m.mfu {
		x.Flops = s.Cost.Flops / m.cards
		x.Read = (s.Cost.WeightBytes + s.Cost.KVBytes) / m.cards
		x.Written = float64(s.Batched) * m.kv / m.cards
	}
	m.pooled = 0
	m.series.Step(x)
	m.trace.add(s)
}

// Token counts a request's tokens of one step.
func (m *meter) Token(r *engine.Request, n int, gap float64) {
	if r.Pooling {
		m.pooled += n
	}
	if r.Times.First.Equal(r.Times.Last) {
		m.series.First(r.Times.TTFT())
		return
	}
	m.series.Token(gap)
}

// Finished counts a request that ended, but for one whose client went away,
// which vLLM does not count either.
func (m *meter) Finished(r *engine.Request) {
	if r.Ended == sched.Aborted && !r.Dropped {
		return
	}
	t := &r.Times
	output := len(r.Seq.Output)
	if r.Pooling {
		output = 0
	}
	f := &m.done
	*f = exposition.Finished{Reason: exposition.Stop, E2E: t.E2E(), Queue: t.Queue(), Prefill: t.Prefill(), Decode: t.Decode(),
		Inference: t.Prefill() + t.Decode(), Prompt: len(r.Seq.Prompt), Cached: r.Seq.Cached, Output: output, MaxTokens: r.Max,
		Preemptions: r.Seq.Preemptions}
	switch r.Ended {
	case sched.Length:
		f.Reason = exposition.Length
	case sched.Aborted:
		f.Reason = exposition.Abort
	}
	m.series.Finished(f)
	m.groups.finished(m.series, r, output)
}

// groups gathers the answers of requests that asked for several.
type groups struct {
	mu  sync.Mutex
	now map[string]*group
}

type group struct{ left, longest int }

// finished counts the request that r is an answer of when it is the last one.
// The id of an answer ends with a dash and its number.
func (g *groups) finished(series *exposition.Registry, r *engine.Request, output int) {
	if r.N <= 1 {
		series.Answered(1, output)
		return
	}
	id := r.Seq.ID
	if at := strings.LastIndexByte(id, '-'); at >= 0 {
		id = id[:at]
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.now == nil {
		g.now = map[string]*group{}
	}
	x := g.now[id]
	if x == nil {
		x = &group{left: r.N}
		g.now[id] = x
	}
	x.left--
	x.longest = max(x.longest, output)
	if x.left > 0 {
		return
	}
	delete(g.now, id)
	series.Answered(r.N, x.longest)
}

// metrics answers /metrics, for every method as vLLM does.
func (s *Control) metrics(c *call.Call) bool {
	x := s.in.Engine.Snapshot()
	m := s.meter.series
	m.State(x.Running, x.Capacity, x.Deferred, x.KVUsage)
	m.Adapters(union(x.RunningAdapters, x.WaitingAdapters), unixSeconds(time.Now()))
	return c.ReplyBytes(http.StatusOK, exposition.ContentType, m.AppendText(nil, readProcess()))
}

// union is the names of both sorted lists, sorted.
func union(a, b []string) []string {
	var out []string
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			out, a = append(out, a[0]), a[1:]
		case len(a) == 0 || b[0] < a[0]:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return out
}

// A stepTrace keeps the last steps for /sim/state.
type stepTrace struct {
	mu    sync.Mutex
	rows  [traceLength]stepRow
	count int64
}

// traceLength is how many steps are kept.
const traceLength = 256

type stepRow struct {
	index                                          int64
	start, end                                     time.Time
	late                                           time.Duration
	requests, batched, prefill, sampled, preempted int
	running, waiting, free                         int
	cost                                           roofline.Cost
}

func (t *stepTrace) add(s *engine.StepStats) {
	t.mu.Lock()
	t.rows[t.count%traceLength] = stepRow{s.Index, s.Start, s.End, s.Late, s.Requests, s.Batched, s.PrefillTokens, s.Generated,
		s.Preempted, s.Running, s.Waiting, s.Free, s.Cost}
	t.count++
	t.mu.Unlock()
}

// last returns at most n of the latest steps, the oldest first.
func (t *stepTrace) last(n int) []stepRow {
	t.mu.Lock()
	defer t.mu.Unlock()
	n = min(n, traceLength, int(min(t.count, traceLength)))
	rows := make([]stepRow, 0, n)
	for i := t.count - int64(n); i < t.count; i++ {
		rows = append(rows, t.rows[i%traceLength])
	}
	return rows
}
