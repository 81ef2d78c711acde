package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"tokmeter/internal/plan"
	"tokmeter/internal/run"
)

// addServe adds bench serve.
func (t *tree) addServe(env *Env, bench *cobra.Command) {
	cmd := &cobra.Command{
		Use:   "serve [flags]",
		Short: "Send requests to a server and measure its answers",
		Long:  "Takes every flag of vllm bench serve; those whose part is not built are refused.",
		Args:  noWords,
	}
	c := t.add(bench, cmd, serveTable())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		p, o, err := c.servePlan(env)
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
		ctx, second, release := env.interruptible(cmd.Context())
		defer release()
		return c.keepInterrupt(ctx, runServe(ctx, env, p, o, second))
	}
}

// keepInterrupt turns what a cancelled run returned into the interrupt that
// cancelled it.
func (c *command) keepInterrupt(ctx context.Context, err error) error {
	if err != nil && context.Cause(ctx) == run.ErrInterrupted {
		return &Error{Code: ExitInterrupted, Err: err}
	}
	return err
}

// servePlan turns the flags into a plan and what goes beside it.
func (c *command) servePlan(env *Env) (plan.Plan, runOptions, error) {
	if err := c.values.check(); err != nil {
		return plan.Plan{}, runOptions{}, err
	}
	b := newServeBuilder(c.values, env)
	p, err := b.build(b.dataset())
	if err != nil {
		return plan.Plan{}, runOptions{}, err
	}
	o := runOptions{
		DryRun:      c.values.on("dry-run"),
		Verbose:     c.values.on("verbose"),
		Live:        !c.values.on("no-live") && !c.values.on("disable-tqdm"),
		Notes:       slices.Concat(c.notes, b.notes, c.values.lightNotes()),
		Temperature: c.values.given("temperature"),
		Namespace:   c.values.namespace(c.values.changes(p)),
		Printed:     c.values.asTyped(p),
		WithDataset: func(dataset string) (plan.Plan, []string, error) {
			p, err := b.build(dataset)
			return p, b.notes, usage(err)
		},
	}
	return p, o, nil
}
