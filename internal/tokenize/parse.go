package tokenize

import (
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// A file is a tokenizer.json taken apart.
type file struct {
	added                                     []addedToken
	normalizer, pre, post, decoder            rawJSON
	truncation, padding                       rawJSON
	model                                     modelJSON
	hasModel, normalizerGiven, processorGiven bool
}

// A modelJSON is the model of a tokenizer.json. The vocabulary and the merges
// were read; the rest is raw.
type modelJSON struct {
	kind    string
	vocab   map[string]uint32
	entries []unigramEntry
	merges  []mergePair
	hasList bool // merges were there
	fields  map[string]rawJSON
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

func (m *modelJSON) member(r *jsonReader, key string) error {
	var err error
	switch key {
	case "vocab":
		r.space()
		if r.pos < len(r.text) && r.text[r.pos] == '[' {
			err = m.readEntries(r)
		} else {
			err = m.readVocab(r)
		}
	case "merges":
		err = m.readMerges(r)
	default:
		m.fields[key], err = r.raw()
	}
	if err != nil {
		return fmt.Errorf("model: %s: %w", key, err)
	}
	return nil
}

func (m *modelJSON) readVocab(r *jsonReader) error {
	m.vocab = make(map[string]uint32, min(len(r.text)-r.pos, 1<<24)/32)
	return r.object(func(token string) error {
		id, err := r.id()
		m.vocab[token] = id
		return err
	})
}

func (m *modelJSON) readMerges(r *jsonReader) error {
	m.hasList = true
	m.merges = make([]mergePair, 0, min(len(r.text)-r.pos, 1<<24)/24)
	return r.array(func() error {
		r.space()
		if r.pos < len(r.text) && r.text[r.pos] == '"' {
			s, err := r.string()
			if err != nil {
				return err
			}
			if len(s) >= 8 && s[:8] == "#version" {
				return nil
			}
			pair, ok := splitMerge(s)
			if !ok {
				return fmt.Errorf("merge %d: %q is not two tokens with a space between", len(m.merges), s)
			}
			m.merges = append(m.merges, pair)
			return nil
		}
		var pair [2]string
		n := 0
		if err := r.array(func() error {
			s, err := r.string()
			if n < 2 {
				pair[n] = s
			}
			n++
			return err
		}); err != nil {
			return err
		}
		if n != 2 {
			return fmt.Errorf("merge %d has %d tokens, not two", len(m.merges), n)
		}
		m.merges = append(m.merges, mergePair{pair[0], pair[1]})
		return nil
	})
}

// readEntries reads the vocabulary of a Unigram model: [token, score] each.
func (m *modelJSON) readEntries(r *jsonReader) error {
	m.entries = []unigramEntry{}
	return r.array(func() error {
		var e unigramEntry
		n := 0
		if err := r.array(func() (err error) {
			switch n {
			case 0:
				e.token, err = r.string()
			case 1:
				var raw rawJSON
				if raw, err = r.raw(); err == nil {
					err = json.Unmarshal(raw, &e.score)
				}
			}
			n++
			return err
		}); err != nil {
			return err
		}
		if n != 2 {
			return fmt.Errorf("entry %d has %d parts, not a token and a score", len(m.entries), n)
		}
		m.entries = append(m.entries, e)
		return nil
	})
}

// get reads one of the other fields, if it is there and not null.
func (m *modelJSON) get(key string, to any) error {
	raw := m.fields[key]
	if isNull(raw) {
		return nil
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("model: %s: %w", key, err)
	}
	return nil
}

// options puts the small fields together again for a struct.
func (m *modelJSON) options(to any) error {
	all, err := json.Marshal(m.fields)
	if err == nil {
		err = json.Unmarshal(all, to)
	}
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

// build makes the model.
func (m *modelJSON) build() (model, error) {
	kind := ""
	if err := m.get("type", &kind); err != nil {
		return nil, err
	}
	if kind == "" {
		kind = m.guessed()
	}
	needs := func(fields ...string) error {
		for _, f := range fields {
			if m.fields[f] == nil {
				return fmt.Errorf("model %s: %s is missing", kind, f)
			}
		}
		if m.vocab == nil && (kind != "Unigram") || m.entries == nil && kind == "Unigram" {
			return fmt.Errorf("model %s: vocab is missing or of the wrong kind", kind)
		}
		return nil
	}
	switch kind {
	case "BPE":
		if err := needs(); err != nil {
			return nil, err
		}
		if !m.hasList {
			return nil, fmt.Errorf("model BPE: merges is missing")
		}
		var o bpeOptions
		if err := m.options(&o); err != nil {
			return nil, err
		}
		return newBPE(newVocab(m.vocab), m.merges, o)
	case "Unigram":
		if err := needs(); err != nil {
			return nil, err
		}
		var o struct {
			Unknown      *int `json:"unk_id"`
			ByteFallback bool `json:"byte_fallback"`
		}
		if err := m.options(&o); err != nil {
			return nil, err
		}
		return newUnigram(m.entries, o.Unknown, o.ByteFallback)
	case "WordPiece":
		if err := needs("unk_token", "continuing_subword_prefix", "max_input_chars_per_word"); err != nil {
			return nil, err
		}
		var o struct {
			Unknown string `json:"unk_token"`
			Prefix  string `json:"continuing_subword_prefix"`
			Max     uint   `json:"max_input_chars_per_word"`
		}
		if err := m.options(&o); err != nil {
			return nil, err
		}
		return newWordPiece(newVocab(m.vocab), o.Unknown, o.Prefix, int(min(o.Max, 1<<40)))
	case "WordLevel":
		if err := needs("unk_token"); err != nil {
			return nil, err
		}
		unknown := ""
		if err := m.get("unk_token", &unknown); err != nil {
			return nil, err
		}
		return newWordLevel(newVocab(m.vocab), unknown)
	}
	return nil, unknown("model", kind)
}

// guessed is the type of a model in an old file, which does not name it.
func (m *modelJSON) guessed() string {
	switch {
	case m.entries != nil:
		return "Unigram"
	case m.hasList:
		return "BPE"
	case m.fields["continuing_subword_prefix"] != nil:
		return "WordPiece"
	}
	return "WordLevel"
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
