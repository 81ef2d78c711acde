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
	// SelfTimed is --self-timed or --no-self-timed; nil where neither was
	// given. plan.Plan.SetDataset wants it once a dataset was recognised.
	SelfTimed *bool
	// Namespace is the command line as vLLM's client would list it: its own
	// names, every flag, in its order; secrets are redacted.
	Namespace []namedValue
	// Abort is closed by the second interrupt: what is still draining is cut.
	Abort <-chan struct{}
}

// A namedValue is one entry of the namespace.
type namedValue struct {
	Name  string
	Value any // nil, bool, int64, float64, string, []string or json.RawMessage
}

// runServe does the run that p describes. The first interrupt cancels ctx.
func runServe(ctx context.Context, env *Env, p plan.Plan, o runOptions) error {
	return failf(ExitFailed, "", "this build cannot run a measurement")
}
