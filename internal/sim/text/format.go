package text

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
)

// A refusal is an error in vLLM's own words.
type refusal string

func (r refusal) Error() string { return string(r) }

// A Wish is the part of a request's body that asks for an answer of a certain
// form. The fields are as they stand in the body.
type Wish struct {
	Tools             json.RawMessage `json:"tools"`
	ToolChoice        json.RawMessage `json:"tool_choice"`
	ParallelToolCalls *bool           `json:"parallel_tool_calls"`
	ResponseFormat    json.RawMessage `json:"response_format"`
	StructuredOutputs json.RawMessage `json:"structured_outputs"`
	Text              json.RawMessage `json:"text"` // of /v1/responses: {"format":…}
	GuidedJSON        json.RawMessage `json:"guided_json"`
	GuidedRegex       json.RawMessage `json:"guided_regex"`
	GuidedChoice      json.RawMessage `json:"guided_choice"`
	GuidedGrammar     json.RawMessage `json:"guided_grammar"`
}

// A choice says whether a tool is to be called.
type choice uint8

const (
	noTool   choice = iota
	auto            // the model may call one
	required        // it calls one
	named           // it calls the one that was named
)

// A tool is a function that may be called.
type tool struct {
	name   string
	schema *Schema // of its arguments
}

// A Form is a Wish that was read and can be granted.
type Form struct {
	tools    []tool // those that may be called
	choice   choice
	parallel bool

	object  bool // any JSON object
	schema  *Schema
	options []string
	pattern *pattern
	grammar *grammar
}

// maxTools bounds the tools of a request.
const maxTools = 256

// Form reads the wish. It is nil where prose is wanted. Errors are one line for
// the user of the API, fit for a status 400.
func (w Wish) Form() (*Form, error) {
	f := &Form{parallel: w.ParallelToolCalls == nil || *w.ParallelToolCalls}
	if err := f.readTools(w); err != nil {
		return nil, err
	}
	if err := f.readFormat(w.ResponseFormat, "response_format"); err != nil {
		return nil, err
	}
	if present(w.Text) {
		var t struct {
			Format json.RawMessage `json:"format"`
		}
		if err := json.Unmarshal(w.Text, &t); err == nil { // a completion's may be anything
			if err := f.readFormat(t.Format, "text.format"); err != nil {
				return nil, err
			}
		}
	}
	if err := f.readStructured(w.StructuredOutputs, "structured_outputs"); err != nil {
		return nil, err
	}
	if err := f.readGuided(w); err != nil {
		return nil, err
	}
	if f.choice == noTool && !f.formatted() {
		return nil, nil
	}
	return f, nil
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

func (f *Form) formatted() bool {
	return f.object || f.schema != nil || f.options != nil || f.pattern != nil || f.grammar != nil
}

func (f *Form) readTools(w Wish) error {
	type function struct {
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
	}
	var tools []struct {
		Type     string    `json:"type"`
		Function *function `json:"function"`
		function           // of /v1/responses
	}
	if present(w.Tools) {
		if err := json.Unmarshal(w.Tools, &tools); err != nil {
			return errors.New("tools: want a list of {\"type\": \"function\", \"function\": {\"name\": …, \"parameters\": …}}")
		}
	}
	var err error
	var name string
	if f.choice, name, err = readChoice(w.ToolChoice, len(tools) > 0); err != nil || f.choice == noTool {
		return err
	}
	if len(tools) > maxTools {
		return fmt.Errorf("tools: %d are too many, want at most %d", len(tools), maxTools)
	}
	for i, t := range tools {
		fn := t.function
		if t.Function != nil {
			fn = *t.Function
		}
		if t.Type != "function" || fn.Name == "" {
			return fmt.Errorf("tools[%d]: want a function with a name", i)
		}
		if f.choice == named && fn.Name != name {
			continue
		}
		if !present(fn.Parameters) {
			fn.Parameters = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		s, err := parseSchema(fn.Parameters)
		if err != nil {
			return fmt.Errorf("tools[%d].function.parameters: %w", i, err)
		}
		f.tools = append(f.tools, tool{fn.Name, s})
	}
	if len(f.tools) == 0 {
		return refusal("The tool specified in `tool_choice` does not match any of the specified `tools`")
	}
	return nil
}

func readChoice(raw json.RawMessage, tools bool) (c choice, name string, err error) {
	if !present(raw) {
		if tools {
			return auto, "", nil
		}
		return noTool, "", nil
	}
	var word string
	if json.Unmarshal(raw, &word) == nil {
		switch word {
		case "none":
			return noTool, "", nil
		case "auto":
			c = auto
		case "required":
			c = required
		default:
			return noTool, "", refusal(fmt.Sprintf("Invalid value for `tool_choice`: %.40s! Only named tools, \"none\", \"auto\" or \"required\" are supported.", word))
		}
	} else {
		var o struct {
			Name     string `json:"name"`
			Function struct {
				Name string `json:"name"`
			} `json:"function"`
		}
		if err := json.Unmarshal(raw, &o); err != nil || o.Name+o.Function.Name == "" {
			return noTool, "", refusal("Expected field `function` in `tool_choice`! Correct usage: `{\"type\": \"function\", \"function\": {\"name\": \"my_function\"}}`")
		}
		c, name = named, o.Function.Name
		if name == "" {
			name = o.Name
		}
	}
	if !tools {
		return noTool, "", refusal("When using `tool_choice`, `tools` must be set.")
	}
	return c, name, nil
}

func (f *Form) readFormat(raw json.RawMessage, at string) (err error) {
	if !present(raw) {
		return nil
	}
	var r struct {
		Type       string          `json:"type"`
		Schema     json.RawMessage `json:"schema"` // of /v1/responses
		JSONSchema struct {
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("%s: want an object with a type", at)
	}
	switch r.Type {
	case "", "text":
	case "json_object":
		f.object = true
	case "json_schema":
		schema := r.JSONSchema.Schema
		if !present(schema) {
			schema = r.Schema
		}
		if !present(schema) {
			return fmt.Errorf("%s: type json_schema needs the field json_schema with a schema", at)
		}
		if f.schema, err = parseSchema(schema); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	case "structural_tag":
		if f.grammar, err = newTag(raw); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	default:
		return fmt.Errorf("%s: the type %.40q is not known; want text, json_object, json_schema or structural_tag", at, r.Type)
	}
	return nil
}

// Calls reports whether an answer in this form may be a tool call.
func (f *Form) Calls() bool { return f.choice != noTool }

// Script writes the text that one sequence says. chance is the probability that
// a tool is called where the model may choose; the Script is nil where it
// chooses prose. Errors are one line, fit for a status 400.
func (f *Form) Script(v *Voice, seed, prompt uint64, index int, chance float64) (*Script, error) {
	rng := rand.New(rand.NewPCG(seed, mix(prompt^mix(uint64(index)+7))))
	if f.choice > auto || f.choice == auto && rng.Float64() < chance {
		return f.call(v, rng)
	}
	var text string
	switch {
	case f.options != nil:
		text = f.options[rng.IntN(len(f.options))]
	case f.pattern != nil:
		steps, ok := maxSteps, false
		if text, ok = f.pattern.make(rng, 0, &steps); !ok {
			return nil, errors.New("structured_outputs.regex: no text that matches was found; conditions such as \\b are seldom met")
		}
	case f.grammar != nil:
		var err error
		if text, err = f.grammar.make(rng); err != nil {
			return nil, fmt.Errorf("grammar: %w", err)
		}
	case f.schema != nil:
		out, err := f.schema.Make(rng)
		if err != nil {
			return nil, fmt.Errorf("json_schema: %w", err)
		}
		text = string(out)
	case f.object:
		m := maker{rng: rng, left: maxSize, steps: maxSteps}
		text = string(m.free(0).append(nil))
	default:
		return nil, nil
	}
	return newScript(v, text), nil
}

// call writes a call of one tool or, where they may be called at once, of several
// different ones. What the model says is what vLLM
// makes it say: the arguments alone for a named tool, a list of calls where one
// is required, and Hermes's marks where it chose by itself.
func (f *Form) call(v *Voice, rng *rand.Rand) (*Script, error) {
	count := 1
	if f.parallel && f.choice != named {
		for count < min(4, len(f.tools)) && rng.IntN(4) == 0 {
			count++
		}
	}
	order := rng.Perm(len(f.tools))
	var b strings.Builder
	var calls []call
	for i := range count {
		t := f.tools[order[i]]
		args, err := t.schema.Make(rng)
		if err != nil {
			return nil, fmt.Errorf("tool %.60q: %w", t.name, err)
		}
		name := string(appendString(nil, t.name))
		switch {
		case f.choice == named:
		case f.choice == auto && i == 0:
			b.WriteString("<tool_call>\n{\"name\": " + name + ", \"arguments\": ")
		case f.choice == auto:
			b.WriteString("\n<tool_call>\n{\"name\": " + name + ", \"arguments\": ")
		case i == 0:
			b.WriteString("[{\"name\": " + name + ", \"parameters\": ")
		default:
			b.WriteString(", {\"name\": " + name + ", \"parameters\": ")
		}
		c := call{id: fmt.Sprintf("chatcmpl-tool-%016x", rng.Uint64()), name: t.name, ready: b.Len(), from: b.Len()}
		b.Write(args)
		c.to = b.Len()
		calls = append(calls, c)
		switch {
		case f.choice == auto:
			b.WriteString("}\n</tool_call>")
		case f.choice == required && i == count-1:
			b.WriteString("}]")
		case f.choice == required:
			b.WriteString("}")
		}
	}
	s := newScript(v, b.String())
	s.calls = calls
	if f.choice != named {
		s.reason = "tool_calls"
	}
	return s, nil
}
