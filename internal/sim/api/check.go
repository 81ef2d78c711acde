package api

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/python"
	"tokmeter/internal/sim/call"
)

// maxLogprobs is vLLM's default of --max-logprobs.
const maxLogprobs = 20

// refused is vLLM's error for the value of a parameter, which it repeats.
func refused(param, value, message string) *call.Error {
	if value != "" {
		value = ", value=" + value
	}
	return call.BadRequest(param, "%s (parameter=%s%s)", message, param, value)
}

// check refuses values that vLLM refuses, in its words.
func (b *body) check(path string, maxLen int) *call.Error {
	for _, f := range []func() *call.Error{
		func() *call.Error { return b.checkShape(path) },
		func() *call.Error { return b.checkLengths(path, maxLen) },
		b.checkSampling,
		func() *call.Error { return b.checkLogprobs(path) },
	} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// checkShape looks at fields that exclude or need each other.
func (b *body) checkShape(path string) *call.Error {
	if b.CacheSalt != nil && *b.CacheSalt == "" {
		return refused("cache_salt", "", "Parameter 'cache_salt' must be a non-empty string if provided.")
	}
	if b.Suffix != "" && path == PathCompletions {
		return call.BadRequest("suffix", "suffix is only supported for models with FIM completion rendering")
	}
	if b.Continue && b.AddGeneration != nil && *b.AddGeneration {
		return call.BadRequest("", "Cannot set both `continue_final_message` and `add_generation_prompt` to True.")
	}
	if path == PathResponses && b.Background && b.Store != nil && !*b.Store {
		return refused("background", "", "background can only be used when `store` is true")
	}
	if path == PathChat {
		tools, choice := strings.TrimSpace(string(b.Tools)), strings.TrimSpace(string(b.ToolChoice))
		switch {
		case tools == "[]":
			return refused("tools", "", "`tools` must not be an empty array. Either provide at least one tool or omit the field entirely.")
		case choice != "" && choice != "null" && choice != `"none"` && (tools == "" || tools == "null"):
			return refused("tool_choice", "", "When using `tool_choice`, `tools` must be set.")
		}
	}
	var format struct {
		Type   string          `json:"type"`
		Schema json.RawMessage `json:"json_schema"`
	}
	if json.Unmarshal(b.ResponseFormat, &format) == nil && format.Type == "json_schema" && (len(format.Schema) == 0 || string(format.Schema) == "null") {
		return refused("response_format", "", "When response_format type is 'json_schema', the 'json_schema' field must be provided.")
	}
	return nil
}

// checkLengths looks at numbers of tokens and answers.
func (b *body) checkLengths(path string, maxLen int) *call.Error {
	n := b.n()
	p, param := b.asked(path)
	switch {
	case n < 1:
		return call.BadRequest("", "n must be at least 1, got %d.", n)
	case n > maxN:
		return call.BadRequest("", "n must be at most %d, got %d. To increase this limit, set the VLLM_MAX_N_SEQUENCES environment variable.", maxN, n)
	case p != nil && *p > maxLen:
		v := strconv.Itoa(*p)
		return refused(param, v, param+"="+v+" cannot be greater than max_model_len="+strconv.Itoa(maxLen)+". Please request fewer output tokens.")
	case b.MinTokens < 0:
		return call.BadRequest("", "min_tokens must be greater than or equal to 0, got %d.", b.MinTokens)
	case b.Interval != nil && *b.Interval < 1:
		return call.Invalid([]call.Problem{{Kind: "greater_than_equal", Loc: "body.stream_interval", Msg: "Input should be greater than or equal to 1",
			Input: strconv.Itoa(*b.Interval), Ctx: "{'ge': 1}"}})
	case slices.Contains(b.Stop, ""):
		return call.BadRequest("", "stop cannot contain an empty string.")
	}
	return nil
}

// checkSampling looks at what a sampler would be given.
func (b *body) checkSampling() *call.Error {
	if t := b.Temperature; t != nil {
		v := python.Float(*t)
		switch {
		case *t < 0:
			return refused("temperature", v, "temperature must be non-negative, got "+v+".")
		case *t > 2:
			return refused("temperature", v, "temperature must be in [0, 2], got "+v+".")
		case *t == 0 && b.n() > 1:
			return call.BadRequest("", "n must be 1 when using greedy sampling, got %d.", b.n())
		}
	}
	if p := b.TopP; p != nil && (*p <= 0 || *p > 1) {
		v := python.Float(*p)
		return refused("top_p", v, "top_p must be in (0, 1], got "+v+".")
	}
	return nil
}

// checkLogprobs looks at log probabilities and switches them on for
// /v1/responses, which asks for them in include.
func (b *body) checkLogprobs(path string) *call.Error {
	rows, top := b.Logprobs.rows, value(b.TopLogprobs)
	if path == PathResponses {
		b.Logprobs = logprobs{on: slices.Contains(b.Include, "message.output_text.logprobs")}
		rows = 0
	}
	switch {
	case b.Logprobs.text != "":
		return refused("logprobs", b.Logprobs.text, "`logprobs` must be an integer.")
	case path == PathChat && (rows < 0 || rows > 1):
		return call.Invalid([]call.Problem{{Kind: "bool_parsing", Loc: "body.logprobs", Msg: "Input should be a valid boolean, unable to interpret input", Input: strconv.Itoa(rows)}})
	case rows < -1:
		return refused("logprobs", strconv.Itoa(rows), "`logprobs` must be a positive value or -1.")
	case top < -1:
		return refused("top_logprobs", strconv.Itoa(top), "`top_logprobs` must be a positive value or -1.")
	case path == PathChat && top != 0 && !b.Logprobs.on:
		return refused("top_logprobs", "", "when using `top_logprobs`, `logprobs` must be set to true.")
	case max(rows, top) > maxLogprobs:
		v := strconv.Itoa(max(rows, top))
		return refused("logprobs", v, "Requested sample logprobs of "+v+", which is greater than max allowed: "+strconv.Itoa(maxLogprobs))
	}
	return nil
}
