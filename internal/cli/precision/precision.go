// Package precision is the command that fills the precision table: it reads the
// question, starts servers, has each run made, and prints the page.
package precision

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/compare"
	"tokmeter/internal/experiment"
	"tokmeter/internal/precision"
	"tokmeter/internal/precision/board"
	"tokmeter/internal/precision/page"
	"tokmeter/internal/record"
	"tokmeter/internal/run"
)

// Command fills the precision table.
func Command() shell.Command {
	return shell.Command{
		Path: "precision", Takes: "SPEC.yaml | --variant NAME=PRECISION[@URL] ... | --simulate CARD [flags]",
		Short: "Measure how much faster fp8, int8 and int4 are than fp16",
		Long: `Measures each way of serving a model with the same requests at the same times, in
rounds, and tells TTFT, TPOT and speedup with intervals, the speed of light and the
reason for the speedup or for its absence. Engines are started, watched and taken down
where the file gives their commands.`,
		Flags: precisionTable(), Words: true, Files: []string{"yaml", "yml"},
		First: []string{"variant", "simulate", "virtual", "command", "gpu", "dataset-name", "dataset-path", "num-prompts", "request-rate", "concurrency", "rounds", "format", "output-dir"},
		About: docsPrecision, After: docsPrecisionAfter, Own: len(precisionFlags()),
		Run: func(ctx context.Context, c *shell.Call) error {
			env := c.Env
			ctx, second, release := env.Interruptible(ctx)
			defer release()
			spec, notes, err := precisionSpec(c, ctx, env, c.Words)
			if err != nil {
				return shell.Usage(err)
			}
			shell.PrintNotes(env.Stderr, c.Notes)
			return shell.KeepInterrupt(ctx, runExperiment(c, ctx, env, &spec, notes, second))
		},
	}
}

// runExperiment runs the experiment and prints the table.
func runExperiment(c *shell.Call, ctx context.Context, env *shell.Env, spec *precision.Spec, notes []string, abort <-chan struct{}) error {
	v := c.Values
	virtual := v.On("virtual")
	shared := *env
	shared.Stderr = &shell.LockedWriter{W: env.Stderr}
	l := &laboratory{env: &shared, spec: spec, kept: v.Given("resume") || spec.Output != "" || !virtual, abort: abort, sims: map[string]run.Simulator{}}
	if err := l.check(ctx); err != nil {
		return err
	}
	deps := experiment.Deps{
		Starter: l, Runner: l, Resetter: l, Asker: l, Clock: clockOf{env},
		Resume: v.Given("resume"), Retry: v.On("retry"), Nonce: nonce(env),
	}
	if virtual {
		w, err := l.virtual(ctx)
		if err != nil {
			return err
		}
		deps.Starter, deps.Runner = w, w
	}
	var err error
	if deps.Origin, err = l.origin(); err != nil {
		return err
	}
	if deps.Store, err = openFolder(c, l); err != nil {
		return err
	}
	l.board = board.New(shared.Stderr, board.Options{Terminal: env.StderrTTY, Live: !v.On("no-live") && !virtual, Width: env.ProgressWidth, Now: env.Now})
	res, err := l.experiment(ctx, deps, virtual)
	l.board.Close()
	if f, ok := deps.Store.(experiment.Folder); ok && res == nil {
		_ = os.Remove(l.runs()) // unless a run is in it
		err = errors.Join(err, f.Release())
	}
	return conclude(c, ctx, env, l, res, notes, err)
}

// experiment runs what there is to run. Without a result nothing was run.
func (l *laboratory) experiment(ctx context.Context, deps experiment.Deps, virtual bool) (*experiment.Result, error) {
	var err error
	if l.memory, err = l.bandwidth(ctx); err != nil {
		return nil, err
	}
	if !virtual {
		deps.Tell = l.board.Tell
		if err := l.reach(ctx); err != nil {
			return nil, err
		}
		l.spare()
	}
	return experiment.Run(ctx, l.spec.Experiment(l.plans()), deps)
}

// reach asks the servers that run already whether they are there.
func (l *laboratory) reach(ctx context.Context) error {
	for i := range l.spec.Variants {
		v := &l.spec.Variants[i]
		if v.URL == "" {
			continue
		}
		if _, err := l.meet(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// conclude prints and keeps the table of what there is and says how it went.
func conclude(c *shell.Call, ctx context.Context, env *shell.Env, l *laboratory, res *experiment.Result, notes []string, err error) error {
	if res == nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return shell.Usage(err)
	}
	var tableErr error
	if len(res.Runs) > 0 || err == nil {
		var p *page.Page
		if p, tableErr = pageOf(c, l, res, notes); tableErr == nil {
			tableErr = errors.Join(printPage(c, env, p), savePage(c, l.dir, p))
		}
		err = errors.Join(err, tableErr)
	}
	if errors.Is(context.Cause(ctx), run.ErrInterrupted) {
		hint := ""
		if l.dir != "" {
			hint = "go on by the same command with --resume " + l.dir
		}
		return errors.Join(shell.Failf(shell.ExitInterrupted, hint, "interrupted"), tableErr)
	}
	if l.dir != "" {
		fmt.Fprintf(env.Stderr, "tokmeter: kept in %s\n", l.dir)
	}
	if err != nil {
		return err
	}
	return outcome(res, l.spec.Baseline)
}

// outcome says whether the experiment answered its question: the baseline has a
// result, and another variant too.
func outcome(res *experiment.Result, baseline string) error {
	var failed []string
	base, others, good := "", 0, 0
	for _, v := range res.Variants {
		switch {
		case v.Name == baseline:
			base = v.Failure
		default:
			others++
			if v.Failure == "" {
				good++
			}
		}
		if v.Failure != "" {
			failed = append(failed, v.Name+": "+v.Failure)
		}
	}
	switch {
	case base != "":
		return shell.Failf(shell.ExitFailed, "", "the baseline %s has no result: %s", baseline, base)
	case others > 0 && good == 0:
		return shell.Failf(shell.ExitFailed, "", "no variant beside the baseline has a result: %s", strings.Join(failed, "; "))
	}
	return nil
}

// openFolder makes the experiment's folder, or finds the one that is to go on.
// The store of what is not kept forgets.
func openFolder(c *shell.Call, l *laboratory) (experiment.Store, error) {
	v := c.Values
	const hint = "give another folder by --output-dir"
	var f experiment.Folder
	var err error
	switch output := l.spec.Output; {
	case !l.kept:
		return forgets{}, nil
	case v.Given("resume"):
		dir := v.Text("resume")
		if v.Given("output-dir") && filepath.Clean(v.Text("output-dir")) != filepath.Clean(dir) {
			return nil, shell.Usagef("leave --output-dir out", "--resume %s and --output-dir %s contradict each other", dir, v.Text("output-dir"))
		}
		if _, err := os.Stat(filepath.Join(dir, experiment.StateFile)); err != nil {
			return nil, shell.Usagef("give the folder that the experiment said it was kept in", "--resume: no experiment in %s: %w", dir, err)
		}
		f = experiment.Folder(dir)
	case output != "":
		f, err = experiment.NewFolder(output)
	default:
		f, err = experiment.NewFolderIn(run.Folder, record.Name(l.env.Now(), "precision"))
	}
	if errors.Is(err, experiment.ErrTaken) {
		return nil, shell.Usagef("", "%s: %w", l.spec.Output, err)
	}
	if err != nil {
		return nil, shell.Usagef(hint, "%w", err)
	}
	l.dir = string(f)
	if err := checkOutput(l.dir); err != nil {
		return nil, errors.Join(err, f.Release())
	}
	return f, nil
}

// spare makes up for the threads that wait in the kernel (see package run),
// once for all runs.
func (l *laboratory) spare() {
	n := 0
	for _, v := range l.spec.Variants {
		one := 0
		if slices.ContainsFunc(l.spec.Loads(), func(load compare.Load) bool { return load.Rate > 0 }) || len(l.spec.Goals) > 0 {
			one++
		}
		if v.Simulate != "" {
			one++
		}
		if l.spec.InParallel() {
			n += one
		} else {
			n = max(n, one)
		}
	}
	if n > 0 && l.env.Spare != nil {
		l.env.Spare(n)
	}
}

// forgets is a store for what is not kept.
type forgets struct{}

func (forgets) Load() (*experiment.State, error) { return nil, nil }

func (forgets) Save(*experiment.State) error { return nil }

// clockOf is the time of the outside world.
type clockOf struct{ *shell.Env }

func (c clockOf) Now() time.Time { return c.Env.Now() }

// nonce makes this experiment's salts unlike those of others.
func nonce(env *shell.Env) string {
	var id [4]byte
	if env.Rand != nil {
		_, _ = io.ReadFull(env.Rand, id[:]) // where it fails the salts are those of others
	}
	return hex.EncodeToString(id[:]) + "-"
}
