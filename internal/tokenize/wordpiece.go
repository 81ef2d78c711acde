package tokenize

import (
	"fmt"
	"unicode/utf8"
)

// A wordPiece takes the longest token that a word begins with, again and again.
type wordPiece struct {
	vocab
	unknown  int
	prefix   string // of tokens that continue a word
	maxChars int
	longest  int // bytes of the longest token
}

func newWordPiece(v vocab, unknown, prefix string, maxChars int) (*wordPiece, error) {
	id, ok := v.id(unknown)
	if !ok {
		return nil, fmt.Errorf("model WordPiece: the unk_token %q is not in the vocabulary", unknown)
	}
	w := &wordPiece{vocab: v, unknown: id, prefix: prefix, maxChars: maxChars}
	for token := range v.ids {
		w.longest = max(w.longest, len(token))
	}
	return w, nil
}

func (w *wordPiece) encode(e *encoding, word string) {
	if utf8.RuneCountInString(word) > w.maxChars {
		e.ids = append(e.ids, w.unknown)
		return
	}
	before := len(e.ids)
	for start := 0; start < len(word); {
		end := min(len(word), start+w.longest)
		for end < len(word) && !utf8.RuneStart(word[end]) {
			end--
		}
		id, ok := uint32(0), false
		for start < end {
			e.text = e.text[:0]
			if start > 0 {
				e.text = append(e.text, w.prefix...)
			}
			e.text = append(e.text, word[start:end]...)
			if id, ok = w.ids[string(e.text)]; ok {
				break
			}
			_, size := utf8.DecodeLastRuneInString(word[:end])
			end -= size
		}
		if !ok {
			e.ids = append(e.ids[:before], w.unknown)
			return
		}
		e.ids = append(e.ids, int(id))
		start = end
	}
}

// A wordLevel has a token for every word, or the unknown one.
type wordLevel struct {
	vocab
	unknown int
}

func newWordLevel(v vocab, unknown string) (*wordLevel, error) {
	id, ok := v.id(unknown)
	if !ok {
		return nil, fmt.Errorf("model WordLevel: the unk_token %q is not in the vocabulary", unknown)
	}
	return &wordLevel{v, id}, nil
}

func (w *wordLevel) encode(e *encoding, word string) {
	id, ok := w.ids[word]
	if !ok {
		e.ids = append(e.ids, w.unknown)
		return
	}
	e.ids = append(e.ids, int(id))
}
