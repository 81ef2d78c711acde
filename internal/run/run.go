package run

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"tokmeter/internal/hub"
	"tokmeter/internal/machine"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// A World is what a run may touch of the outside. Fields without a default
// must be set.
type World struct {
	// Began is the wall time of the run's beginning, which names its directory.
	Began time.Time
	// Program is the version of the program and Args its command line without
	// secrets, both for run.json.
	Program string
	Args    []string
	// Options are vLLM's names and values of the command line, for run.json.
	Options json.RawMessage
	// Hub finds the files of models and datasets.
	Hub *hub.Hub
	// Proxy says through which proxy a URL is reached; a nil URL means none. Nil
	// means that there is never one.
	Proxy func(*url.URL) (*url.URL, error)
	// Spare gives Go's scheduler n processors more, for threads that wait in the
	// kernel and hold one meanwhile. Nil leaves it as it is.
	Spare func(n int)
	// Abort is closed where requests under way are not to be waited for any
	// longer. Nil means that it never is.
	Abort <-chan struct{}
	// Progress is counted in; nil for counters of the run's own.
	Progress *record.Progress
	// Capacity is what a self-test found that the machine holds; nil where none was
	// made. A run beyond it says so before it starts.
	Capacity *machine.Capacity
	// Engine finds the engine that a plan's Target.Simulate names. Nil refuses
	// every simulated plan.
	Engine func(ctx context.Context, spec string) (Engine, error)
	// Tokenizer is taken by simulated runs whose plan names none: prompts are
	// equal only where tokenizers are. Nil takes that of the simulated model.
	Tokenizer *Tokenizer
}

// An Outcome is what a run leaves. The caller closes it.
type Outcome struct {
	// Begun says that the measured part began. Where it is false nothing was
	// measured, nothing is kept, and the other fields are zero.
	Begun bool
	// Dir is the run directory, complete; "" where the plan wants none.
	Dir string
	// Plan is the plan as it ran: what was asked for, and in place of what was
	// left open, what Resolved has.
	Plan     plan.Plan
	Resolved Resolved
	// Run is the run as its directory has it, with its records at hand until Close.
	// Where there is no directory, or it could not be written, it has the same.
	Run *record.Run
	// Planned is the number of requests of the workload.
	Planned int
	// Prompts identifies the workload without its salt: see workload.Set.Hash.
	Prompts string
	// Profiled says that the server's profiler stopped when it was told to.
	Profiled bool

	interrupted bool     // by the user
	unreached   bool     // the run was given up, for the server stayed away
	away        error    // why the server could not be reached when it was asked; nil where it could
	models      []string // what the server offers
	records     *record.Spool
}

// Close gives the records up that are at hand. The run directory stays.
func (o *Outcome) Close() error {
	if o.records == nil {
		return nil
	}
	return o.records.Close()
}

// A job is one run on its way. What it found out is not in it but in the values
// that its steps hand on; it gathers the doubts that they leave.
type job struct {
	plan   plan.Plan // as it was asked for
	world  World
	tell   func(Event)
	doubts []record.Warning
}

func newJob(p plan.Plan, w World, o Observer) *job {
	return &job{plan: p, world: w, tell: o.Observe}
}

// Run does what p describes and returns when the run directory is complete. An
// error beside an Outcome that Begun says that the run went wrong on the way;
// Outcome.Verdict says whether it succeeded. Every error that has another kind
// than Failed is an *Error.
//
// What can be found wrong without a server is found before any is asked. The
// first end of ctx lets the requests under way finish within the plan's grace.
func Run(ctx context.Context, p plan.Plan, w World, o Observer) (out Outcome, err error) {
	j := newJob(p, w, o)
	found, err := j.find(ctx)
	if err != nil {
		return out, err
	}
	dir, err := j.open()
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, dir.discard()) }()
	j.tell(Opened{dir.path()})
	d, err := j.draft(ctx, found)
	if err != nil {
		return out, err
	}
	if j.plan.Target.Virtual {
		return j.virtually(ctx, found, d, dir)
	}
	srv, err := j.contact(ctx, found, d)
	defer func() { err = errors.Join(err, srv.close()) }()
	if err != nil {
		return out, err
	}
	ready, err := j.complete(ctx, found, d, srv)
	if err != nil {
		return out, err
	}
	sent, err := j.measure(ctx, ready, dir)
	if sent.ending.End == 0 {
		return out, errors.Join(err, sent.records.Close())
	}
	out, finishErr := j.finish(ctx, ready, sent, dir)
	return out, errors.Join(err, finishErr)
}
