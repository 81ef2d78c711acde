package text

import "encoding/json"

// A Wish is the part of a request's body that asks for an answer of a certain
// form. The fields are as they stand in the body.
type Wish struct {
	Tools             json.RawMessage `json:"tools"`
	ToolChoice        json.RawMessage `json:"tool_choice"`
	ParallelToolCalls *bool           `json:"parallel_tool_calls"`
	ResponseFormat    json.RawMessage `json:"response_format"`
	StructuredOutputs json.RawMessage `json:"structured_outputs"`
	Text              json.RawMessage `json:"text"` // of /v1/responses: {"format":…}
}

// A Form is a Wish that was read and can be granted.
type Form struct{}

// Form reads the wish. It is nil where prose is wanted. Errors are one line for
// the user of the API, fit for a status 400.
func (w Wish) Form() (*Form, error) { return nil, nil }

// Calls reports whether an answer in this form may be a tool call.
func (f *Form) Calls() bool { return false }

// Script writes the text that one sequence says. auto is the probability that a
// tool is called where the model may choose; the Script is nil where it chooses
// prose.
func (f *Form) Script(v *Voice, seed, prompt uint64, index int, auto float64) (*Script, error) {
	return nil, nil
}
