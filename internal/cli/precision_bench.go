package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/experiment"
	"tokmeter/internal/plan"
	"tokmeter/internal/precision"
	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/sim"
)

// A laboratory makes the runs of an experiment: each is a run of bench serve in
// this process, with its folder among the experiment's.
type laboratory struct {
	env    *Env
	spec   *precision.Spec
	dir    string // of the experiment
	board  *board
	memory float64         // bytes a second that this machine reads; 0 where not known
	abort  <-chan struct{} // closed by the second interrupt

	servings map[string]serving // by variant

	mu   sync.Mutex
	sims map[string]*sim.Server // that are up, by URL
	// lends is the run whose tokenizer simulated variants without one of their
	// own take: prompts are equal only where tokenizers are.
	lends *serveRun
}

// cutGrace is how long an interrupted run waits for answers: it is done again
// when the experiment goes on.
const cutGrace = 100 * time.Millisecond

// A serving is how the runs of a variant are asked for.
type serving struct {
	plan plan.Plan
	opts runOptions
}

// read makes the plan of a variant's runs of the flags that all variants share
// and of what the variant says itself.
func (l *laboratory) read(v *precision.Variant) (serving, error) {
	flags := slices.Clone(l.spec.Bench)
	for name, value := range map[string]string{"model": v.Model, "served-model-name": v.Served, "tokenizer": v.Tokenizer, "simulate": v.Simulate, "base-url": v.URL} {
		if value != "" {
			flags = append(flags, precision.Flag{Name: name, Values: []string{value}})
		}
	}
	t := serveTable()
	c := &command{table: t, values: valuesOf(t, flags)}
	p, o, err := c.servePlan(l.env)
	if err != nil {
		return serving{}, err
	}
	if err := checkFiles(p, o); err != nil {
		return serving{}, err
	}
	p.Stop.Grace = cutGrace
	o.Live, o.Abort = false, l.abort
	return serving{p, o}, nil
}

// valuesOf is the values of a table by the flags of a spec, whose names were
// checked.
func valuesOf(t table, flags []precision.Flag) *values {
	v := register(pflag.NewFlagSet("run", pflag.ContinueOnError), t)
	for _, f := range flags {
		c := v.cells[f.Name]
		c.given, c.words = true, f.Values
	}
	return v
}

// serve is a run of a plan that a variant's is the origin of, at an address; ""
// leaves the plan's.
func (l *laboratory) serve(variant string, p plan.Plan, url string) *serveRun {
	env := *l.env
	env.Spare = nil // the experiment did it once
	env.StderrTTY, env.StdoutTTY = false, false
	if !p.Target.Simulated && url != "" && l.spec.Variant(variant).URL == "" {
		p.Target.BaseURL = strings.TrimRight(url, "/")
	}
	return &serveRun{env: &env, plan: p, opts: l.servings[variant].opts, date: env.Now(), lend: l.lends}
}

// serveVariant is serve with the variant's own plan.
func (l *laboratory) serveVariant(name, url string) *serveRun {
	return l.serve(name, l.servings[name].plan, url)
}

// plans are the plans of all variants, in the order of the spec.
func (l *laboratory) plans() []plan.Plan {
	var out []plan.Plan
	for _, v := range l.spec.Variants {
		out = append(out, l.servings[v.Name].plan)
	}
	return out
}

// check finds what is wrong with the runs of all variants before any engine is
// started, and keeps their plans.
func (l *laboratory) check(ctx context.Context) error {
	if err := l.checkNames(); err != nil {
		return err
	}
	l.servings = map[string]serving{}
	for i := range l.spec.Variants {
		v := &l.spec.Variants[i]
		s, err := l.read(v)
		if err != nil {
			return usage(err)
		}
		l.servings[v.Name] = s
		r := l.serveVariant(v.Name, "")
		err = r.chooseDataset(ctx)
		if err == nil {
			err = r.nameSimulator()
		}
		if err == nil && i == 0 {
			err = r.rehearse(ctx)
		}
		if err != nil {
			return usage(err)
		}
		r.plan.Stop.Grace = cutGrace // a dataset that was recognised made a plan of its own
		l.servings[v.Name] = serving{r.plan, s.opts}
		if l.lends == nil && r.plan.Target.Simulated && r.plan.Workload.Tokenizer == "" {
			r.findSimulatedTokenizer(ctx)
			l.lends = r
		}
	}
	return nil
}

// checkNames refuses variants whose runs and answers would be kept under one
// name: some file systems know no case.
func (l *laboratory) checkNames() error {
	if l.dir == "" {
		return nil
	}
	owner := map[string]string{}
	for _, v := range l.spec.Variants {
		file := strings.ToLower(fileName(v.Name))
		if other, ok := owner[file]; ok {
			return usagef("give one another name", "the files of variants %q and %q would have the same names, %s-…", other, v.Name, file)
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
	j.Plan.Output.RecordDir = dir
	r := l.serve(j.Variant.Name, j.Plan, j.URL)
	out := &lockedWriter{w: log}
	r.env.Stdout, r.env.Stderr = out, out
	r.opts.Progress = &record.Progress{}
	defer l.board.runs(j, r.opts.Progress)()
	note := jobNote{Variant: j.Variant.Name}
	note.Prompts, err = l.send(ctx, r, j, &note.PowerW)
	err = errors.Join(err, r.close())
	if err != nil && (!r.recorded || j.Kind == experiment.Measure || ctx.Err() != nil) {
		return experiment.Outcome{}, fmt.Errorf("%w (log: %s)", err, dir+".log")
	}
	if err := writeJob(dir, note); err != nil {
		return experiment.Outcome{}, err
	}
	return l.Load(ctx, j, dir)
}

// send prepares the run and makes it. The hash is that of the requests as they
// are for every variant: without model and salt. watt gets the card's mean power
// while it was on, where that is known.
func (l *laboratory) send(ctx context.Context, r *serveRun, j experiment.Job, watt *float64) (hash string, err error) {
	for _, step := range []func() error{
		func() error { return r.chooseDataset(ctx) },
		r.nameSimulator,
		r.openOutputs,
		func() error { return l.useSimulator(r, j) },
		func() error { return r.prepare(ctx) },
	} {
		if err := step(); err != nil {
			return "", err
		}
	}
	hash = r.set.Hash()
	if err := r.salt(j.Salt); err != nil {
		return "", err
	}
	if len(l.spec.Variant(j.Variant.Name).Command) > 0 {
		mean := power(ctx)
		defer func() { *watt = mean() }()
	}
	return hash, r.measure(ctx)
}

// useSimulator gives the run the simulator that is up for it.
func (l *laboratory) useSimulator(r *serveRun, j experiment.Job) error {
	if !j.Plan.Target.Simulated {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.shared = l.sims[j.URL]; r.shared == nil {
		return fmt.Errorf("no simulator is up at %s", j.URL)
	}
	return nil
}

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

// salt puts a text in front of every prompt, behind the prompt's number: no two
// prompts of a run begin alike.
func (r *serveRun) salt(text string) error {
	if text == "" {
		return nil
	}
	for i := range r.set.Items {
		own := strconv.Itoa(i) + text
		it := &r.set.Items[i]
		var ids []int
		if r.local != nil {
			ids = r.local.Encode(own, false)
		}
		p, err := salted(it.Prompt, own, ids)
		if err != nil {
			return err
		}
		it.Prompt = p
		if it.PromptLen > 0 {
			it.PromptLen += len(ids)
		}
	}
	return nil
}

// salted is a prompt behind a text, whose tokens are ids.
func salted(p protocol.Prompt, text string, ids []int) (protocol.Prompt, error) {
	switch {
	case p.IDs != nil && len(ids) == 0:
		return p, errors.New("prompts are token ids and no tokenizer is at hand for their salt: take cache: reset or keep")
	case p.IDs != nil:
		p.IDs = slices.Concat(ids, p.IDs)
	case p.Batch != nil:
		p.Batch = slices.Clone(p.Batch)
		for k := range p.Batch {
			p.Batch[k] = text + p.Batch[k]
		}
	case p.Messages != nil:
		var err error
		p.Messages, err = saltMessages(p, text)
		return p, err
	default:
		p.Text = text + p.Text
	}
	return p, nil
}

// saltMessages puts a text in front of the first message that is a text.
func saltMessages(p protocol.Prompt, text string) (json.RawMessage, error) {
	var all []map[string]json.RawMessage
	if err := json.Unmarshal(p.Messages, &all); err != nil {
		return nil, fmt.Errorf("messages can't be salted (take cache: reset or keep): %w", err)
	}
	for _, m := range all {
		var content string
		if json.Unmarshal(m["content"], &content) != nil {
			continue
		}
		raw, err := json.Marshal(text + content)
		if err != nil {
			return nil, err
		}
		m["content"] = raw
		return json.Marshal(all)
	}
	return nil, errors.New("no message is a text that can be salted: take cache: reset or keep")
}

// A jobNote stands beside the records of a run: what they do not say.
type jobNote struct {
	Prompts string  `json:"prompts"` // hash
	Variant string  `json:"variant"`
	PowerW  float64 `json:"power_w,omitempty"` // mean of the card; 0 where not known
}

// jobFile is its name.
const jobFile = "job.json"

func writeJob(dir string, n jobNote) error {
	raw, err := json.Marshal(n)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, jobFile), append(raw, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("note of the run: %w", err)
	}
	return nil
}

// Load reads a finished run again, from where the experiment's folder is by now.
func (l *laboratory) Load(_ context.Context, j experiment.Job, dir string) (experiment.Outcome, error) {
	dir = filepath.Join(l.runs(), filepath.Base(dir))
	o := experiment.Outcome{Dir: dir}
	run, err := record.Open(dir)
	if err != nil {
		return o, err
	}
	var p plan.Plan
	if err := json.Unmarshal(run.Head.Plan, &p); err != nil {
		return o, fmt.Errorf("%s: the plan in run.json can't be read: %w", dir, err)
	}
	var n jobNote
	raw, err := os.ReadFile(filepath.Join(dir, jobFile))
	if err == nil {
		err = json.Unmarshal(bytes.TrimSpace(raw), &n)
	}
	if err != nil {
		return o, fmt.Errorf("note of the run: %w", err)
	}
	o.Prompts, o.IgnoreEOS, o.PowerW = n.Prompts, p.Target.IgnoreEOS, n.PowerW
	o.Run, err = comparable(run, p, j)
	return o, err
}

// checkOutput finds out whether a file can be made in the experiment's folder.
func checkOutput(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "runs"), 0o755); err != nil {
		return usagef("give another folder by --output-dir", "%w", err)
	}
	if err := atomicfile.Probe(dir); err != nil {
		return usagef("give another folder by --output-dir", "%w", err)
	}
	return nil
}
