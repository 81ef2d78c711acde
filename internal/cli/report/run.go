package report

import (
	"context"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/plan"
	"tokmeter/internal/precision"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
)

// runReport prints the result of a run from its folder.
func runReport(_ context.Context, env *shell.Env, o reportOptions) error {
	if precision.IsKept(o.Run) {
		b, err := precision.Kept(o.Run, o.Format)
		if err == nil {
			_, err = env.Stdout.Write(b)
		}
		return shell.Usage(err)
	}
	dir, err := record.Open(o.Run)
	if err != nil {
		return shell.Usage(err)
	}
	res, err := result.From(dir, o.change)
	if err != nil {
		return shell.Failf(shell.ExitFailed, "", "%w", err)
	}
	defer res.Close()
	for _, f := range reportFormats() {
		if f.name == o.Format {
			err = f.write(env.Stdout, res, o)
		}
	}
	if err != nil {
		return shell.Failf(shell.ExitFailed, "", "%w", err)
	}
	return nil
}

// change puts what the flags say in place of what the run was asked for.
func (o reportOptions) change(p *plan.Plan) {
	if o.Compat != nil {
		p.Compat = *o.Compat
	}
	if o.Metrics != nil {
		p.Output.Metrics = o.Metrics
	}
	if o.Percentiles != nil {
		p.Output.Percentiles = o.Percentiles
	}
	p.Output.SaveDetailed = p.Output.SaveDetailed || o.Detailed
	if len(o.Goals) > 0 {
		p.Goals = o.Goals
	}
}
