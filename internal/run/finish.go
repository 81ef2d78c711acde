package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"tokmeter/internal/load"
	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
)

const (
	// countersTimeout is how long the server may take to show its counters.
	countersTimeout = 5 * time.Second
	// countTimeout is how long the server may take to count answers after the run.
	countTimeout = 2 * time.Minute
)

// finish asks the server what it counted, counts the answers that it did not,
// and completes the run directory.
func (j *job) finish(ctx context.Context, r prepared, s sent, d *directory) (Outcome, error) {
	if r.info.Before != nil {
		asked, done := j.afterwards(ctx, countersTimeout)
		r.info.After = r.counters(asked)
		done()
	}
	counts, err := j.count(ctx, r, s.records.Pass())
	r.tellStrayed()
	errs := []error{err, r.keepAccount(), j.askSimulator(ctx, r.server)}
	run, err := d.end(j, r, s, counts)
	errs = append(errs, err)
	return Outcome{
		Begun: true, Dir: d.path(), Plan: r.server.plan(), Resolved: r.resolved,
		Run: run, Planned: len(r.set.Items), Prompts: r.prompts, Profiled: s.profiled,
		interrupted: interrupted(ctx), unreached: s.unreached, away: r.away, models: r.offers(), records: s.records,
	}, errors.Join(errs...)
}

// askSimulator is server.askSimulator when the requests are through.
func (j *job) askSimulator(ctx context.Context, s *server) error {
	ctx, done := j.afterwards(ctx, countersTimeout)
	defer done()
	return s.askSimulator(ctx)
}

// counters asks the server's /metrics, as vLLM's client does before and after a
// run, and gives them as run.json has them; nil where the server has none, and
// where it counts nothing that is shown. vLLM's client asks without the headers
// (Q20).
func (s *server) counters(ctx context.Context) json.RawMessage {
	if s.away != nil || s.setTimes || ctx.Err() != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, countersTimeout)
	defer cancel()
	asked := s.Server
	if s.job.plan.CompatVLLM() {
		asked.Header = nil
	}
	text, err := asked.Metrics(ctx)
	s.HTTP.CloseIdleConnections()
	if err != nil {
		return nil
	}
	c := metrics.ReadCounters(text)
	if !c.Speculates && !c.Diffuses {
		return nil
	}
	b, err := json.Marshal(c)
	if err != nil {
		return nil // numbers and booleans alone
	}
	return b
}

// count counts the answers that the server gave no count for.
func (j *job) count(ctx context.Context, r prepared, recs record.Pass) (map[int]record.Count, error) {
	var c load.Counters
	// Where prompts are cut with the tokenizer inside, that is none of the
	// model's and would count wrong.
	if r.Tokens != nil && r.Folder != "" {
		c.Local = func(text string) int { return r.Tokens.Count(text, false) }
	}
	p := r.server.plan()
	if r.away == nil && ctx.Err() == nil && !p.CompatVLLM() {
		asked, done := j.afterwards(ctx, countTimeout)
		defer done()
		c.Server = func(_ context.Context, text string) (int, error) {
			ids, err := r.tokenize(asked, text, false)
			return len(ids), err
		}
	}
	lasting, done := j.untilAbort(ctx)
	defer done()
	c.TextAlone = metrics.ViewOf(p).CountsText
	counts, notes, err := load.Count(lasting, recs, c)
	if r.Tokens != nil && r.Tokens.Err() != nil {
		notes = append(notes, fmt.Sprintf("the tokenizer gave up: %v", r.Tokens.Err()))
		maps.DeleteFunc(counts, func(_ int, c record.Count) bool { return c.From == record.FromTokenizer })
	}
	for _, n := range notes {
		j.doubt("count", "%s", n)
	}
	return counts, err
}
