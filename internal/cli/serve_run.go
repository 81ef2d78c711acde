package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"tokmeter/internal/dataset"
	"tokmeter/internal/excerpt"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/report"
	"tokmeter/internal/run"
)

// runOptions is what bench serve needs beside its plan: it decides nothing about
// the requests.
type runOptions struct {
	DryRun  bool     // build the workload, ask no server
	Live    bool     // show progress
	Verbose bool     // print every section whole
	Notes   []string // warnings about the command line, for every output
	// WithDataset makes the plan again for the dataset that a file turned out
	// to be, where Plan.Workload.Dataset is "". The error is a usage error.
	WithDataset func(dataset string) (p plan.Plan, notes []string, err error)
	Temperature bool // --temperature was given
	// Namespace is the command line as vLLM's client has it in the end: its
	// names and values, for every flag of its; headers are redacted.
	Namespace []namedValue
	// Printed is the same as it was before the client changed anything in it.
	Printed []namedValue
}

// A namedValue is one entry of the namespace.
type namedValue struct {
	Name  string
	Value any // nil, bool, int, float64, string, []string, json.RawMessage or pythonSource
}

// chooseDataset makes the plan whole where only the dataset's file was given, by
// what the file is.
func chooseDataset(p plan.Plan, o runOptions) (plan.Plan, []string, error) {
	w := &p.Workload
	if w.Path == "" || w.Dataset != "" {
		return p, nil, nil
	}
	labels := dataset.Labels{Timestamp: w.Trace.Timestamp, InputLength: w.Trace.InputLength, OutputLength: w.Trace.OutputLen, HashIDs: w.Trace.HashIDs}
	name, err := dataset.DetectFile(w.Path, labels)
	if err != nil {
		return p, nil, usage(err)
	}
	return o.WithDataset(name)
}

// world is the outside as a run sees it.
func (e *Env) world(abort <-chan struct{}) run.World {
	return run.World{
		Began: e.Now(), Program: buildVersion(), Args: redactedArgs(e.Args),
		Hub: e.hub(), Proxy: e.proxy(), Spare: e.Spare, Abort: abort, Engine: simulator,
	}
}

// runServe does the run that p describes, prints its result and says how it
// went. The first interrupt cancels ctx, the second one closes abort.
func runServe(ctx context.Context, env *Env, p plan.Plan, o runOptions, abort <-chan struct{}) error {
	shared := *env
	shared.Stderr = &lockedWriter{w: env.Stderr}
	env = &shared
	w := env.world(abort)
	w.Options = o.options(p)
	see := &watcher{env: env, plan: p, opts: o}
	if o.DryRun {
		return dryRun(ctx, env, p, w, see)
	}
	made, err := openResult(p, w)
	out := run.Outcome{}
	if err == nil {
		out, err = run.Run(ctx, p, w, see)
	}
	if out.Begun {
		return errors.Join(err, finish(env, out, see))
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
	return made, usage(report.CheckWritable(p, w.Began))
}

// dryRun shows the workload without any server.
func dryRun(ctx context.Context, env *Env, p plan.Plan, w run.World, see *watcher) error {
	r, err := run.Rehearse(ctx, p, w, see)
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, excerpt.Block(r.Report))
	last := 0.0
	if n := len(r.Due); n > 0 {
		last = r.Due[n-1].Seconds()
	}
	see.say("last request due at %.3f s", last)
	see.say("workload hash: %s", r.Prompts)
	printWarnings(env.Stderr, r.Warnings)
	return r.Save()
}

func printWarnings(w io.Writer, list []record.Warning) {
	for _, x := range list {
		fmt.Fprint(w, oneLine("tokmeter: warning: %s", x.Text))
	}
}

// redactedArgs is a command line without the values of headers.
func redactedArgs(args []string) []string {
	args = slices.Clone(args)
	secret := false
	for i, a := range args {
		switch {
		case isHeaderFlag(a):
			secret = true
			args[i] = cutValue(a)
		case len(a) > 1 && a[:2] == "--":
			secret = false
		case secret:
			args[i] = cutValue(a)
		}
	}
	return args
}
