package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"tokmeter/internal/run"
	"tokmeter/internal/sim"
	"tokmeter/internal/template"
)

// simTokenizer finds the tokenizer that --tokenizer names, or the one beside
// the model's configuration.
func (c *Call) simTokenizer(ctx context.Context, env *Env, o *sim.Options) error {
	name := c.Values.text("tokenizer")
	if name == "" {
		if run.HasTokenizer(o.Setup.Model) {
			name = o.Setup.Model
		}
	}
	if name == "" {
		return nil
	}
	tok, err := run.LoadTokenizer(ctx, env.hub(), name)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return failf(ExitUsage, "", "--tokenizer: %w", err)
	}
	o.Tokenizer, o.TokenizerName = tok.Tokens, name
	if t, err := template.Load(tok.Folder); err == nil {
		o.Template = t
	} else if !errors.Is(err, template.ErrNone) {
		return failf(ExitUsage, "", "chat template of %s: %w", tok.Folder, err)
	}
	return nil
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
