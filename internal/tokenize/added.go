package tokenize

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// An addedToken is one entry of added_tokens.
type addedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// An addedVocab holds the tokens that are found in a text before the model
// sees it.
type addedVocab struct {
	ids     map[string]int
	tokens  map[int]addedToken
	special map[string]bool
	shown   map[int]string // what a normalized token reads once normalized, where that differs
	raw     *trie          // tokens found in the text as given
	after   *trie          // tokens found in the normalized text
}

func newAddedVocab() *addedVocab {
	return &addedVocab{ids: map[string]int{}, tokens: map[int]addedToken{}, special: map[string]bool{}, shown: map[int]string{}}
}

// add takes tokens in as the library does: a token's id is the model's where
// the model has it, and else the next free one; the id in the file does not
// count. It must be followed by index.
func (a *addedVocab) add(tokens []addedToken, m model, n normalizer) {
	next := m.size()
	for id := range a.tokens {
		next = max(next, id+1)
	}
	for _, token := range tokens {
		if token.Content == "" {
			continue
		}
		id, known := a.ids[token.Content]
		if known && sameToken(a.tokens[id], token) {
			continue
		}
		if !known {
			if id, known = m.id(token.Content); !known {
				id = next
				next++
			}
		}
		if token.Normalized && n != nil {
			if text, _ := n.apply(token.Content, 0); text != token.Content {
				a.shown[id] = text
			}
		}
		a.ids[token.Content] = id
		if token.Special {
			a.special[token.Content] = true
		}
		a.tokens[id] = token
	}
}

func sameToken(a, b addedToken) bool {
	a.ID, b.ID = 0, 0
	return a == b
}

// index builds the tries from the tokens. Two tokens that read the same are
// refused: which of them the library finds is chance.
func (a *addedVocab) index() error {
	a.raw, a.after = newTrie(len(a.tokens)*4), newTrie(16)
	seen := map[string]int{}
	for id, token := range a.tokens {
		t, text, key := a.raw, token.Content, "r"
		if token.Normalized {
			t, key = a.after, "n"
			if shown, ok := a.shown[id]; ok {
				text = shown
			}
		}
		if text == "" {
			return fmt.Errorf("added_tokens: the normalizer leaves nothing of %q", token.Content)
		}
		if other, ok := seen[key+text]; ok {
			return fmt.Errorf("added_tokens: %q and %q are the same once normalized", a.tokens[other].Content, token.Content)
		}
		seen[key+text] = id
		t.add(text, int32(id))
	}
	return nil
}

// text is what a token decodes to.
func (a *addedVocab) text(id int) (string, bool) {
	token, ok := a.tokens[id]
	if !ok {
		return "", false
	}
	if shown, ok := a.shown[id]; ok {
		return shown, true
	}
	return token.Content, true
}

// split calls found for each added token in the text and rest for what lies
// between, in turn; rest also gets where its part begins.
func (a *addedVocab) split(t *trie, text string, splitSpecial bool, rest func(part string, start int), found func(id int)) {
	pos := 0
	for i := 0; i < len(text); {
		if !t.first[text[i]] {
			i++
			continue
		}
		value, size := t.longest(text[i:])
		if size == 0 {
			i++
			continue
		}
		start, stop := i, i+size
		i = stop
		token := a.tokens[int(value)]
		if splitSpecial && a.special[token.Content] {
			continue
		}
		if token.SingleWord && (wordBefore(text[:start]) || wordAfter(text[stop:])) {
			continue
		}
		if token.LStrip {
			start = max(len(strings.TrimRightFunc(text[:start], isSpace)), pos)
		}
		if token.RStrip {
			stop = len(text) - len(strings.TrimLeftFunc(text[stop:], isSpace))
		}
		if pos < start {
			rest(text[pos:start], pos)
		}
		// White space that the token before took is not there any more.
		if start < stop {
			found(int(value))
		}
		pos = stop
	}
	if pos < len(text) {
		rest(text[pos:], pos)
	}
}

func wordBefore(text string) bool {
	r, size := utf8.DecodeLastRuneInString(text)
	return size > 0 && whitespaceWord().get(r) != 0
}

func wordAfter(text string) bool {
	r, size := utf8.DecodeRuneInString(text)
	return size > 0 && whitespaceWord().get(r) != 0
}
