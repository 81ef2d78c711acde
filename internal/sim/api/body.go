package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"

	"tokmeter/internal/sim/call"
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
func readBody(data []byte) (*body, *call.Error) {
	for range 8 { // fields that may be put right, and some more
		b := &body{}
		err := json.Unmarshal(data, b)
		if err == nil && string(bytes.TrimSpace(data)) != "null" {
			return b, nil
		}
		if _, fail := call.ParseForm(data, 1); fail != nil {
			return nil, fail
		}
		var kind *json.UnmarshalTypeError
		if !errors.As(err, &kind) {
			return nil, call.BadRequest("", "%v", err)
		}
		repaired, ok := repair(data, kind)
		if !ok {
			return nil, wrongType(data, kind)
		}
		data = repaired
	}
	return nil, call.BadRequest("", "too many fields of another type than they have")
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
func wrong(kind, loc, msg string, input json.RawMessage) *call.Error {
	return call.Invalid([]call.Problem{{Kind: kind, Loc: loc, Msg: msg, Input: call.Shown(input)}})
}

// missing is vLLM's error for a field that is not there.
func missing(data []byte, field string) *call.Error {
	return wrong("missing", "body."+field, "Field required", data)
}

// wrongType is vLLM's error for a field of another type than it has.
func wrongType(data []byte, e *json.UnmarshalTypeError) *call.Error {
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
	case "stop":
		input := call.Shown(valueAt(data, "stop"))
		return call.Invalid([]call.Problem{{Kind: "string_type", Loc: "body.stop", Msg: "Input should be a valid string", Input: input},
			{Kind: "list_type", Loc: "body.stop", Msg: "Input should be a valid list", Input: input}})
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
