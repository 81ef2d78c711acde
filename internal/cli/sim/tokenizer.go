package sim

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/run"
	"tokmeter/internal/sim"
	"tokmeter/internal/template"
)

// findTokenizer finds the tokenizer that --tokenizer names, or the one beside
// the model's configuration.
func findTokenizer(c *shell.Call, ctx context.Context, env *shell.Env, o *sim.Options) error {
	name := c.Values.Text("tokenizer")
	if name == "" {
		if folder := cmp.Or(o.Setup.Folder, o.Setup.Model); run.HasTokenizer(folder) {
			name = folder
		}
	}
	if name == "" {
		return simTemplate(c, o)
	}
	tok, err := run.LoadTokenizer(ctx, env.Hub(), name)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return shell.Failf(shell.ExitUsage, "", "--tokenizer: %w", err)
	}
	o.Tokenizer, o.TokenizerName = tok.Tokens, name
	if t, err := template.Load(tok.Folder); err == nil {
		o.Template = t
	} else if !errors.Is(err, template.ErrNone) {
		return shell.Failf(shell.ExitUsage, "", "chat template of %s: %w", tok.Folder, err)
	}
	return simTemplate(c, o)
}

// simTemplate reads the chat template that --chat-template names or is.
func simTemplate(c *shell.Call, o *sim.Options) error {
	text := c.Values.Text("chat-template")
	if text == "" {
		return nil
	}
	if raw, err := os.ReadFile(text); err == nil {
		text = string(raw)
	} else if !strings.ContainsAny(text, "{}\n") {
		return shell.Failf(shell.ExitUsage, "", "--chat-template: %w", err)
	}
	t, err := template.Parse(text, nil)
	if err != nil {
		return shell.Failf(shell.ExitUsage, "", "--chat-template: %w", err)
	}
	o.Template = t
	return nil
}

// adapterJSON reads an adapter that is written as vLLM's JSON.
func adapterJSON(word string) (sim.Adapter, error) {
	var a struct {
		Name string `json:"name"`
		Path string `json:"path"`
	}
	if err := json.Unmarshal([]byte(word), &a); err != nil || strings.TrimSpace(a.Name) == "" {
		return sim.Adapter{}, fmt.Errorf("%q is no object with a name and a path", flags.Shorten(word))
	}
	return sim.Adapter{Name: a.Name, Path: a.Path}, nil
}
