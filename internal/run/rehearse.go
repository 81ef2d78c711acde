package run

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"tokmeter/internal/dataset"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/schedule"
	"tokmeter/internal/workload"
)

// A Rehearsal is the workload of a plan, made without any server.
type Rehearsal struct {
	Prompts  string           // identifies the workload: see workload.Set.Hash
	Report   string           // what it holds, in words
	Lengths  []Length         // of its requests, in order of sending
	Due      []time.Duration  // when they are due, counted from the start of the run
	Warnings []record.Warning // those of the workload, and what a run does in another way, for it asks the server

	save func() error
}

// A Length is what a request asks for, in tokens.
type Length struct{ Prompt, Output int }

// Save writes the workload to the file that the plan names, if it names one.
func (r Rehearsal) Save() error { return r.save() }

// Rehearse builds the workload and the schedule of p. It asks no server and
// leaves no run directory. Prompts have no salt.
func Rehearse(ctx context.Context, p plan.Plan, w World, o Observer) (Rehearsal, error) {
	j := newJob(p, w, o)
	found, err := j.find(ctx)
	if err != nil {
		return Rehearsal{}, err
	}
	t, err := j.findTokenizer(ctx, found, p.Target.Model)
	if err != nil {
		return Rehearsal{}, err
	}
	if t.missing != nil {
		j.warnBuiltin(t.missing)
	}
	j.tell(Building{})
	work, err := j.build(ctx, found.plan(p), t, t.local())
	if err != nil {
		return Rehearsal{}, err
	}
	j.doubtSpan(work)
	r := Rehearsal{
		Prompts: work.set.Hash(), Report: work.set.Report.String(), Due: slices.Collect(work.due.Arrivals()), Warnings: slices.Concat(work.set.Report.Warnings, j.doubts),
		save: func() error { return j.save(work) },
	}
	for _, it := range work.set.Items {
		r.Lengths = append(r.Lengths, Length{it.PromptLen, it.OutputLen})
	}
	return r, nil
}

// Check finds what is wrong with p that can be found without a server and
// without the model's tokenizer.
func Check(ctx context.Context, p plan.Plan, w World, o Observer) error {
	j := newJob(p, w, o)
	found, err := j.find(ctx)
	if err != nil {
		return err
	}
	return j.rehearse(ctx, found.plan(p))
}

// rehearse finds what is wrong with the schedule and with the dataset's file
// where the server has to be asked before the workload can be built.
func (j *job) rehearse(ctx context.Context, p plan.Plan) error {
	randoms, err := workload.NewRandoms(p.Seed)
	if err == nil && !p.Load.SelfTimed {
		_, err = schedule.New(p.Load, max(p.Workload.NumPrompts, 1), nil, randoms.Np)
	}
	// What is no regular file, such as a pipe, can be read once.
	if info, statErr := os.Stat(p.Workload.Path); err != nil || statErr != nil || !info.Mode().IsRegular() {
		return usage(err)
	}
	quiet := &job{plan: j.plan, world: j.world, tell: func(Event) {}}
	own := tokens{Tokenizer: inside()}
	var bad *dataset.Error
	if _, err := quiet.build(ctx, p, own, own.local()); errors.As(err, &bad) || ctx.Err() != nil {
		return err
	}
	return nil
}
