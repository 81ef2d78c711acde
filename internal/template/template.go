// Package template renders the chat template that lies beside a tokenizer, as
// transformers' apply_chat_template does with tokenize=False: the text that a
// model is given for a list of messages.
//
// It promises transformers' choice among several templates and its variables:
// messages, tools, documents, add_generation_prompt and the special tokens such
// as bos_token; the language itself is the package jinja below this one. It never
// guesses: a folder without a template is ErrNone, and a template that can't be
// compiled or rendered is an error with what is wrong.
package template

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tokmeter/internal/template/jinja"
)

// ErrNone says that a tokenizer has no chat template.
var ErrNone = errors.New("the tokenizer has no chat template: send prompts as they are with --skip-chat-template, or use the backend openai-chat")

// A Message is one turn of a conversation.
type Message struct {
	Role    string // system, user or assistant
	Content string
}

// A Template is a chat template ready to be rendered. It may be used by several
// goroutines.
type Template struct {
	source  map[string]string // by name; "default" is what is used without tools
	special map[string]string // bos_token and its like
	parsed  map[string]*jinja.Template

	// Now is the clock behind strftime_now; nil means time.Now.
	Now func() time.Time
}

// Parse makes a template from its source. special holds the special tokens that
// it may name, such as bos_token.
func Parse(source string, special map[string]string) (*Template, error) {
	return parseAll(map[string]string{"default": source}, special)
}

func parseAll(source, special map[string]string) (*Template, error) {
	t := &Template{source: source, special: special, parsed: map[string]*jinja.Template{}}
	for name, s := range source {
		p, err := jinja.Compile(s)
		if err != nil {
			return nil, fmt.Errorf("chat template %q: %w", name, err)
		}
		t.parsed[name] = p
	}
	return t, nil
}

// Render gives the text for a conversation. With addGeneration it ends where the
// assistant's answer begins. kwargs are further variables of the template, as
// Kwargs reads them; they win over special tokens. The error carries what the
// template raised.
func (t *Template) Render(messages []Message, addGeneration bool, kwargs map[string]any) (string, error) {
	if len(messages) == 0 {
		return "", errors.New("chat template: a conversation needs at least one message")
	}
	p, err := t.pick(kwargs["tools"] != nil)
	if err != nil {
		return "", err
	}
	vars := map[string]any{"messages": conversation(messages), "tools": nil, "documents": nil}
	for name, token := range t.special {
		vars[name] = token
	}
	for name, v := range kwargs {
		if err := checkKwarg(name); err != nil {
			return "", err
		}
		vars[name] = v
	}
	vars["add_generation_prompt"] = addGeneration
	now := t.Now
	if now == nil {
		now = time.Now
	}
	text, err := p.Render(vars, now)
	if err != nil {
		return "", fmt.Errorf("chat template: %w", err)
	}
	most := mostAround
	for _, m := range messages {
		most += mostTimes * len(m.Content)
	}
	if len(text) > most {
		return "", fmt.Errorf("chat template: it makes %d bytes of a conversation for which %d are the most: it is broken or hostile", len(text), most)
	}
	return text, nil
}

// What a template may make of a conversation: every prompt of a run is kept, so
// that a template which repeats a text without need fills the memory.
const (
	mostAround = 4 << 20 // bytes around the contents
	mostTimes  = 16      // bytes for each byte of the contents
)

// pick chooses among several templates as transformers does.
func (t *Template) pick(tools bool) (*jinja.Template, error) {
	if p := t.parsed["tool_use"]; p != nil && tools {
		return p, nil
	}
	if p := t.parsed["default"]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("chat template: none of the tokenizer's templates is called default (there are %s): "+
		"send prompts as they are with --skip-chat-template", strings.Join(slices.Sorted(maps.Keys(t.source)), ", "))
}

func conversation(messages []Message) []any {
	out := make([]any, len(messages))
	for i, m := range messages {
		d := jinja.NewDict()
		d.Set("role", m.Role)
		d.Set("content", m.Content)
		out[i] = d
	}
	return out
}
