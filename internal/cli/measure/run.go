// Package measure is the flags of bench serve as a plan, and what a run tells as
// lines: what every command has in common that measures a server. It prints what
// vLLM's client prints, in the same words.
package measure

import (
	"context"
	"slices"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/dataset"
	"tokmeter/internal/machine"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/run"
)

// Plan turns the flags into a plan and what goes beside it.
func Plan(ctx context.Context, env *shell.Env, v *flags.Values, notes []string) (plan.Plan, Options, error) {
	if err := v.Check(); err != nil {
		return plan.Plan{}, Options{}, err
	}
	b := newServeBuilder(ctx, v, env)
	p, err := b.build(b.dataset())
	if err != nil {
		return plan.Plan{}, Options{}, err
	}
	o := Options{
		DryRun:      v.On("dry-run"),
		Verbose:     v.On("verbose"),
		Live:        !v.On("no-live") && !v.On("disable-tqdm"),
		Notes:       slices.Concat(notes, b.notes, lightNotes(v)),
		Temperature: v.Given("temperature"),
		Runs:        v.Integer("num-runs"), FreshSeeds: v.Text("run-seeds") == "fresh",
		Namespace: namespace(v, changes(v, p)),
		Printed:   asTyped(v, p),
		WithDataset: func(dataset string) (plan.Plan, []string, error) {
			p, err := b.build(dataset)
			return p, b.notes, shell.Usage(err)
		},
	}
	return p, o, nil
}

// Options is what bench serve needs beside its plan: it decides nothing about
// the requests.
type Options struct {
	DryRun  bool     // build the workload, ask no server
	Live    bool     // show progress
	Verbose bool     // print every section whole
	Notes   []string // warnings about the command line, for every output
	// Runs is how often the run is made, and FreshSeeds says that each has a seed of
	// its own. Keep is told the numbers of each; nil where nobody asks.
	Runs       int
	FreshSeeds bool
	Keep       func(metrics.Summary)
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

// ChooseDataset makes the plan whole where only the dataset's file was given, by
// what the file is.
func ChooseDataset(p plan.Plan, o Options) (plan.Plan, []string, error) {
	w := &p.Workload
	if w.Path == "" || w.Dataset != "" {
		return p, nil, nil
	}
	labels := dataset.Labels{Timestamp: w.Trace.Timestamp, InputLength: w.Trace.InputLength, OutputLength: w.Trace.OutputLen, HashIDs: w.Trace.HashIDs}
	name, err := dataset.DetectFile(w.Path, labels)
	if err != nil {
		return p, nil, shell.Usage(err)
	}
	return o.WithDataset(name)
}

// World is the outside as a run sees it.
func World(e *shell.Env, abort <-chan struct{}) run.World {
	return run.World{
		Began: e.Now(), Program: shell.BuildVersion(), Args: RedactedArgs(e.Args),
		Hub: e.Hub(), Proxy: e.Proxy(), Spare: e.Spare, Abort: abort,
		Engine:   func(ctx context.Context, text string) (run.Engine, error) { return simulated.Engine(ctx, e, text) },
		Capacity: machine.ReadCapacity(machine.CapacityFile(e.Getenv)),
	}
}

// RedactedArgs is a command line without the values of headers, the key and
// secrets in the queries of addresses.
func RedactedArgs(args []string) []string {
	args = slices.Clone(args)
	secret, key := false, false
	for i, a := range args {
		switch {
		case key:
			key, args[i] = false, plan.Redacted
		case isKeyFlag(a):
			secret = false
			name, _, given := strings.Cut(a, "=")
			if key = !given; given {
				args[i] = name + "=" + plan.Redacted
			}
		case isHeaderFlag(a):
			secret = true
			args[i] = cutValue(a)
		case len(a) > 1 && a[:2] == "--":
			secret = false
		case secret:
			args[i] = cutValue(a)
		}
		args[i] = plan.RedactedQuery(args[i])
	}
	return args
}
