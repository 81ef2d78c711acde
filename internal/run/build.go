package run

import (
	"context"
	"io"
	"time"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/dataset"
	"tokmeter/internal/plan"
	"tokmeter/internal/schedule"
	"tokmeter/internal/workload"
)

// work is the workload of a run and when its requests are due.
type work struct {
	set *workload.Set
	due *schedule.Schedule
}

// build makes the workload of p with a tokenizer, whose chat template t may
// have, and its due times.
func (j *job) build(ctx context.Context, p plan.Plan, t tokens, with workload.Tokenizer) (*work, error) {
	randoms, err := workload.NewRandoms(p.Seed)
	if err != nil {
		return nil, usage(err)
	}
	c := workload.Config{Plan: &p, Randoms: randoms, Tokenizer: with}
	if p.Workload.Path != "" {
		if c.Data, err = dataset.Open(p.Workload.Path); err != nil {
			return nil, usage(err)
		}
		defer c.Data.Close()
	}
	if c.Template, err = t.template(p); err != nil {
		return nil, err
	}
	set, err := workload.Build(ctx, c)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, usage(err)
	}
	var times []time.Duration
	if set.Timed {
		times = set.Times()
	}
	due, err := schedule.New(p.Load, len(set.Items), times, randoms.Np)
	return &work{set, due}, usage(err)
}

// save writes the workload to the file that the plan names, if it names one.
func (j *job) save(w *work) error {
	path := j.plan.Output.SaveRequests
	if path == "" {
		return nil
	}
	err := atomicfile.Write(path, func(to io.Writer) error { return workload.Save(to, w.set.Items, w.due.Arrivals()) })
	if err != nil {
		return failf(Failed, "", "--save-requests: %w", err)
	}
	j.tell(Saved{path})
	return nil
}
