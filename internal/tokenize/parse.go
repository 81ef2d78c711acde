package tokenize

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// A file is a tokenizer.json taken apart.
type file struct {
	added                          []addedToken
	normalizer, pre, post, decoder rawJSON
	truncation, padding            rawJSON
	model                          modelJSON
	hasModel                       bool
}

// readFile takes a tokenizer.json apart.
func readFile(data []byte) (*file, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("it is not UTF-8")
	}
	f := &file{}
	r := &jsonReader{text: string(data)}
	if err := r.object(func(key string) error { return f.member(r, key) }); err != nil {
		return nil, err
	}
	if r.space(); r.pos < len(r.text) {
		return nil, r.fail("the end")
	}
	if !f.hasModel {
		return nil, fmt.Errorf("the model is missing")
	}
	return f, nil
}

func (f *file) member(r *jsonReader, key string) error {
	if key == "model" {
		f.hasModel = true
		f.model = modelJSON{fields: map[string]rawJSON{}}
		return r.object(func(key string) error { return f.model.member(r, key) })
	}
	raw, err := r.raw()
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	switch key {
	case "version":
		if string(raw) != `"1.0"` {
			return fmt.Errorf("version: want \"1.0\", got %.40s", raw)
		}
	case "added_tokens":
		f.added, err = readAdded(raw)
	case "normalizer":
		f.normalizer = raw
	case "pre_tokenizer":
		f.pre = raw
	case "post_processor":
		f.post = raw
	case "decoder":
		f.decoder = raw
	case "truncation":
		f.truncation = raw
	case "padding":
		f.padding = raw
	default:
		err = fmt.Errorf("the key %q is not known in a tokenizer.json", key)
	}
	return err
}

// readAdded reads added_tokens, of which every field must be there.
func readAdded(raw rawJSON) ([]addedToken, error) {
	var fields []struct {
		ID         *uint32 `json:"id"`
		Content    *string `json:"content"`
		SingleWord *bool   `json:"single_word"`
		LStrip     *bool   `json:"lstrip"`
		RStrip     *bool   `json:"rstrip"`
		Normalized *bool   `json:"normalized"`
		Special    *bool   `json:"special"`
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("added_tokens: %w", err)
	}
	if string(raw) == "null" {
		return nil, fmt.Errorf("added_tokens: want an array, got null")
	}
	out := make([]addedToken, len(fields))
	for i, t := range fields {
		if t.ID == nil || t.Content == nil || t.SingleWord == nil || t.LStrip == nil || t.RStrip == nil || t.Normalized == nil || t.Special == nil {
			return nil, fmt.Errorf("added_tokens: entry %d lacks one of id, content, single_word, lstrip, rstrip, normalized, special", i)
		}
		out[i] = addedToken{int(*t.ID), *t.Content, *t.SingleWord, *t.LStrip, *t.RStrip, *t.Normalized, *t.Special}
	}
	return out, nil
}

// build makes the tokenizer of a file.
func (f *file) build() (*Tokenizer, error) {
	m, err := f.model.build()
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{model: m, added: newAddedVocab()}
	if !isNull(f.normalizer) {
		if t.normalizer, err = newNormalizer(f.normalizer, 0); err != nil {
			return nil, err
		}
	}
	if !isNull(f.pre) {
		if t.cutters, err = newCutters(f.pre, 0); err != nil {
			return nil, err
		}
	}
	t.processor = noProcessor{}
	if !isNull(f.post) {
		if t.processor, err = newProcessor(f.post, 0); err != nil {
			return nil, err
		}
	}
	if !isNull(f.decoder) {
		if t.decoder, err = newDecoder(f.decoder, 0); err != nil {
			return nil, err
		}
	}
	t.added.add(f.added, m, t.normalizer)
	if err := f.limits(t); err != nil {
		return nil, err
	}
	return t, t.finish()
}

// finish makes what depends on all parts together.
func (t *Tokenizer) finish() (err error) {
	if err := t.added.index(); err != nil {
		return err
	}
	if t.plain, err = flatten(t.processor, false); err != nil {
		return err
	}
	if t.wrapped, err = flatten(t.processor, true); err != nil {
		return err
	}
	b, isBPE := t.model.(*bpe)
	if !isBPE {
		return nil
	}
	if n := len(t.cutters); n > 0 {
		if last, ok := t.cutters[n-1].(*byteLevel); ok && b.takeBytes() {
			last.mapped = false
			if last.split == nil && !last.prefixSpace {
				t.cutters = slices.Delete(t.cutters, n-1, n)
			}
		}
	}
	return b.check()
}
