package run

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"tokmeter/internal/model/light"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/plan"
)

// subject is whose speed of light a run is compared with, by the plan and by the
// simulated engine.
func subject(l plan.Light, e Engine) light.Subject {
	y := light.Subject{
		Setup: setup.Setup{Model: l.Model, GPU: l.GPU, Precision: l.Precision, KV: l.KVCache, TP: l.TP},
		Named: l.GPU != "",
	}
	if y.Setup.KV == "" {
		y.Setup.KV = "auto"
	}
	if y.Setup.TP == 0 {
		y.Setup.TP = 1
	}
	if e == nil || e.Setup() == nil {
		return y
	}
	if !y.Named {
		return light.Subject{Setup: *e.Setup(), Named: true}
	}
	return ofEngine(y, *e.Setup(), l)
}

// ofEngine fills in what the plan leaves out by the simulated engine: all of its
// settings where the card is its own, else its model alone, for they follow from the
// card.
func ofEngine(y light.Subject, s setup.Setup, l plan.Light) light.Subject {
	if y.Setup.Model == "" {
		y.Setup.Model, y.Setup.Folder = s.Model, s.Folder
	}
	if s.GPU != l.GPU || y.Setup.Model != s.Model {
		return y
	}
	if l.Precision != "" {
		s.Precision = l.Precision
	}
	if l.KVCache != "" {
		s.KV = l.KVCache
	}
	if l.TP != 0 {
		s.TP = l.TP
	}
	y.Setup = s
	return y
}

// kept is a subject as run.json has it, with whole paths: a report may be read
// from another folder.
func kept(y *light.Subject) json.RawMessage {
	if y == nil {
		return nil
	}
	k := *y
	for _, path := range []*string{&k.Setup.Model, &k.Setup.Folder, &k.Setup.GPU} {
		if _, err := os.Stat(*path); err != nil {
			continue
		}
		if whole, err := filepath.Abs(*path); err == nil {
			*path = whole
		}
	}
	raw, err := json.Marshal(k)
	if err != nil {
		return nil // names and numbers alone
	}
	return raw
}

// findSubject finds card and model before a request is sent. It returns nil
// where nothing is known of them, and where no model is named so far.
func (j *job) findSubject(ctx context.Context, f found, t tokens, model string) (*light.Subject, error) {
	if j.plan.CompatVLLM() {
		return nil, nil
	}
	y := subject(j.plan.Light, f.engine)
	if y.Setup.Model == "" {
		y.Setup.Model = model
	}
	if y.Setup.Model == "" {
		return nil, nil // the server will name it
	}
	found, err := y.Find()
	if err != nil {
		if dir := j.configFolder(ctx, y, t); dir != "" {
			y.Setup.Model = dir
			found, err = y.Find()
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err == nil && found.Known():
		return &y, nil
	case err == nil:
		return nil, nil
	case y.Named:
		return nil, failf(Usage, "--gpu needs a card and the model's shapes: --model-config takes a folder with config.json or a name of tokmeter sim models", "%w", err)
	}
	return nil, nil
}

// configFile has the shapes of a model.
const configFile = "config.json"

// configFolder looks for the model's config.json: beside its tokenizer, in the
// cache and, where a card was named, on the hub. It is "" where there is none.
func (j *job) configFolder(ctx context.Context, y light.Subject, t tokens) string {
	if j.plan.Light.Model != "" {
		return "" // the user said where it is
	}
	if t.Folder != "" && j.plan.Workload.Tokenizer == "" && isFile(filepath.Join(t.Folder, configFile)) {
		return t.Folder
	}
	h := *j.world.Hub
	h.Offline = h.Offline || !y.Named
	dir, err := h.Model(ctx, y.Setup.Model, []string{configFile}, nil)
	if err != nil {
		return ""
	}
	return dir
}
