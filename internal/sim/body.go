package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"tokmeter/internal/sim/text"
)

// A body is what a request for an answer says. Fields that several endpoints
// name differently stand here under each name.
type body struct {
	Model    string          `json:"model"`
	Prompt   json.RawMessage `json:"prompt"`
	Messages json.RawMessage `json:"messages"`
	Input    json.RawMessage `json:"input"`
	// Instructions is the system message of /v1/responses.
	Instructions string `json:"instructions"`

	MaxTokens     *int       `json:"max_tokens"`
	MaxCompletion *int       `json:"max_completion_tokens"`
	MaxOutput     *int       `json:"max_output_tokens"`
	MinTokens     int        `json:"min_tokens"`
	N             *int       `json:"n"`
	Temperature   *float64   `json:"temperature"`
	TopP          *float64   `json:"top_p"`
	Seed          *int64     `json:"seed"`
	Stop          stopList   `json:"stop"`
	StopIDs       []int      `json:"stop_token_ids"`
	IncludeStop   bool       `json:"include_stop_str_in_output"`
	IgnoreEOS     bool       `json:"ignore_eos"`
	Echo          bool       `json:"echo"`
	Priority      int        `json:"priority"`
	CacheSalt     *string    `json:"cache_salt"`
	AddSpecial    *bool      `json:"add_special_tokens"`
	AddGeneration *bool      `json:"add_generation_prompt"`
	Kwargs        anyMap     `json:"chat_template_kwargs"`
	Store         *bool      `json:"store"`
	Background    bool       `json:"background"`
	Truncate      *int       `json:"truncate_prompt_tokens"`
	Side          string     `json:"truncation_side"`
	Logprobs      logprobs   `json:"logprobs"`
	TopLogprobs   *int       `json:"top_logprobs"`
	AsIDs         bool       `json:"return_tokens_as_token_ids"`
	ReturnIDs     bool       `json:"return_token_ids"`
	RequestID     string     `json:"request_id"`
	Stream        bool       `json:"stream"`
	StreamOptions *streamOpt `json:"stream_options"`
	Interval      *int       `json:"stream_interval"`
	Suffix        string     `json:"suffix"`
	Continue      bool       `json:"continue_final_message"`
	Include       []string   `json:"include"`
	Previous      string     `json:"previous_response_id"`
	text.Wish
}

type anyMap map[string]any

type streamOpt struct {
	Usage      bool `json:"include_usage"`
	Continuous bool `json:"continuous_usage_stats"`
}

// A stopList is a string or a list of them.
type stopList []string

// UnmarshalJSON reads either form.
func (s *stopList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		if string(data) != "null" {
			*s = stopList{one}
		}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(s))
}

// logprobs is a number of rows (completions) or a yes (chat).
type logprobs struct {
	on   bool
	rows int
	text string // what is no number
}

// UnmarshalJSON reads either form.
func (l *logprobs) UnmarshalJSON(data []byte) error {
	switch s := string(data); s {
	case "null":
	case "true", "false":
		l.on = s == "true"
	default:
		n, err := strconv.Atoi(s)
		if err != nil {
			l.text = strings.Trim(s, `"`)
		}
		l.on, l.rows = true, n
	}
	return nil
}

// readBody reads a request's body. The error is what vLLM says of it. As vLLM
// does, it takes numbers that stand in quotes and whole numbers with a fraction
// of nothing.
func readBody(data []byte) (*body, *apiError) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, wrong("missing", "body", "Field required", nil)
	}
	for range 8 { // fields that may be put right, and some more
		b := &body{}
		err := json.Unmarshal(data, b)
		if err == nil {
			return b, nil
		}
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		switch {
		case errors.As(err, &syntax):
			at := fmt.Sprintf("body.%d", syntax.Offset)
			return nil, &apiError{http.StatusBadRequest, "Bad Request", at, fmt.Sprintf(
				"1 validation error:\n  {'type': 'json_invalid', 'loc': '%s', 'msg': 'JSON decode error', 'input': '<dict of 0 items>', 'ctx': {'error': 'Expecting value'}}", at)}
		case !errors.As(err, &kind):
			return nil, badRequest("", "%v", err)
		}
		repaired, ok := repair(data, kind)
		if !ok {
			return nil, wrongType(data, kind)
		}
		data = repaired
	}
	return nil, badRequest("", "too many fields of another type than they have")
}

// repair writes a number as a number where it stands as text or with a useless
// fraction.
func repair(data []byte, e *json.UnmarshalTypeError) ([]byte, bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil || fields[e.Field] == nil {
		return nil, false
	}
	f, err := strconv.ParseFloat(strings.Trim(string(fields[e.Field]), `"`), 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, false
	}
	switch kind := e.Type.Kind(); {
	case kind == reflect.Float64:
		fields[e.Field] = strconv.AppendFloat(nil, f, 'g', -1, 64)
	case (kind == reflect.Int || kind == reflect.Int64) && f == math.Trunc(f) && math.Abs(f) < 1<<53:
		fields[e.Field] = strconv.AppendInt(nil, int64(f), 10)
	default:
		return nil, false
	}
	out, err := json.Marshal(fields)
	return out, err == nil
}

// wrong is vLLM's error for one field that is not as it must be.
func wrong(kind, loc, msg string, input json.RawMessage) *apiError {
	return invalid([]problem{{kind: kind, loc: loc, msg: msg, input: shown(input)}})
}

// missing is vLLM's error for a field that is not there.
func missing(data []byte, field string) *apiError {
	return wrong("missing", "body."+field, "Field required", data)
}

// wrongType is vLLM's error for a field of another type than it has.
func wrongType(data []byte, e *json.UnmarshalTypeError) *apiError {
	kind, msg := "dict_type", "Input should be a valid dictionary"
	text := e.Value == "string"
	switch e.Type.Kind() {
	case reflect.Int, reflect.Int64:
		kind, msg = "int_type", "Input should be a valid integer"
		if text {
			kind, msg = "int_parsing", "Input should be a valid integer, unable to parse string as an integer"
		} else if strings.HasPrefix(e.Value, "number") {
			kind, msg = "int_from_float", "Input should be a valid integer, got a number with a fractional part"
		}
	case reflect.Float64:
		kind, msg = "float_type", "Input should be a valid number"
		if text {
			kind, msg = "float_parsing", "Input should be a valid number, unable to parse string as a number"
		}
	case reflect.Bool:
		kind, msg = "bool_type", "Input should be a valid boolean"
		if text {
			kind, msg = "bool_parsing", "Input should be a valid boolean, unable to interpret input"
		}
	case reflect.String:
		kind, msg = "string_type", "Input should be a valid string"
	case reflect.Slice:
		kind, msg = "list_type", "Input should be a valid list"
	}
	switch e.Field {
	case "":
		return wrong("model_attributes_type", "body", "Input should be a valid dictionary or object to extract fields from", data)
	case "stop":
		input := shown(valueAt(data, "stop"))
		return invalid([]problem{{kind: "string_type", loc: "body.stop", msg: "Input should be a valid string", input: input},
			{kind: "list_type", loc: "body.stop", msg: "Input should be a valid list", input: input}})
	case "cache_salt":
		return refused("cache_salt", "", "Parameter 'cache_salt' must be a non-empty string if provided.")
	}
	return wrong(kind, "body."+e.Field, msg, valueAt(data, e.Field))
}

// valueAt is the value of a field of the body.
func valueAt(data json.RawMessage, field string) json.RawMessage {
	for _, part := range strings.Split(field, ".") {
		var m map[string]json.RawMessage
		if json.Unmarshal(data, &m) != nil {
			return nil
		}
		data = m[part]
	}
	return data
}

// An item is one prompt: text, or token ids.
type item struct {
	text string
	ids  []int // nil where text was given
}

// prompts reads the prompt of completions: a text, token ids, or a list of
// either.
func prompts(raw json.RawMessage) ([]item, *apiError) {
	none := badRequest("prompt", "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)")
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" || string(raw) == `""` {
		return nil, none
	}
	if string(raw) == "[]" {
		return nil, badRequest("", "You must pass at least one prompt")
	}
	if raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return []item{{text: s}}, nil
		}
	}
	var ids []int
	if json.Unmarshal(raw, &ids) == nil {
		if err := validIDs(ids); err != nil {
			return nil, err
		}
		return []item{{ids: ids}}, nil
	}
	var texts []string
	if json.Unmarshal(raw, &texts) == nil {
		out := make([]item, len(texts))
		for i, s := range texts {
			out[i].text = s
		}
		return out, nil
	}
	var lists [][]int
	if json.Unmarshal(raw, &lists) != nil {
		list := problem{kind: "list_type", loc: "body.prompt", msg: "Input should be a valid list", input: shown(raw)}
		str := problem{kind: "string_type", loc: "body.prompt", msg: "Input should be a valid string", input: shown(raw)}
		if raw[0] == '[' {
			return nil, invalid([]problem{str})
		}
		return nil, invalid([]problem{list, list, str, list})
	}
	out := make([]item, len(lists))
	for i, ids := range lists {
		if len(ids) == 0 {
			return nil, errEmptyPrompt()
		}
		if err := validIDs(ids); err != nil {
			return nil, err
		}
		out[i].ids = ids
	}
	return out, nil
}

// errEmptyPrompt is vLLM's error for a prompt without a token.
func errEmptyPrompt() *apiError { return badRequest("", "The decoder prompt cannot be empty") }

func validIDs(ids []int) *apiError {
	for _, id := range ids {
		if id < 0 || id >= 1<<31 {
			return outOfVocabulary(id)
		}
	}
	return nil
}

func outOfVocabulary(id int) *apiError {
	return badRequest("", "Token id %d is out of vocabulary", id)
}

// truncate cuts a prompt to what the request allows; -1 stands for the context.
func (b *body) truncate(ids []int, context int) []int {
	if b.Truncate == nil {
		return ids
	}
	n := *b.Truncate
	if n < 0 {
		n = context
	}
	switch {
	case n >= len(ids):
		return ids
	case b.Side == "left":
		return ids[len(ids)-n:]
	}
	return ids[:n]
}

// A turn is one message of a conversation.
type turn struct{ role, text string }

// turns reads messages. Parts that are no text are left out.
func turns(raw json.RawMessage) ([]turn, error) {
	if len(raw) == 0 {
		return nil, errors.New("the request has no messages")
	}
	var msgs []struct {
		Role    string          `json:"role"`
		Type    string          `json:"type"` // of /v1/responses
		Content json.RawMessage `json:"content"`
		Calls   json.RawMessage `json:"tool_calls"`
		Output  string          `json:"output"` // of a function_call_output
	}
	if err := json.Unmarshal(raw, &msgs); err != nil {
		return nil, errors.New("messages must be a list of objects with role and content")
	}
	out := make([]turn, 0, len(msgs))
	for i, m := range msgs {
		if m.Role == "" && m.Type == "" {
			return nil, fmt.Errorf("message %d has no role", i)
		}
		t := turn{role: m.Role, text: m.Output}
		if m.Role == "" {
			t.role = "tool"
		}
		if err := contentText(m.Content, &t.text); err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		if len(m.Calls) > 0 && string(m.Calls) != "null" {
			t.text += string(m.Calls)
		}
		out = append(out, t)
	}
	return out, nil
}

// contentText appends the text of a message's content.
func contentText(raw json.RawMessage, dst *string) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*dst += s
		return nil
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		return errors.New("content is neither a text nor a list of parts")
	}
	for _, p := range parts {
		*dst += p.Text
	}
	return nil
}
