package cli

import (
	"context"
	"slices"

	"tokmeter/internal/plan"
)

// serveCommand measures a server.
func serveCommand() Command {
	return Command{
		Path: "bench serve", Takes: "[flags]",
		Short: "Send requests to a server and measure its answers",
		Long:  "Takes every flag of vllm bench serve; those whose part is not built are refused.",
		Flags: serveTable(),
		Run:   bench,
	}
}

// bench makes the run that the flags ask for.
func bench(ctx context.Context, c *Call) error {
	env := c.Env
	p, o, err := servePlan(env, c.Values, c.Notes)
	if err != nil {
		return usage(err)
	}
	if err := checkFiles(p); err != nil {
		return usage(err)
	}
	printNotes(env.Stderr, o.Notes)
	p, notes, err := chooseDataset(p, o)
	if err != nil {
		return err
	}
	printNotes(env.Stderr, notes)
	ctx, second, release := env.interruptible(ctx)
	defer release()
	return keepInterrupt(ctx, runServe(ctx, env, p, o, second))
}

// servePlan turns the flags into a plan and what goes beside it.
func servePlan(env *Env, v *values, notes []string) (plan.Plan, runOptions, error) {
	if err := v.check(); err != nil {
		return plan.Plan{}, runOptions{}, err
	}
	b := newServeBuilder(v, env)
	p, err := b.build(b.dataset())
	if err != nil {
		return plan.Plan{}, runOptions{}, err
	}
	o := runOptions{
		DryRun:      v.on("dry-run"),
		Verbose:     v.on("verbose"),
		Live:        !v.on("no-live") && !v.on("disable-tqdm"),
		Notes:       slices.Concat(notes, b.notes, v.lightNotes()),
		Temperature: v.given("temperature"),
		Namespace:   v.namespace(v.changes(p)),
		Printed:     v.asTyped(p),
		WithDataset: func(dataset string) (plan.Plan, []string, error) {
			p, err := b.build(dataset)
			return p, b.notes, usage(err)
		},
	}
	return p, o, nil
}
