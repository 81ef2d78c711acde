package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tokmeter/internal/model/light"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

// groupLimit is the group of the flags that name the card under a server.
const groupLimit = "speed of light options"

// limitFlags name the card and the model whose limit a run is compared with.
func limitFlags() table {
	g := groupLimit
	return table{
		{Name: "gpu", Group: g, Origin: own, Meta: "CARD", Help: "Card that the server runs on: a name of tokmeter sim hardware, or a YAML file. The result then tells what the card allows at least."},
		{Name: "model-config", Group: g, Origin: own, Meta: "PATH", Help: "Shapes of the model: a folder with config.json, that file, or a name of tokmeter sim models. Where it is not given, --model is looked for there and on the hub."},
		{Name: "precision", Group: g, Origin: own, Choices: precisions(), Meta: "FORMAT", Help: "Format of the weights. Where it is not given, the model's own."},
		{Name: "kv-cache-dtype", Group: g, Origin: own, Default: "auto", Choices: []string{"auto", "float16", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"}, Meta: "TYPE", Help: "Format of the KV cache."},
		{Name: "tensor-parallel-size", Short: "tp", Group: g, Kind: integer, Origin: own, Default: "1", Help: "Cards that a layer is cut over."},
	}
}

// limit reads the flags of limitFlags; notes are for the user.
func (b *serveBuilder) limit() (l light.Subject, notes []string, err error) {
	tp := b.integer("tensor-parallel-size")
	precision, err := roofline.NamePrecision(b.text("precision"))
	if err != nil {
		return l, nil, fmt.Errorf("--precision: %w", err)
	}
	l = light.Subject{
		Setup: setup.Setup{
			Model: b.text("model-config"), GPU: b.text("gpu"), Precision: precision,
			KV: kvFormat(b.text("kv-cache-dtype")), TP: tp,
		},
		Named: b.given("gpu"),
	}
	switch {
	case tp < 1:
		err = fmt.Errorf("--tensor-parallel-size: want at least 1, got %d", tp)
	case l.Named && l.Setup.GPU == "":
		err = errors.New("--gpu: the name is empty: tokmeter sim hardware lists them")
	case !l.Named && (b.given("tensor-parallel-size") || b.given("kv-cache-dtype")):
		notes = append(notes, "--tensor-parallel-size and --kv-cache-dtype say nothing without --gpu")
	case l.Named && b.given("compat"):
		notes = append(notes, "--gpu adds nothing under --compat vllm")
	}
	return l, notes, err
}

// keptLimit is what the run directory has of l, with whole paths: the report may
// be read from elsewhere.
func keptLimit(l light.Subject) json.RawMessage {
	for _, path := range []*string{&l.Setup.Model, &l.Setup.GPU} {
		if _, err := os.Stat(*path); err != nil {
			continue
		}
		if whole, err := filepath.Abs(*path); err == nil {
			*path = whole
		}
	}
	raw, err := json.Marshal(l)
	if err != nil {
		return nil // names and numbers alone
	}
	return raw
}

// findLimit finds the card and the model of the limit before a request is sent.
// Where no model is named it waits until the server has named one.
func (r *serveRun) findLimit(ctx context.Context) error {
	if r.kept != nil || r.plan.CompatVLLM() {
		return nil
	}
	p := r.opts.Limit
	if r.built != nil && !p.Named {
		p = light.Subject{Setup: r.simulate.Setup, Named: true}
	}
	if p.Setup.Model == "" {
		p.Setup.Model = r.plan.Target.Model
		if r.built != nil {
			p.Setup.Model = r.simulate.Setup.Model
		}
	}
	if p.Setup.Model == "" {
		return nil // meetServer will name it
	}
	found, err := p.Find()
	if err != nil {
		if dir := r.configFolder(ctx, p); dir != "" {
			p.Setup.Model = dir
			found, err = p.Find()
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err == nil {
		if found.Known() {
			r.kept = keptLimit(p)
		}
		return nil
	}
	if p.Named {
		return failf(ExitUsage, "--gpu needs a card and the model's shapes: --model-config takes a folder with config.json or a name of tokmeter sim models", "%w", asLines(err))
	}
	return nil
}

// configFolder looks for the model's config.json: beside its tokenizer, in the
// cache and, where a card was named, on the hub. It is "" where there is none.
func (r *serveRun) configFolder(ctx context.Context, p light.Subject) string {
	if r.opts.Limit.Setup.Model != "" {
		return "" // the user said where it is
	}
	if r.folder != "" && r.plan.Workload.Tokenizer == "" {
		if _, err := os.Stat(filepath.Join(r.folder, configFile)); err == nil {
			return r.folder
		}
	}
	h := r.hub()
	if !p.Named {
		h.Offline = true
	}
	dir, err := h.Model(ctx, p.Setup.Model, []string{configFile}, nil)
	if err != nil {
		return ""
	}
	return dir
}

// configFile has the shapes of a model.
const configFile = "config.json"
