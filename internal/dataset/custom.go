package dataset

// A Prompt is one line of a custom dataset.
type Prompt struct {
	Text string
	Line int // its number in the file

	output field
}

const customHint = `want {"prompt": "…"} or {"prompt": "…", "output_tokens": 10} on each line`

// ReadCustom reads a custom dataset: one JSON object a line, with "prompt" and
// perhaps "output_tokens". The prompts are kept in memory.
func ReadCustom(in *Input) ([]Prompt, error) {
	var ps []Prompt
	err := in.eachObject(`{"prompt": "…"}`, func(n int, m map[string]field) error {
		p, ok := m["prompt"]
		if !ok {
			return in.fail(lineAt(n), customHint, "there is no \"prompt\", only %s", listed(keys(m)))
		}
		if p.kind != "a string" {
			return in.fail(lineAt(n), customHint, "\"prompt\" is %s, want a string", p.kind)
		}
		ps = append(ps, Prompt{Text: p.text, Line: n, output: m["output_tokens"]})
		return nil
	})
	if err == nil && len(ps) == 0 {
		err = in.fail("", customHint, "the file is empty")
	}
	return ps, err
}

// OutputTokens returns the line's own output length in tokens. That it has none
// that is a whole number is an error.
func (p Prompt) OutputTokens(in *Input) (int, error) {
	const hint = "give every line one, or use --custom-output-len"
	if p.output.kind == "" {
		return 0, in.fail(lineAt(p.Line), hint, "there is no \"output_tokens\"")
	}
	n, ok := p.output.int()
	if !ok {
		return 0, in.fail(lineAt(p.Line), hint, "\"output_tokens\" is %s, want a whole number", p.output.shown())
	}
	if n < 1 {
		return 0, in.fail(lineAt(p.Line), hint, "\"output_tokens\" is %d, want 1 or more", n)
	}
	return n, nil
}
