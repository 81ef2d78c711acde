package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tokmeter/internal/hub"
	"tokmeter/internal/sim"
	"tokmeter/internal/template"
	"tokmeter/internal/tokenize"
)

// simTokenizer finds the tokenizer that --tokenizer names, or the one beside
// the model's configuration.
func (c *command) simTokenizer(ctx context.Context, env *Env, o *sim.Options) error {
	name := c.values.text("tokenizer")
	if name == "" {
		name = folderWithTokenizer(o.Setup.Model)
	}
	if name == "" {
		return nil
	}
	tok, dir, err := loadTokenizer(ctx, simHub(env), name)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return failf(ExitUsage, "", "--tokenizer: %w", err)
	}
	o.Tokenizer, o.TokenizerName = tok, name
	if t, err := template.Load(dir); err == nil {
		o.Template = t
	} else if !errors.Is(err, template.ErrNone) {
		return failf(ExitUsage, "", "chat template of %s: %w", dir, err)
	}
	return nil
}

// folderWithTokenizer is a model's folder if it has a tokenizer, else "".
func folderWithTokenizer(model string) string {
	if info, err := os.Stat(filepath.Join(model, "tokenizer.json")); model != "" && err == nil && info.Mode().IsRegular() {
		return model
	}
	return ""
}

// loadTokenizer reads a tokenizer that is a file, a folder, or a model's of the
// hub, and names its folder.
func loadTokenizer(ctx context.Context, h *hub.Hub, name string) (*tokenize.Tokenizer, string, error) {
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
		tok, err := tokenize.Load(name)
		return tok, filepath.Dir(name), err
	}
	dir, err := h.Model(ctx, name, []string{"tokenizer.json"}, besideTokenizer())
	if err != nil {
		return nil, "", err
	}
	tok, err := tokenize.Load(dir)
	return tok, dir, err
}

// simHub finds models for the simulator.
func simHub(env *Env) *hub.Hub {
	r := &serveRun{env: env}
	return r.hub()
}

// adapterJSON reads an adapter that is written as vLLM's JSON.
func adapterJSON(word string) (sim.Adapter, error) {
	var a struct {
		Name string `json:"name"`
		Path string `json:"path"`
	}
	if err := json.Unmarshal([]byte(word), &a); err != nil || strings.TrimSpace(a.Name) == "" {
		return sim.Adapter{}, fmt.Errorf("%q is no object with a name and a path", shorten(word))
	}
	return sim.Adapter{Name: a.Name, Path: a.Path}, nil
}
