// Package prompt reads what a request gives a model to read: texts, token ids, or
// the messages of a chat.
package prompt

import (
	"bytes"
	"encoding/json"

	"tokmeter/internal/sim/call"
)

// An Item is one prompt: text, or token ids.
type Item struct {
	Text string
	IDs  []int // nil where text was given
}

// Read reads the prompt of completions: a text, token ids, or a list of
// either.
func Read(raw json.RawMessage) ([]Item, *call.Error) {
	none := call.BadRequest("prompt", "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)")
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" || string(raw) == `""` {
		return nil, none
	}
	if string(raw) == "[]" {
		return nil, call.BadRequest("", "You must pass at least one prompt")
	}
	if raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return []Item{{Text: s}}, nil
		}
	}
	var ids []int
	if json.Unmarshal(raw, &ids) == nil {
		if err := validIDs(ids); err != nil {
			return nil, err
		}
		return []Item{{IDs: ids}}, nil
	}
	var texts []string
	if json.Unmarshal(raw, &texts) == nil {
		out := make([]Item, len(texts))
		for i, s := range texts {
			out[i].Text = s
		}
		return out, nil
	}
	var lists [][]int
	if json.Unmarshal(raw, &lists) != nil {
		list := call.Problem{Kind: "list_type", Loc: "body.prompt", Msg: "Input should be a valid list", Input: call.Shown(raw)}
		str := call.Problem{Kind: "string_type", Loc: "body.prompt", Msg: "Input should be a valid string", Input: call.Shown(raw)}
		if raw[0] == '[' {
			return nil, call.Invalid([]call.Problem{str})
		}
		return nil, call.Invalid([]call.Problem{list, list, str, list})
	}
	out := make([]Item, len(lists))
	for i, ids := range lists {
		if len(ids) == 0 {
			return nil, Empty()
		}
		if err := validIDs(ids); err != nil {
			return nil, err
		}
		out[i].IDs = ids
	}
	return out, nil
}

// Empty is vLLM's error for a prompt without a token.
func Empty() *call.Error { return call.BadRequest("", "The decoder prompt cannot be empty") }

func validIDs(ids []int) *call.Error {
	for _, id := range ids {
		if id < 0 || id >= 1<<31 {
			return OutOfVocabulary(id)
		}
	}
	return nil
}

// OutOfVocabulary is vLLM's error for a token id that no token has.
func OutOfVocabulary(id int) *call.Error {
	return call.BadRequest("", "Token id %d is out of vocabulary", id)
}
