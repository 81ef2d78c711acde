package precision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/measure"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/experiment"
	"tokmeter/internal/plan"
	"tokmeter/internal/precision"
	"tokmeter/internal/precision/board"
	"tokmeter/internal/record"
	"tokmeter/internal/run"
)

// A laboratory makes the runs of an experiment: each is a run of bench serve in
// this process, with its folder among the experiment's.
type laboratory struct {
	env    *shell.Env
	spec   *precision.Spec
	kept   bool   // in a folder
	dir    string // of the experiment; "" where it is not kept
	board  *board.Board
	memory float64         // bytes a second that this machine reads; 0 where not known
	abort  <-chan struct{} // closed by the second interrupt

	variants map[string]serving // by name
	first    string             // variant that can run

	mu   sync.Mutex
	sims map[string]run.Simulator // that are up, by URL
	// lent is the tokenizer that simulated variants without one of their own take:
	// prompts are equal only where tokenizers are. Nil until check found it.
	lent *run.Tokenizer
}

// cutGrace is how long an interrupted run waits for answers: it is done again
// when the experiment goes on.
const cutGrace = 100 * time.Millisecond

// A serving is how the runs of a variant were asked for.
type serving struct {
	plan    plan.Plan
	options json.RawMessage // vLLM's names and values of its flags
}

// A jobRun is one run of an experiment: its plan, and the outside as it sees it.
type jobRun struct {
	plan  plan.Plan
	world run.World
	env   *shell.Env
}

// read makes the plan of a variant's runs of the flags that all variants share
// and of what the variant says itself.
func (l *laboratory) read(ctx context.Context, v *precision.Variant) (serving, error) {
	given := slices.Clone(l.spec.Bench)
	for name, value := range map[string]string{"model": v.Model, "served-model-name": v.Served, "tokenizer": v.Tokenizer, "simulate": v.Simulate, "base-url": v.URL} {
		if value != "" {
			given = append(given, precision.Flag{Name: name, Values: []string{value}})
		}
	}
	t := measure.Table()
	p, o, err := measure.Plan(ctx, l.env, valuesOfFlags(t, given), nil)
	if err == nil {
		err = measure.CheckFiles(p)
	}
	if err == nil {
		p, _, err = measure.ChooseDataset(p, o)
	}
	p.Load.Grace = cutGrace
	return serving{p, o.Options(p)}, err
}

// valuesOfFlags is the values of a table by the flags of a spec, whose names were
// checked.
func valuesOfFlags(t flags.Table, given []precision.Flag) *flags.Values {
	v := flags.NewValues(t)
	for _, f := range given {
		v.Set(f.Name, f.Values)
	}
	return v
}

// serve is a run of a plan that a variant's is the origin of, at an address; ""
// leaves the plan's.
func (l *laboratory) serve(variant string, p plan.Plan, url string) jobRun {
	env := *l.env
	env.Spare = nil // the experiment did it once
	env.StderrTTY, env.StdoutTTY = false, false
	if url != "" && l.spec.Variant(variant).URL == "" {
		p.Target.BaseURL = strings.TrimRight(url, "/")
	}
	w := measure.World(&env, l.abort)
	w.Tokenizer, w.Options = l.lent, l.variants[variant].options
	return jobRun{p, w, &env}
}

// serveVariant is serve with the variant's own plan.
func (l *laboratory) serveVariant(name, url string) jobRun {
	return l.serve(name, l.variants[name].plan, url)
}

// plans are the plans of all variants, in the order of the spec.
func (l *laboratory) plans() []plan.Plan {
	var out []plan.Plan
	for _, v := range l.spec.Variants {
		out = append(out, l.variants[v.Name].plan)
	}
	return out
}

// check finds what is wrong with the runs of all variants before any engine is
// started, and keeps their plans.
func (l *laboratory) check(ctx context.Context) error {
	if err := l.checkNames(); err != nil {
		return err
	}
	l.variants = map[string]serving{}
	for i := range l.spec.Variants {
		v := &l.spec.Variants[i]
		if v.Unfit() != nil {
			continue // its row will say so
		}
		read, err := l.read(ctx, v)
		if err != nil {
			return shell.Usage(err)
		}
		l.variants[v.Name] = read
		p := read.plan
		r := l.serveVariant(v.Name, "")
		if l.first == "" {
			if err := run.Check(ctx, p, r.world, r.watcher()); err != nil {
				return err
			}
			l.first = v.Name
		}
		if l.lent == nil && p.Target.Simulated && p.Workload.Tokenizer == "" {
			e, err := simulated.Engine(ctx, l.env, p.Target.Simulate)
			if err != nil {
				return shell.Usage(err)
			}
			t := run.SimulatedTokenizer(ctx, r.world, e)
			l.lent = &t
		}
	}
	return nil
}

// watcher writes what the run tells where its world's streams go.
func (r jobRun) watcher() *measure.Watcher { return &measure.Watcher{Env: r.env, Plan: r.plan} }

// checkNames refuses variants whose runs and answers would be kept under one
// name: some file systems know no case.
func (l *laboratory) checkNames() error {
	if !l.kept {
		return nil
	}
	owner := map[string]string{}
	for _, v := range l.spec.Variants {
		file := strings.ToLower(fileName(v.Name))
		if other, ok := owner[file]; ok {
			return shell.Usagef("give one another name", "the files of variants %q and %q would have the same names, %s-…", other, v.Name, file)
		}
		owner[file] = v.Name
	}
	return nil
}

// Run sends a job's requests.
func (l *laboratory) Run(ctx context.Context, j experiment.Job) (experiment.Outcome, error) {
	dir := l.freeDir(j)
	log, err := os.Create(dir + ".log")
	if err != nil {
		return experiment.Outcome{}, fmt.Errorf("log of the run: %w", err)
	}
	defer log.Close()
	p := j.Plan
	p.Output.RecordDir = dir
	r := l.serve(j.Variant.Name, p, j.URL)
	out := &shell.LockedWriter{W: log}
	r.env.Stdout, r.env.Stderr = out, out
	r.world.Hub, r.world.Progress = r.env.Hub(), &record.Progress{}
	if p.Target.Simulated {
		if r.world.Engine, err = l.running(j.URL); err != nil {
			return experiment.Outcome{}, err
		}
	}
	defer l.board.Runs(j, r.world.Progress)()
	note := precision.Note{Variant: j.Variant.Name}
	begun, err := l.send(ctx, r, j, &note)
	if err != nil && (!begun || j.Kind == experiment.Measure || ctx.Err() != nil) {
		return experiment.Outcome{}, fmt.Errorf("%w (log: %s)", err, dir+".log")
	}
	if err := note.Keep(dir); err != nil {
		return experiment.Outcome{}, err
	}
	return l.Load(ctx, j, dir)
}

// send makes the run and notes the hash of its requests as they are for every
// variant, without model and salt, and the card's mean power while it was on,
// where that is known.
func (l *laboratory) send(ctx context.Context, r jobRun, j experiment.Job, note *precision.Note) (begun bool, err error) {
	see := &jobWatcher{Watcher: r.watcher()}
	if len(l.spec.Variant(j.Variant.Name).Command) > 0 {
		see.measure = func() func() float64 { return precision.Power(ctx) }
	}
	out, err := run.Run(ctx, r.plan, r.world, see)
	if see.mean != nil {
		note.PowerW = see.mean()
	}
	note.Prompts = out.Prompts
	if !out.Begun {
		return false, err
	}
	return true, errors.Join(err, measure.Finish(r.env, out, see.Watcher))
}

// A jobWatcher writes a job's log and has the card's power measured meanwhile.
type jobWatcher struct {
	*measure.Watcher
	measure func() (mean func() float64) // nil where it is not asked for
	mean    func() float64               // nil until it is measured
}

// Observe prints an event. The power is measured from the ready check on.
func (w *jobWatcher) Observe(e run.Event) {
	if _, ok := e.(run.Checking); ok && w.measure != nil {
		w.mean = w.measure()
	}
	w.Watcher.Observe(e)
}

// running finds the simulator that is up for a job, in place of one that the run
// starts.
func (l *laboratory) running(url string) (func(context.Context, string) (run.Engine, error), error) {
	l.mu.Lock()
	up := l.sims[url]
	l.mu.Unlock()
	if up == nil {
		return nil, fmt.Errorf("no simulator is up at %s", url)
	}
	return func(ctx context.Context, text string) (run.Engine, error) {
		e, err := simulated.Engine(ctx, l.env, text)
		return lasting{e, up}, err
	}, nil
}

// A lasting engine is one that is up already and outlives the run.
type lasting struct {
	run.Engine
	up run.Simulator
}

// Start gives the simulator that is up.
func (l lasting) Start(run.Serving) (run.Simulator, error) { return outliving{l.up}, nil }

// An outliving simulator is not ended by the run.
type outliving struct{ run.Simulator }

// Close leaves the simulator as it is.
func (outliving) Close() error { return nil }

// freeDir is a run directory that is not there yet: one that a kill left behind
// is kept as it is.
func (l *laboratory) freeDir(j experiment.Job) string {
	name := fmt.Sprintf("%s-r%d", j.Variant.Name, j.Round+1)
	switch {
	case j.Load.Rate > 0:
		name += fmt.Sprintf("-%.4grps", j.Load.Rate)
	case j.Load.Concurrency > 0:
		name += fmt.Sprintf("-c%d", j.Load.Concurrency)
	}
	switch j.Kind {
	case experiment.Warm:
		name += fmt.Sprintf("-warm%d", j.Number+1)
	case experiment.Try:
		name += fmt.Sprintf("-try%d", j.Number+1)
	}
	dir := filepath.Join(l.runs(), fileName(name))
	for i := 2; ; i++ {
		if _, err := os.Stat(dir); err != nil {
			return dir
		}
		dir = filepath.Join(l.runs(), fmt.Sprintf("%s.%d", fileName(name), i))
	}
}

// runs is the folder of the run directories.
func (l *laboratory) runs() string { return filepath.Join(l.dir, "runs") }

// fileName is a name without what a file system might refuse.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("._-", r):
			return r
		}
		return '-'
	}, name)
}

// Load reads a finished run again, from where the experiment's folder is by now.
func (l *laboratory) Load(_ context.Context, j experiment.Job, dir string) (experiment.Outcome, error) {
	return precision.Finished(filepath.Join(l.runs(), filepath.Base(dir)), j)
}

// checkOutput finds out whether a file can be made in the experiment's folder.
func checkOutput(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "runs"), 0o755); err != nil {
		return shell.Usagef("give another folder by --output-dir", "%w", err)
	}
	if err := atomicfile.Probe(dir); err != nil {
		return shell.Usagef("give another folder by --output-dir", "%w", err)
	}
	return nil
}
