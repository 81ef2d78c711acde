package run

import (
	"context"
	"io"
	"math"
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
	due []time.Duration
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
	if set.Timed && p.Schedule.SelfTimed {
		return &work{set, schedule.FromTimes(set.Times(), false)}, nil
	}
	due, err := schedule.Offsets(p.Schedule, len(set.Items), randoms.Np)
	return &work{set, due}, usage(err)
}

// span is how long the sending takes by the schedule; 0 where all go at once.
func (w *work) span() time.Duration {
	if len(w.due) == 0 {
		return 0
	}
	return w.due[len(w.due)-1]
}

// save writes the workload to the file that the plan names, if it names one.
func (j *job) save(w *work) error {
	path := j.plan.Output.SaveRequests
	if path == "" {
		return nil
	}
	err := atomicfile.Write(path, func(to io.Writer) error { return workload.Save(to, w.set.Items, w.due) })
	if err != nil {
		return failf(Failed, "", "--save-requests: %w", err)
	}
	j.tell(Saved{path})
	return nil
}

// openLoop reports whether requests go by the clock, whatever becomes of the
// others.
func openLoop(s plan.Schedule) bool {
	return s.SelfTimed || s.RampStrategy != "" || !math.IsInf(float64(s.RequestRate), 1)
}
