package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/metrics"
	"tokmeter/internal/model/light"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/sim"
	"tokmeter/internal/target"
	"tokmeter/internal/tokenize"
	"tokmeter/internal/workload"
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
	Temperature bool          // --temperature was given
	Limit       light.Subject // whose speed of light the run is compared with
	// Namespace is the command line as vLLM's client has it in the end: its
	// names and values, for every flag of its; headers are redacted.
	Namespace []namedValue
	// Printed is the same as it was before the client changed anything in it.
	Printed []namedValue
	// Abort is closed by the second interrupt: what is still draining is cut.
	Abort <-chan struct{}
	// Progress is counted in, where someone else shows it; nil for counters that
	// the run has for itself.
	Progress *record.Progress
}

// A namedValue is one entry of the namespace.
type namedValue struct {
	Name  string
	Value any // nil, bool, int, float64, string, []string, json.RawMessage or pythonSource
}

// runServe does the run that p describes. The first interrupt cancels ctx.
//
// What can be found wrong without a server is found before any is asked: the
// dataset, the tokenizer, the folders. Then the server is asked what it is, the
// requests get their bodies, and only then does the clock of the run start.
func runServe(ctx context.Context, env *Env, p plan.Plan, o runOptions) (err error) {
	shared := *env
	shared.Stderr = &lockedWriter{w: env.Stderr}
	r := &serveRun{env: &shared, plan: p, opts: o, date: env.Now()}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.chooseDataset(ctx); err != nil {
		return err
	}
	if err := r.nameSimulator(); err != nil {
		return err
	}
	if err := r.openOutputs(); err != nil {
		return err
	}
	if o.DryRun {
		return r.dryRun(ctx)
	}
	if p.CompatVLLM() {
		r.say("%s", pythonNamespace(o.Printed))
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	r.spare()
	return r.measure(ctx)
}

// spare makes up for the threads that wait in the kernel for the next due time,
// the dispatcher's of an open loop and the simulator's: on two cores nobody
// would be left to read what arrives. Where all requests go at once the
// dispatcher does not wait, and a processor more costs a tenth of CPU time.
func (r *serveRun) spare() {
	n := 0
	if r.openLoop() {
		n++
	}
	if r.simulator != nil {
		n++
	}
	if n > 0 && r.env.Spare != nil {
		r.env.Spare(n)
	}
}

// A serveRun is one run on its way from a plan to a report.
type serveRun struct {
	env  *Env
	plan plan.Plan
	opts runOptions
	date time.Time // names the files

	server    target.Server
	info      record.Server // what the server said of itself
	models    []target.Model
	away      error     // why the server could not be reached when it was asked
	unreached bool      // the run was given up, for the server stayed away
	readyBy   time.Time // when the ready check is over
	simulator *sim.Server
	shared    *sim.Server  // a simulator that outlives the run; nil where it starts its own
	lend      *serveRun    // whose tokenizer a simulated run takes; nil for its own
	simulate  sim.Options  // what the simulator is
	built     *setup.Built // the engine that it stands for; nil at set times

	tokenizer workload.Tokenizer
	local     *tokenize.Tokenizer // the same where it is in this process
	remote    *remoteTokenizer    // the server's, where there is no local one
	folder    string              // of the tokenizer's files; "" where it has none
	randoms   *workload.Randoms
	set       *workload.Set
	due       []time.Duration

	writer   *record.Writer // nil with --no-record
	recorded bool           // the run began: what it leaves is kept
	made     []string       // folders that were missing for the result, innermost first
	warnings []metrics.Warning
	kept     json.RawMessage // whose speed of light the run is compared with; nil where nothing is known of card and model
	profiled bool            // the server's profiler stopped when it was told to
}

// warn notes a reason to doubt a number; it is shown with the result.
func (r *serveRun) warn(code, format string, args ...any) {
	r.warnings = append(r.warnings, metrics.Warning{Code: code, Text: excerpt.Lines(fmt.Sprintf(format, args...))})
}

// say prints a line of vLLM's client, for those who read its output.
func (r *serveRun) say(format string, args ...any) {
	fmt.Fprintf(r.env.Stdout, format+"\n", args...)
}

// sayBeside prints a line that vLLM's client has not: where its output is
// wanted, not among it.
func (r *serveRun) sayBeside(format string, args ...any) {
	if r.plan.CompatVLLM() {
		fmt.Fprintf(r.env.Stderr, format+"\n", args...)
		return
	}
	r.say(format, args...)
}

// close gives back what the run holds.
func (r *serveRun) close() error {
	var errs []error
	if r.server.HTTP != nil {
		r.server.HTTP.CloseIdleConnections()
	}
	if r.simulator != nil && r.shared == nil {
		errs = append(errs, r.simulator.Close())
	}
	if r.writer != nil && !r.recorded {
		errs = append(errs, r.writer.Discard())
	}
	if !r.recorded {
		for _, dir := range r.made {
			_ = os.Remove(dir) // unless something is in it
		}
	}
	return errors.Join(errs...)
}

// dryRun builds the workload without any server.
func (r *serveRun) dryRun(ctx context.Context) error {
	if err := r.findTokenizer(ctx); err != nil {
		return err
	}
	if r.remote != nil {
		r.warnBuiltin()
		r.remote = nil
	}
	if err := r.buildLocally(ctx); err != nil {
		return err
	}
	r.say("%s", r.set.Report)
	r.say("last request due at %.3f s", r.span().Seconds())
	r.say("workload hash: %s", r.set.Hash())
	for _, w := range r.warnings {
		fmt.Fprintf(r.env.Stderr, "tokmeter: warning: %s\n", w.Text)
	}
	return r.saveRequests()
}

// prepare makes everything ready for the first request. What is at hand without
// the server is looked at before it is asked.
func (r *serveRun) prepare(ctx context.Context) error {
	steps := []func(context.Context) error{r.findTokenizer, r.findLimit, r.buildLocally, r.rehearse, r.meetServer, r.buildRemotely, r.align}
	switch t := &r.plan.Target; {
	case t.Simulated:
		steps = []func(context.Context) error{r.findTokenizer, r.findLimit, r.buildLocally, r.startSimulator, r.meetServer, r.align}
	case t.Model == "" && r.plan.Workload.Tokenizer == "" && !r.plan.Workload.SkipTokenizer:
		steps = []func(context.Context) error{r.rehearse, r.meetServer, r.findTokenizer, r.findLimit, r.buildLocally, r.buildRemotely, r.align}
	}
	steps = append(steps, r.findLimit) // the server may have named the model
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return r.saveRequests()
}
