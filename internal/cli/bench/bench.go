// Package bench is the command bench serve: it turns flags into a plan, has it
// run, and prints the result.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tokmeter/internal/cli/measure"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/excerpt"
	"tokmeter/internal/plan"
	"tokmeter/internal/report"
	"tokmeter/internal/run"
)

// Command measures a server.
func Command() shell.Command {
	return shell.Command{
		Path: "bench serve", Takes: "[flags]",
		Short: "Send requests to a server and measure its answers",
		Long: `Takes every flag of vllm bench serve; those whose part is not built are refused.

  tokmeter bench serve --base-url http://localhost:8000 --request-rate 4
  tokmeter bench serve --simulate h100-sxm/llama-3-8b/fp8 --num-prompts 100`,
		Flags: append(measure.Table(), baselineFlags()...),
		First: []string{"base-url", "api-key", "model", "simulate", "virtual", "dataset-name", "dataset-path", "random-input-len", "random-output-len", "num-prompts", "request-rate", "max-concurrency", "gpu", "save-result"},
		Run:   runBench,
	}
}

// runBench makes the run that the flags ask for.
func runBench(ctx context.Context, c *shell.Call) error {
	env := c.Env
	p, o, err := measure.Plan(ctx, env, c.Values, c.Notes)
	if err != nil {
		return shell.Usage(err)
	}
	if err := measure.CheckFiles(p); err != nil {
		return shell.Usage(err)
	}
	shell.PrintNotes(env.Stderr, o.Notes)
	p, notes, err := measure.ChooseDataset(p, o)
	if err != nil {
		return err
	}
	shell.PrintNotes(env.Stderr, notes)
	base, err := readBaseline(env, c.Values, p, o.Runs)
	if err != nil {
		return shell.Usage(err)
	}
	ctx, second, release := env.Interruptible(ctx)
	defer release()
	if o.Runs > 1 && !o.DryRun {
		return shell.KeepInterrupt(ctx, repeat(ctx, env, p, o, second))
	}
	return shell.KeepInterrupt(ctx, runServe(ctx, env, p, o, base, second))
}

// runServe does the run that p describes, prints its result and says how it
// went. The first interrupt cancels ctx, the second one closes abort.
func runServe(ctx context.Context, env *shell.Env, p plan.Plan, o measure.Options, base *baseline, abort <-chan struct{}) error {
	shared := *env
	shared.Stderr = &shell.LockedWriter{W: env.Stderr}
	env = &shared
	w := measure.World(env, abort)
	w.Options = o.Options(p)
	see := &measure.Watcher{Env: env, Plan: p, Opts: o}
	if o.DryRun {
		return dryRun(ctx, env, p, w, see)
	}
	made, err := openResult(p, w)
	out := run.Outcome{}
	if err == nil {
		out, err = run.Run(ctx, p, w, see)
	}
	if out.Begun {
		dir := out.Dir
		err = errors.Join(err, measure.Finish(env, out, see))
		if base == nil || err != nil || dir == "" {
			return err
		}
		return base.conclude(env, dir)
	}
	for _, dir := range made {
		_ = os.Remove(dir) // unless something is in it
	}
	return err
}

// openResult finds out before the run whether its result can be written. It
// returns the folders that were missing for it, innermost first.
func openResult(p plan.Plan, w run.World) (made []string, err error) {
	if p.Output.SaveResult || p.Output.AppendResult {
		made = missingFolders(filepath.Dir(report.Path(p, w.Began)))
	}
	return made, shell.Usage(report.CheckWritable(p, w.Began))
}

// dryRun shows the workload without any server.
func dryRun(ctx context.Context, env *shell.Env, p plan.Plan, w run.World, see *measure.Watcher) error {
	r, err := run.Rehearse(ctx, p, w, see)
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, excerpt.Block(r.Report))
	last := 0.0
	if n := len(r.Due); n > 0 {
		last = r.Due[n-1].Seconds()
	}
	see.Say("last request due at %.3f s", last)
	see.Say("workload hash: %s", r.Prompts)
	measure.PrintWarnings(env.Stderr, r.Warnings)
	return r.Save()
}

// missingFolders lists dir and the folders above it that there are not,
// innermost first.
func missingFolders(dir string) []string {
	var missing []string
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			return missing
		}
		missing = append(missing, dir)
		dir = filepath.Dir(dir)
	}
}
