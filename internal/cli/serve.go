package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"tokmeter/internal/plan"
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
		if err := checkFiles(p, o); err != nil {
			return usage(err)
		}
		printNotes(env.Stderr, o.Notes)
		ctx, second, release := env.interruptible(cmd.Context())
		defer release()
		o.Abort = second
		return c.keepInterrupt(ctx, runServe(ctx, env, p, o))
	}
}

// keepInterrupt turns what a cancelled run returned into the interrupt that
// cancelled it.
func (c *command) keepInterrupt(ctx context.Context, err error) error {
	if err != nil && context.Cause(ctx) == errInterrupted {
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
	limit, limitNotes, limitErr := b.limit()
	if err = errors.Join(err, limitErr); err != nil {
		return plan.Plan{}, runOptions{}, err
	}
	o := runOptions{
		DryRun:       c.values.on("dry-run"),
		SaveRequests: c.values.text("save-requests"),
		Live:         !c.values.on("no-live") && !c.values.on("disable-tqdm"),
		Notes:        slices.Concat(c.notes, b.notes, limitNotes),
		Limit:        limit,
		Temperature:  c.values.given("temperature"),
		Namespace:    c.values.namespace(c.values.changes(p)),
		Printed:      c.values.asTyped(p),
		WithDataset: func(dataset string) (plan.Plan, []string, error) {
			p, err := b.build(dataset)
			return p, b.notes, usage(err)
		},
	}
	return p, o, nil
}
