package precision

import (
	"context"
	"slices"
	"sync"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/compare"
	"tokmeter/internal/plan"
	"tokmeter/internal/precision"
	"tokmeter/internal/run"
)

// virtual prepares the workload once, for simulated variants on the virtual
// clock: lengths and due times are those of a run that takes its time.
func (l *laboratory) virtual(ctx context.Context) (*precision.Virtual, error) {
	for _, v := range l.spec.Variants {
		if v.Simulate == "" {
			return nil, shell.Usagef("leave out --virtual, or simulate it", "variant %q is a real engine: no time can be left out of it", v.Name)
		}
	}
	if l.spec.Drift > 0 {
		return nil, shell.Usagef("", "--virtual and drift contradict each other: nobody answers on the virtual clock")
	}
	atRate := len(l.spec.Goals) > 0 || slices.ContainsFunc(l.spec.Loads(), func(x compare.Load) bool { return x.Rate > 0 })
	if atRate && l.spec.Flag("max-concurrency") != "" {
		return nil, shell.Usagef("leave one out", "--virtual and --max-concurrency beside a rate contradict each other: requests are sent when they are due")
	}
	if l.first == "" {
		return &precision.Virtual{Spec: l.spec}, nil // none fits its card
	}
	r, err := l.prepared(ctx, 0)
	if err != nil {
		return nil, err
	}
	w := &precision.Virtual{Spec: l.spec, Prompts: r.Prompts, Seed: uint64(max(l.variants[l.first].plan.Seed, 0))}
	for _, x := range r.Lengths {
		w.Requests = append(w.Requests, precision.Length{Prompt: max(x.Prompt, 1), Output: max(x.Output, 1)})
	}
	var mu sync.Mutex
	known := map[float64][]float64{}
	w.Due = func(rate float64, n int) ([]float64, error) {
		mu.Lock()
		defer mu.Unlock()
		due, ok := known[rate]
		if !ok {
			r, err := l.prepared(ctx, rate)
			if err != nil {
				return nil, err
			}
			for _, at := range r.Due {
				due = append(due, at.Seconds())
			}
			known[rate] = due
		}
		return due[:min(n, len(due))], nil
	}
	return w, nil
}

// prepared is the workload at a rate; 0 keeps that of the flags.
func (l *laboratory) prepared(ctx context.Context, rate float64) (run.Rehearsal, error) {
	p := l.variants[l.first].plan
	if rate > 0 {
		p.Load.RequestRate = plan.Float(rate)
	}
	r := l.serve(l.first, p, "")
	return run.Rehearse(ctx, p, r.world, r.watcher())
}
