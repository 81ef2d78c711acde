package tokenize

import (
	"encoding/json"
	"fmt"
)

// A modelJSON is the model of a tokenizer.json. The vocabulary and the merges
// were read; the rest is raw.
type modelJSON struct {
	vocab   map[string]uint32
	entries []unigramEntry
	merges  []mergePair
	hasList bool // merges were there
	fields  map[string]rawJSON
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
	if m.vocab == nil && kind != "Unigram" || m.entries == nil && kind == "Unigram" {
		return nil, fmt.Errorf("model %s: vocab is missing or of the wrong kind", kind)
	}
	switch kind {
	case "BPE":
		if !m.hasList {
			return nil, fmt.Errorf("model BPE: merges is missing")
		}
		var o bpeOptions
		if err := m.options(&o); err != nil {
			return nil, err
		}
		return newBPE(newVocab(m.vocab), m.merges, o)
	case "Unigram":
		var o struct {
			Unknown      *int `json:"unk_id"`
			ByteFallback bool `json:"byte_fallback"`
		}
		if err := m.options(&o); err != nil {
			return nil, err
		}
		return newUnigram(m.entries, o.Unknown, o.ByteFallback)
	case "WordPiece", "WordLevel":
		return m.words(kind)
	}
	return nil, unknown("model", kind)
}

// words makes the models that know whole words.
func (m *modelJSON) words(kind string) (model, error) {
	var o struct {
		Unknown *string `json:"unk_token"`
		Prefix  *string `json:"continuing_subword_prefix"`
		Max     *uint   `json:"max_input_chars_per_word"`
	}
	if err := m.options(&o); err != nil {
		return nil, err
	}
	switch {
	case o.Unknown == nil:
		return nil, fmt.Errorf("model %s: unk_token is missing", kind)
	case kind == "WordLevel":
		return newWordLevel(newVocab(m.vocab), *o.Unknown)
	case o.Prefix == nil || o.Max == nil:
		return nil, fmt.Errorf("model %s: continuing_subword_prefix or max_input_chars_per_word is missing", kind)
	}
	return newWordPiece(newVocab(m.vocab), *o.Unknown, *o.Prefix, int(min(*o.Max, 1<<40)))
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
