package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"tokmeter/internal/cli/measure"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/report"
	"tokmeter/internal/result"
)

// repeat makes the run of a plan several times and tells what the runs have in
// common. It goes on after a run that failed, and stops where the user does.
func repeat(ctx context.Context, env *shell.Env, p plan.Plan, o measure.Options, abort <-chan struct{}) error {
	var sums []metrics.Summary
	var errs []error
	o.Keep = func(s metrics.Summary) { sums = append(sums, s) }
	for k := range o.Runs {
		if ctx.Err() != nil {
			break
		}
		fmt.Fprint(env.Stdout, shell.Line("Run %d of %d", k+1, o.Runs))
		if err := runServe(ctx, env, ofRun(p, o, env, k), o, nil, abort); err != nil {
			errs = append(errs, fmt.Errorf("run %d of %d: %w", k+1, o.Runs, err))
			if len(sums) == 0 {
				break // what the first run can't do, the others can't
			}
		}
	}
	if len(sums) > 1 {
		s := result.Repeats(sums)
		errs = append(errs, report.Section(env.Stdout, s))
	}
	return errors.Join(errs...)
}

// ofRun is the plan of run k: with a seed, a salt, a record directory and a result
// file of its own.
func ofRun(p plan.Plan, o measure.Options, env *shell.Env, k int) plan.Plan {
	if o.FreshSeeds {
		p.Seed += int64(k)
	}
	name := "run" + strconv.Itoa(k+1)
	if p.Workload.Salt != "" {
		p.Workload.Salt += strconv.Itoa(k)
	}
	if p.Output.RecordDir != "" {
		p.Output.RecordDir = filepath.Join(p.Output.RecordDir, name)
	}
	if p.Output.SaveResult && !p.Output.AppendResult {
		file := report.FileName(p, env.Now())
		ext := filepath.Ext(file)
		p.Output.ResultFile = strings.TrimSuffix(file, ext) + "-" + name + ext
	}
	return p
}
