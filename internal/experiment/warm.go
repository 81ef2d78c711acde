package experiment

import (
	"context"
	"fmt"
	"math"

	"tokmeter/internal/compare"
)

// The codes of what an experiment itself gives reason to doubt.
const (
	WarnWarmUp = "warm_up"        // the engine was not warm when it was measured
	WarnServer = "server_changed" // a server says something else of itself than at its first start
)

// warm sends small batches until the engine is warm by the spec's rule. Its
// time is that of a token: the sum of the batch's E2EL by the sum of its output
// tokens, for answers may differ in length. Warnings say that the engine was not
// warm by the end; an engine that answers nothing shows it in its run. A variant
// that is cold has nothing to warm.
func (x *driver) warm(ctx context.Context, b *seat, v Variant, round int) (warnings []compare.Warning, err error) {
	r := x.spec.Warm
	if r.Most < 1 || v.Cold {
		return nil, nil
	}
	last := math.NaN()
	for n := range r.Most {
		j := Job{
			Kind: Warm, Variant: v, URL: b.server.URL(), Round: round, Number: n, Prompts: r.Batch,
			Load: compare.Load{Concurrency: r.Batch}, Salt: fmt.Sprintf("[%sw%d.%d] ", x.state.Nonce, round, n),
		}
		j.Plan = j.plan()
		o, err := x.deps.Runner.Run(ctx, j)
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		if end := ended(ctx, b.server, o, err); end != nil {
			return nil, fmt.Errorf("its engine ended during the warm-up: %w", end)
		}
		if err != nil {
			return []compare.Warning{{Code: WarnWarmUp, Text: fmt.Sprintf("%s: warm-up failed: %v", v.Name, err)}}, nil
		}
		now := perToken(o.Run)
		if math.Abs(now-last) < r.Within*min(now, last) {
			x.tell(v.Name, round+1, "warm after %d batches", n+1)
			return nil, nil
		}
		last = now
	}
	return []compare.Warning{{Code: WarnWarmUp, Text: fmt.Sprintf("%s: not warm after %d batches of %d requests: its first times may be too long", v.Name, r.Most, r.Batch)}}, nil
}

// perToken is NaN where nothing was answered.
func perToken(r compare.Run) float64 {
	ms, tokens := 0.0, 0
	for _, q := range r.Requests {
		if q.OK && q.Output > 0 && q.E2EL > 0 {
			ms, tokens = ms+q.E2EL, tokens+q.Output
		}
	}
	return ms / float64(tokens) // 0/0 is NaN, and NaN is never near
}
