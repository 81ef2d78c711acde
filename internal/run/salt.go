package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"tokmeter/internal/protocol"
	"tokmeter/internal/tokenize"
)

// salt puts a text in front of every prompt, behind the prompt's number: no two
// prompts of a run begin alike. Lengths grow by its tokens, where there is a
// tokenizer to count them.
func (w *work) salt(text string, t *tokenize.Tokenizer) error {
	if text == "" {
		return nil
	}
	for i := range w.set.Items {
		own := strconv.Itoa(i) + text
		it := &w.set.Items[i]
		var ids []int
		if t != nil {
			ids = t.Encode(own, false)
		}
		p, err := salted(it.Prompt, own, ids)
		if err != nil {
			return err
		}
		it.Prompt = p
		if it.PromptLen > 0 {
			it.PromptLen += len(ids)
		}
	}
	return nil
}

// salted is a prompt behind a text, whose tokens are ids.
func salted(p protocol.Prompt, text string, ids []int) (protocol.Prompt, error) {
	switch {
	case p.IDs != nil && len(ids) == 0:
		return p, errors.New("prompts are token ids and no tokenizer is at hand for their salt: take cache: reset or keep")
	case p.IDs != nil:
		p.IDs = slices.Concat(ids, p.IDs)
	case p.Batch != nil:
		p.Batch = slices.Clone(p.Batch)
		for k := range p.Batch {
			p.Batch[k] = text + p.Batch[k]
		}
	case p.Messages != nil:
		var err error
		p.Messages, err = saltMessages(p, text)
		return p, err
	default:
		p.Text = text + p.Text
	}
	return p, nil
}

// saltMessages puts a text in front of the first message that is a text.
func saltMessages(p protocol.Prompt, text string) (json.RawMessage, error) {
	var all []map[string]json.RawMessage
	if err := json.Unmarshal(p.Messages, &all); err != nil {
		return nil, fmt.Errorf("messages can't be salted (take cache: reset or keep): %w", err)
	}
	for _, m := range all {
		var content string
		if json.Unmarshal(m["content"], &content) != nil {
			continue
		}
		raw, err := json.Marshal(text + content)
		if err != nil {
			return nil, err
		}
		m["content"] = raw
		return json.Marshal(all)
	}
	return nil, errors.New("no message is a text that can be salted: take cache: reset or keep")
}
