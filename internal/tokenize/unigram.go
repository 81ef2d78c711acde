package tokenize

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// unknownPenalty is how much worse than the worst token an unknown character is.
const unknownPenalty = 10

// A unigram finds the most likely cut of a text into tokens (Viterbi).
type unigram struct {
	entries  []unigramEntry
	ids      map[string]uint32
	trie     *trie
	unknown  int
	worst    float64
	fallback *[256]int32 // nil: no byte fallback
}

type unigramEntry struct {
	token string
	score float64
}

func newUnigram(entries []unigramEntry, unknown *int, bytes bool) (*unigram, error) {
	if unknown == nil {
		return nil, fmt.Errorf("model Unigram: unk_id is missing, so that some texts would have no encoding")
	}
	if *unknown < 0 || *unknown >= len(entries) {
		return nil, fmt.Errorf("model Unigram: unk_id %d is not in the vocabulary of %d", *unknown, len(entries))
	}
	u := &unigram{entries: entries, ids: make(map[string]uint32, len(entries)), unknown: *unknown, worst: math.Inf(1)}
	u.trie = newTrie(len(entries) * 3)
	for id, e := range entries {
		u.ids[e.token] = uint32(id)
		u.worst = min(u.worst, e.score)
		if e.token != "" {
			u.trie.add(e.token, int32(id))
		}
	}
	if bytes {
		ids := byteTokens(u)
		u.fallback = &ids
	}
	return u, nil
}

func (u *unigram) size() int { return len(u.entries) }

func (u *unigram) id(token string) (int, bool) {
	id, ok := u.ids[token]
	return int(id), ok
}

func (u *unigram) token(id int) (string, bool) {
	if id < 0 || id >= len(u.entries) {
		return "", false
	}
	return u.entries[id].token, true
}

// A step is the best way to reach a place in the text.
type step struct {
	score float64
	start int32 // where its token begins; -1 if the place was not reached
	id    int32
}

func (u *unigram) encode(e *encoding, word string) {
	best := append(e.steps[:0], step{})
	for range len(word) {
		best = append(best, step{start: -1})
	}
	e.steps = best
	for start := 0; start < len(word); {
		here := best[start].score
		_, size := utf8.DecodeRuneInString(word[start:])
		single := false
		node := uint32(0)
		for end := start; end < len(word); {
			next, _, ok := u.trie.edges.get(edge(node, word[end]))
			if !ok {
				break
			}
			node = next
			end++
			id := u.trie.values[node]
			if id < 0 {
				continue
			}
			reach(&best[end], here+u.entries[id].score, start, id)
			single = single || end == start+size
		}
		if !single {
			reach(&best[start+size], (u.worst-unknownPenalty)+here, start, int32(u.unknown))
		}
		start += size
	}
	u.walk(e, word, best)
}

func reach(s *step, score float64, start int, id int32) {
	if s.start < 0 || score > s.score {
		*s = step{score, int32(start), id}
	}
}

// walk goes the best way backwards; unknown characters side by side become one
// piece.
func (u *unigram) walk(e *encoding, word string, best []step) {
	before := len(e.ids)
	for end := len(word); end > 0; {
		start := int(best[end].start)
		if best[end].id == int32(u.unknown) {
			for start > 0 && best[start].id == int32(u.unknown) {
				start = int(best[start].start)
			}
		}
		u.piece(e, word[start:end])
		end = start
	}
	slices.Reverse(e.ids[before:])
}

// piece appends the ids of a piece, last first.
func (u *unigram) piece(e *encoding, s string) {
	if id, ok := u.ids[s]; ok {
		e.ids = append(e.ids, int(id))
		return
	}
	if u.fallback != nil {
		var ok bool
		if e.work, ok = fallback(e.work[:0], s, u.fallback); ok {
			for i := len(e.work) - 1; i >= 0; i-- {
				e.ids = append(e.ids, int(e.work[i]))
			}
			return
		}
	}
	e.ids = append(e.ids, u.unknown)
}
