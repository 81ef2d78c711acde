package cli

import (
	"context"

	"tokmeter/internal/plan"
)

// runOptions is what a run needs beside its plan: it decides nothing about the
// requests.
type runOptions struct {
	DryRun       bool     // build the workload, ask no server
	SaveRequests string   // file that the workload is written to; "" for none
	Live         bool     // show progress
	Notes        []string // warnings about the command line, for every output
	// WithDataset makes the plan again for the dataset that a file turned out
	// to be, where Plan.Workload.Dataset is "". The error is a usage error.
	WithDataset func(dataset string) (p plan.Plan, notes []string, err error)
	// Namespace is the command line as vLLM's client would list it: its names
	// and values, for every flag of its; headers are redacted.
	Namespace []namedValue
	// Abort is closed by the second interrupt: what is still draining is cut.
	Abort <-chan struct{}
}

// A namedValue is one entry of the namespace.
type namedValue struct {
	Name  string
	Value any // nil, bool, int, float64, string, []string or json.RawMessage
}

// runServe does the run that p describes. The first interrupt cancels ctx.
func runServe(ctx context.Context, env *Env, p plan.Plan, o runOptions) error {
	return failf(ExitFailed, "", "this build cannot run a measurement")
}
