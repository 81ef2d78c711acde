package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tokmeter/internal/python"
)

// Files are the names, in the folder of a tokenizer, that Load reads where they
// are there.
func Files() []string {
	return []string{"tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json"}
}

// Load reads the chat template of the tokenizer in dir: the file
// chat_template.jinja and those in additional_chat_templates, else chat_template
// in tokenizer_config.json (one text, or a list of name and template). It
// returns ErrNone where there is none; any other error names the file.
func Load(dir string) (*Template, error) {
	raw, err := read(dir, "tokenizer_config.json")
	if err != nil {
		return nil, err
	}
	c, err := parseConfig(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "tokenizer_config.json"), err)
	}
	if c.legacy {
		raw, err := read(dir, "special_tokens_map.json")
		if err != nil {
			return nil, err
		}
		if err := c.addSpecial(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "special_tokens_map.json"), err)
		}
	}
	files, err := templateFiles(dir)
	if err != nil {
		return nil, err
	}
	if len(files) > 0 {
		c.templates = files
	}
	if len(c.templates) == 0 {
		return nil, ErrNone
	}
	t, err := parseAll(c.templates, c.special)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return t, nil
}

// read reads a file that may be missing.
func read(dir, name string) ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// templateFiles reads the templates that lie in files of their own.
func templateFiles(dir string) (map[string]string, error) {
	paths, err := filepath.Glob(filepath.Join(escapeGlob(dir), "additional_chat_templates", "*.jinja"))
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, p := range paths {
		raw, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		out[strings.TrimSuffix(filepath.Base(p), ".jinja")] = string(raw)
	}
	raw, err := read(dir, "chat_template.jinja")
	if err != nil {
		return nil, err
	}
	if raw != nil {
		out["default"] = string(raw)
	}
	return out, nil
}

// escapeGlob makes a folder's name mean itself in a pattern.
func escapeGlob(dir string) string {
	if filepath.Separator == '\\' {
		return dir // there a pattern knows no escapes, and names have no stars
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// config is what a tokenizer's configuration says about chat templates.
type config struct {
	templates map[string]string
	special   map[string]string
	legacy    bool // special_tokens_map.json is read too, as transformers does
}

// specialNames are the tokens that transformers gives to a template.
func specialNames() []string {
	return []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}
}

// parseConfig reads a tokenizer_config.json; empty means a file that is not
// there.
func parseConfig(raw []byte) (config, error) {
	c := config{special: map[string]string{}, legacy: true}
	if len(raw) == 0 {
		return c, nil
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(python.StrictJSON(raw), &doc); err != nil {
		return c, err
	}
	_, modern := doc["added_tokens_decoder"]
	c.legacy = !modern
	c.special = specialTokens(doc)
	var err error
	c.templates, err = parseTemplates(doc["chat_template"])
	return c, err
}

// addSpecial reads a special_tokens_map.json, whose tokens win.
func (c *config) addSpecial(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(python.StrictJSON(raw), &doc); err != nil {
		return err
	}
	for name, token := range specialTokens(doc) {
		c.special[name] = token
	}
	return nil
}

// specialTokens finds the named tokens, written as text or as an object with
// content.
func specialTokens(doc map[string]json.RawMessage) map[string]string {
	out := map[string]string{}
	for _, name := range specialNames() {
		var text *string
		var object struct{ Content *string }
		if json.Unmarshal(doc[name], &text) != nil && json.Unmarshal(doc[name], &object) == nil {
			text = object.Content
		}
		if text != nil {
			out[name] = *text
		}
	}
	return out
}

// parseTemplates reads the value of chat_template.
func parseTemplates(raw json.RawMessage) (map[string]string, error) {
	var one *string
	var named []struct{ Name, Template *string }
	var byName map[string]string
	switch {
	case raw == nil:
		return nil, nil
	case json.Unmarshal(raw, &one) == nil:
		if one == nil {
			return nil, nil
		}
		return map[string]string{"default": *one}, nil
	case json.Unmarshal(raw, &byName) == nil:
		return byName, nil
	case json.Unmarshal(raw, &named) != nil:
		return nil, errors.New("chat_template: want a text, or a list of objects with name and template")
	}
	out := map[string]string{}
	for i, n := range named {
		if n.Name == nil || n.Template == nil {
			return nil, fmt.Errorf("chat_template: entry %d: want name and template", i)
		}
		out[*n.Name] = *n.Template
	}
	return out, nil
}
