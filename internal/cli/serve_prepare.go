package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/dataset"
	"tokmeter/internal/hub"
	"tokmeter/internal/plan"
	"tokmeter/internal/python"
	"tokmeter/internal/record"
	"tokmeter/internal/report"
	"tokmeter/internal/schedule"
	"tokmeter/internal/template"
	"tokmeter/internal/tokenize"
	"tokmeter/internal/workload"
)

// chooseDataset finds the dataset's file and, where only the file was given,
// what it is.
func (r *serveRun) chooseDataset(ctx context.Context) error {
	w := &r.plan.Workload
	if w.Dataset == "sharegpt" && w.Path == "" {
		path, err := r.hub().Dataset(ctx, hub.ShareGPTDataset, hub.ShareGPTFile)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return failf(ExitUsage, "or give a file with --dataset-path", "dataset sharegpt: %w", err)
		}
		w.Path = path
	}
	if w.Path == "" || w.Dataset != "" {
		return nil
	}
	labels := dataset.Labels{Timestamp: w.Trace.Timestamp, InputLength: w.Trace.InputLength, OutputLength: w.Trace.OutputLen, HashIDs: w.Trace.HashIDs}
	name, err := dataset.DetectFile(w.Path, labels)
	if err != nil {
		return usage(err)
	}
	p, notes, err := r.opts.WithDataset(name)
	if err != nil {
		return err
	}
	printNotes(r.env.Stderr, notes)
	r.plan = p
	return nil
}

// openOutputs finds out before the run whether its files can be written.
func (r *serveRun) openOutputs() error {
	if r.opts.DryRun {
		return nil
	}
	if r.plan.Output.SaveResult || r.plan.Output.AppendResult {
		r.made = missingFolders(filepath.Dir(report.Path(r.plan, r.date)))
	}
	if err := report.CheckWritable(r.plan, r.date); err != nil {
		return usage(err)
	}
	if r.plan.Output.NoRecord {
		return nil
	}
	head := r.head()
	var err error
	if dir := r.plan.Output.RecordDir; dir != "" {
		r.writer, err = record.Create(dir, head)
	} else {
		r.writer, err = record.CreateIn(runsFolder, record.Name(r.date, r.plan.Target.Model), head)
	}
	return usage(err)
}

// head is what is known of a run when its directory is made.
func (r *serveRun) head() record.Head {
	return record.Head{Tokmeter: buildVersion(), Begun: r.date, Environment: record.Here()}
}

// runsFolder is where runs leave their directories, one each.
const runsFolder = "runs"

// hub finds files of models and datasets.
func (r *serveRun) hub() *hub.Hub {
	home := r.env.Getenv("HOME")
	if home == "" {
		home = r.env.Getenv("USERPROFILE")
	}
	h := hub.New(r.env.Getenv, home)
	h.HTTP = r.httpClient()
	h.Progress = downloads(r.env.Stderr, r.env.StderrTTY, r.env.Now)
	return h
}

// findTokenizer looks for the tokenizer of the model. A run whose tokenizer is
// not at hand goes on with the server's own, or with the one inside.
func (r *serveRun) findTokenizer(ctx context.Context) error {
	w := &r.plan.Workload
	name := w.Tokenizer
	if name == "" {
		name = r.plan.Target.Model
	}
	switch {
	case w.SkipTokenizer:
		return nil
	case w.Tokenizer == "" && r.plan.Target.Simulated:
		r.findSimulatedTokenizer(ctx)
		return nil
	case name == "":
		r.useBuiltin()
		r.warn("tokenizer", "no model and no tokenizer given: prompts are made and cut with the small tokenizer inside (give one with --tokenizer)")
		return nil
	}
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
		return r.readTokenizer(name)
	}
	dir, err := r.hub().Model(ctx, name, []string{"tokenizer.json"}, besideTokenizer())
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		r.local, err = tokenize.Load(dir)
		if err == nil {
			r.folder, r.tokenizer = dir, r.local
			return nil
		}
	}
	if w.Tokenizer != "" {
		return failf(ExitUsage, "", "--tokenizer: %w", err)
	}
	r.useBuiltin()
	if w.Dataset == "requests" {
		return nil
	}
	r.remote = &remoteTokenizer{Tokenizer: r.local}
	r.remote.missing = err
	return nil
}

// besideTokenizer are the files that count where a model has them.
func besideTokenizer() []string {
	names := append(tokenize.Files(), template.Files()...)
	slices.Sort(names)
	return slices.Compact(names)
}

// readTokenizer takes the tokenizer of a file, whatever its name is.
func (r *serveRun) readTokenizer(path string) error {
	local, err := tokenize.Load(path)
	if err != nil {
		return usage(err)
	}
	r.folder, r.local, r.tokenizer = filepath.Dir(path), local, local
	return nil
}

// useBuiltin takes the tokenizer inside the binary.
func (r *serveRun) useBuiltin() {
	r.local = tokenize.Builtin()
	r.tokenizer = r.local
}

// rehearse finds what is wrong with the schedule and with the dataset's file
// where the server has to be asked before the workload can be built.
func (r *serveRun) rehearse(ctx context.Context) error {
	if r.set != nil {
		return nil
	}
	rehearsal := serveRun{env: r.env, plan: r.plan, opts: r.opts}
	randoms, err := workload.NewRandoms(r.plan.Seed)
	if err == nil && !r.plan.Schedule.SelfTimed {
		_, err = schedule.Offsets(r.plan.Schedule, max(r.plan.Workload.NumPrompts, 1), randoms.Np)
	}
	// What is no regular file, such as a pipe, can be read once.
	if info, statErr := os.Stat(r.plan.Workload.Path); err != nil || statErr != nil || !info.Mode().IsRegular() {
		return usage(err)
	}
	rehearsal.useBuiltin()
	var bad *dataset.Error
	if err := rehearsal.build(ctx); errors.As(err, &bad) || ctx.Err() != nil {
		return err
	}
	return nil
}

// buildLocally builds the workload, unless it takes the server's tokenizer.
func (r *serveRun) buildLocally(ctx context.Context) error {
	if r.remote != nil {
		return nil
	}
	if t := &r.plan.Workload.Trace; r.plan.CompatVLLM() && r.plan.Workload.Dataset == "timed_trace" {
		r.say("timed-trace: chunk_size: %d, sec_multiplier: %s, label_ts: %q, label_input_length: %q, label_output_length: %q, label_hash_ids: %q",
			t.ChunkSize, python.Float(t.Multiplier), t.Timestamp, t.InputLength, t.OutputLen, t.HashIDs)
	}
	return r.build(ctx)
}

// buildRemotely builds the workload with the server's tokenizer, where there is
// no local one, and with the one inside where the server has none.
func (r *serveRun) buildRemotely(ctx context.Context) error {
	if r.remote == nil {
		return nil
	}
	// The others make their prompts from tokens, for which texts are no help.
	asks := slices.Contains([]string{"sharegpt", "custom", "sonnet"}, r.plan.Workload.Dataset)
	if asks && r.away == nil {
		r.remote.encode = func(text string, addSpecial bool) ([]int, error) { return r.tokenize(ctx, text, addSpecial) }
		r.tokenizer = r.remote
		if err := r.build(ctx); err != nil {
			return err
		}
		if r.remote.failed() == nil {
			r.warn("tokenizer", "%v; the server's /tokenize was asked instead", r.remote.missing)
			return nil
		}
	}
	r.tokenizer = r.local
	r.warnBuiltin()
	return r.build(ctx)
}

// warnBuiltin says that the tokenizer inside stands for the model's.
func (r *serveRun) warnBuiltin() {
	r.warn("tokenizer", "%v; prompts are made and cut with the small tokenizer inside, so their lengths differ from those asked", r.remote.missing)
}

// build makes the workload and its due times.
func (r *serveRun) build(ctx context.Context) error {
	var err error
	if r.randoms, err = workload.NewRandoms(r.plan.Seed); err != nil {
		return usage(err)
	}
	c := workload.Config{Plan: &r.plan, Randoms: r.randoms}
	if r.tokenizer != nil {
		c.Tokenizer = r.tokenizer
	}
	if r.plan.Workload.Path != "" {
		if c.Data, err = dataset.Open(r.plan.Workload.Path); err != nil {
			return usage(err)
		}
		defer c.Data.Close()
	}
	if c.Template, err = r.template(); err != nil {
		return err
	}
	if r.set, err = workload.Build(ctx, c); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return usage(err)
	}
	if r.set.Timed && r.plan.Schedule.SelfTimed {
		r.due = schedule.FromTimes(r.set.Times(), false)
		return nil
	}
	r.due, err = schedule.Offsets(r.plan.Schedule, len(r.set.Items), r.randoms.Np)
	return usage(err)
}

// template renders the model's chat template; nil where it has none.
func (r *serveRun) template() (workload.Template, error) {
	w := &r.plan.Workload
	if w.Dataset != "custom" && w.Dataset != "sonnet" || w.SkipChat || r.folder == "" {
		return nil, nil
	}
	t, err := template.Load(r.folder)
	if errors.Is(err, template.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, failf(ExitUsage, "add --skip-chat-template to send the prompts as they are", "chat template: %w", err)
	}
	kwargs, err := template.Kwargs(w.ChatKwargs)
	if err != nil {
		return nil, usagef("", "--chat-template-kwargs: %w", err)
	}
	return func(user string) (string, error) {
		return t.Render([]template.Message{{Role: "user", Content: user}}, true, kwargs)
	}, nil
}

// align cuts prompts that the server's tokenizer makes longer than asked.
func (r *serveRun) align(ctx context.Context) error {
	if !workload.Aligns(r.plan.Workload.Dataset) || r.away != nil || r.tokenizer == nil {
		return nil
	}
	var asked int
	if len(r.set.Items) > 0 {
		asked = r.set.Items[0].PromptLen
	}
	a, err := workload.Align(ctx, r.set, alignRemote{r})
	if err != nil {
		return err
	}
	switch {
	case !r.plan.CompatVLLM():
	case a.Missing:
		r.say("WARNING: /tokenize unavailable, skipping alignment.")
	case a.Warning != "":
		r.say("WARNING: tokenizer mismatch (server=%d, expected=%d), re-aligning prompts.", a.First, asked)
	}
	if a.Warning != "" {
		r.warn("alignment", "%s", a.Warning)
	}
	return nil
}

// saveRequests writes the workload where --save-requests says.
func (r *serveRun) saveRequests() error {
	path := r.opts.SaveRequests
	if path == "" {
		return nil
	}
	err := atomicfile.Write(path, func(w io.Writer) error { return workload.Save(w, r.set.Items, r.due) })
	if err != nil {
		return failf(ExitFailed, "", "--save-requests: %w", err)
	}
	r.sayBeside("Requests saved to %s", path)
	return nil
}

// span is how long the sending takes by the schedule; 0 where all go at once.
func (r *serveRun) span() time.Duration {
	if len(r.due) == 0 {
		return 0
	}
	return r.due[len(r.due)-1]
}

// rateText is a rate as Python prints it.
func rateText(x plan.Float) string {
	return python.Float(float64(x))
}
