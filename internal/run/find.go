package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"tokmeter/internal/dataset"
	"tokmeter/internal/hub"
	"tokmeter/internal/plan"
	"tokmeter/internal/template"
	"tokmeter/internal/tokenize"
	"tokmeter/internal/workload"
)

// Resolved is what a run found out about its plan. A field that is "" leaves
// what the plan says.
type Resolved struct {
	Dataset     string // path of the dataset's file
	BaseURL     string // of the simulator that was started
	Model       string // the name of the server's model
	ServedModel string // its name in requests
	Client      string // the HTTP client, where the plan's can't reach the server
}

// Plan is p with what was found out in it.
func (r Resolved) Plan(p plan.Plan) plan.Plan {
	for _, x := range []struct {
		into *string
		with string
	}{
		{&p.Workload.Path, r.Dataset}, {&p.Target.BaseURL, r.BaseURL}, {&p.Target.Model, r.Model},
		{&p.Target.ServedModel, r.ServedModel}, {&p.Target.Client, r.Client},
	} {
		if x.with != "" {
			*x.into = x.with
		}
	}
	return p
}

// found is what a plan names and this machine has.
type found struct {
	dataset string // path of a dataset's file that the plan leaves open; "" where it does not
	engine  Engine // that is simulated; nil for a real server
}

// plan is p with the dataset's file in it.
func (f found) plan(p plan.Plan) plan.Plan { return Resolved{Dataset: f.dataset}.Plan(p) }

// find looks for the dataset's file and for the engine to simulate.
func (j *job) find(ctx context.Context) (f found, err error) {
	if w := &j.plan.Workload; w.Dataset == "sharegpt" && w.Path == "" {
		f.dataset, err = j.world.Hub.Dataset(ctx, hub.ShareGPTDataset, hub.ShareGPTFile)
		if ctx.Err() != nil {
			return f, context.Cause(ctx)
		}
		if err != nil && (j.plan.CompatVLLM() || !j.plan.Target.Simulated) {
			return f, failf(Usage, "or give a file with --dataset-path, or "+dataset.SamplePath+", which is inside", "dataset sharegpt: %w", err)
		}
		if err != nil {
			f.dataset = dataset.SamplePath
			j.doubt("sample", "dataset sharegpt is not at hand (%v): the sample inside tokmeter takes its place, %s; --dataset-path names a file", err, dataset.SamplePath)
		}
	}
	if !j.plan.Target.Simulated {
		return f, nil
	}
	if j.world.Engine == nil {
		return f, failf(Usage, "", "--simulate: there is no simulator here")
	}
	f.engine, err = j.world.Engine(ctx, j.plan.Target.Simulate)
	if ctx.Err() != nil {
		return f, context.Cause(ctx)
	}
	return f, usage(err)
}

// A Tokenizer cuts texts into tokens as a model does.
type Tokenizer struct {
	Tokens *tokenize.Tokenizer
	Folder string // of its files, a chat template perhaps among them; "" for the small one inside
}

// tokens is the tokenizer of a run. The zero value is that of a run without any.
type tokens struct {
	Tokenizer
	missing error // why the model's own is not here and the server is to be asked; nil where it is not to be
}

// local is the tokenizer as a workload takes it; nil where there is none.
func (t tokens) local() workload.Tokenizer {
	if t.Tokens == nil {
		return nil
	}
	return t.Tokens
}

// inside is the small tokenizer of the binary.
func inside() Tokenizer { return Tokenizer{Tokens: tokenize.Builtin()} }

// findTokenizer looks for the tokenizer of a model. A run whose tokenizer is not
// at hand goes on with the server's own, or with the one inside.
func (j *job) findTokenizer(ctx context.Context, f found, model string) (tokens, error) {
	w := &j.plan.Workload
	name := w.Tokenizer
	if name == "" {
		name = model
	}
	switch {
	case w.SkipTokenizer:
		return tokens{}, nil
	case w.Tokenizer == "" && f.engine != nil:
		if t := j.world.Tokenizer; t != nil {
			return tokens{Tokenizer: *t}, nil
		}
		return tokens{Tokenizer: SimulatedTokenizer(ctx, j.world, f.engine)}, nil
	case name == "":
		j.doubt("tokenizer", "no model and no tokenizer given: prompts are made and cut with the small tokenizer inside (give one with --tokenizer)")
		return tokens{Tokenizer: inside()}, nil
	}
	if w.Tokenizer == "" && isFile(name) {
		return tokens{Tokenizer: inside(), missing: fmt.Errorf("the model %s is a file and no tokenizer (name one with --tokenizer)", name)}, nil
	}
	t, err := LoadTokenizer(ctx, j.world.Hub, name)
	switch {
	case ctx.Err() != nil:
		return tokens{}, context.Cause(ctx)
	case err == nil:
		return tokens{Tokenizer: t}, nil
	case w.Tokenizer != "":
		return tokens{}, failf(Usage, "", "--tokenizer: %w", err)
	case w.Dataset == "requests":
		return tokens{Tokenizer: inside()}, nil
	}
	return tokens{Tokenizer: inside(), missing: err}, nil
}

// LoadTokenizer reads a tokenizer that is a file, a folder, or a model's of the
// hub.
func LoadTokenizer(ctx context.Context, h *hub.Hub, name string) (Tokenizer, error) {
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		if !info.Mode().IsRegular() || info.Size() > maxTokenizer {
			return Tokenizer{}, fmt.Errorf("%s is no tokenizer.json: want a file of at most %d MiB", name, maxTokenizer>>20)
		}
		t, err := tokenize.Load(name)
		return Tokenizer{t, filepath.Dir(name)}, err
	}
	beside := append(tokenize.Files(), template.Files()...)
	slices.Sort(beside)
	dir, err := h.Model(ctx, name, []string{tokenizerFile}, slices.Compact(beside))
	if err != nil {
		return Tokenizer{}, err
	}
	t, err := tokenize.Load(dir)
	return Tokenizer{t, dir}, err
}

// maxTokenizer is how many bytes a tokenizer.json may have: the largest of models
// that are served have a few dozen million.
const maxTokenizer = 512 << 20

// tokenizerFile is what a model's folder has its tokenizer in.
const tokenizerFile = "tokenizer.json"

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// HasTokenizer reports whether a folder has a model's tokenizer.
func HasTokenizer(folder string) bool {
	return folder != "" && isFile(filepath.Join(folder, tokenizerFile))
}

// template renders the chat template of a model; nil where it has none.
func (t tokens) template(p plan.Plan) (workload.Template, error) {
	w := &p.Workload
	if w.Dataset != "custom" && w.Dataset != "sonnet" || w.SkipChat || t.Folder == "" {
		return nil, nil
	}
	chat, err := template.Load(t.Folder)
	if errors.Is(err, template.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, failf(Usage, "add --skip-chat-template to send the prompts as they are", "chat template: %w", err)
	}
	kwargs, err := template.Kwargs(w.ChatKwargs)
	if err != nil {
		return nil, failf(Usage, "", "--chat-template-kwargs: %w", err)
	}
	return func(user string) (string, error) {
		return chat.Render([]template.Message{{Role: "user", Content: user}}, true, kwargs)
	}, nil
}
