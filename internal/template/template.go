// Package template renders the chat template that lies beside a tokenizer, as
// transformers' apply_chat_template does with tokenize=False: the text that a
// model is given for a list of messages.
//
// It promises transformers' settings of Jinja (trim_blocks, lstrip_blocks), its
// variables (messages, tools, documents, add_generation_prompt, the special
// tokens such as bos_token) and functions (raise_exception, strftime_now, tojson
// without ASCII escapes). It never guesses: a folder without a template is
// ErrNone, and a template that can't be compiled or rendered is an error with
// what Jinja says. A template comes from elsewhere and may be hostile: it can
// neither reach files nor crash the program, but it may take time.
package template

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ardanlabs/jinja"
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
		p, err := compile(s)
		if err != nil {
			return nil, fmt.Errorf("chat template %q: %w", name, err)
		}
		t.parsed[name] = p
	}
	return t, nil
}

// maxSource bounds a template, in bytes; real ones have up to a few ten thousand.
const maxSource = 1 << 20

func compile(source string) (p *jinja.Template, err error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("%d bytes are more than a template may have (%d)", len(source), maxSource)
	}
	if err := checkDepth(source); err != nil {
		return nil, err
	}
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("it can't be compiled: %v", r)
		}
	}()
	return jinja.Compile(normalize(source))
}

// normalize does to a source what Jinja does before it reads it: all line ends
// become \n, and one at the very end is dropped.
func normalize(source string) string {
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	return strings.TrimSuffix(source, "\n")
}

// checkDepth refuses a source with so many brackets open at once that reading it
// would use up the stack.
func checkDepth(source string) error {
	depth, deepest := 0, 0
	for i := 0; i < len(source); i++ {
		switch source[i] {
		case '(', '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ')', ']', '}':
			depth = max(depth-1, 0)
		}
	}
	if deepest > maxDepth {
		return fmt.Errorf("nested more than %d deep", maxDepth)
	}
	return nil
}

// Render gives the text for a conversation. With addGeneration it ends where the
// assistant's answer begins. kwargs are further variables of the template, as
// Kwargs reads them; they win over special tokens. The error carries what the
// template raised.
func (t *Template) Render(messages []Message, addGeneration bool, kwargs map[string]any) (text string, err error) {
	if len(messages) == 0 {
		return "", errors.New("chat template: a conversation needs at least one message")
	}
	p, err := t.pick(kwargs["tools"] != nil)
	if err != nil {
		return "", err
	}
	data := map[string]jinja.Value{
		"messages":     conversation(messages),
		"tools":        jinja.None(),
		"documents":    jinja.None(),
		"strftime_now": jinja.NewCallable("strftime_now", t.strftimeNow),
	}
	for name, token := range t.special {
		data[name] = jinja.NewString(token)
	}
	for name, v := range kwargs {
		if err := checkKwarg(name); err != nil {
			return "", err
		}
		data[name] = value(v)
	}
	data["add_generation_prompt"] = jinja.NewBool(addGeneration)
	defer func() {
		if r := recover(); r != nil {
			text, err = "", fmt.Errorf("chat template: it can't be rendered: %v", r)
		}
	}()
	if text, err = p.RenderValues(data); err != nil {
		return "", fmt.Errorf("chat template: %w", err)
	}
	return text, nil
}

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

func conversation(messages []Message) jinja.Value {
	items := make([]jinja.Value, len(messages))
	for i, m := range messages {
		d := jinja.NewDict()
		d.AsDict().Set("role", jinja.NewString(m.Role))
		d.AsDict().Set("content", jinja.NewString(m.Content))
		items[i] = d
	}
	return jinja.NewList(items)
}

func value(v any) jinja.Value {
	if v, ok := v.(jinja.Value); ok {
		return v
	}
	return jinja.FromGoValue(v)
}

func (t *Template) strftimeNow(args []jinja.Value, _ map[string]jinja.Value) (jinja.Value, error) {
	if len(args) != 1 || !args[0].IsString() {
		return jinja.Undefined(), errors.New("strftime_now: want one format")
	}
	now := time.Now
	if t.Now != nil {
		now = t.Now
	}
	return jinja.NewString(strftime(now(), args[0].AsString())), nil
}
