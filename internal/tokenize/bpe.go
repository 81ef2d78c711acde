package tokenize

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// A bpe joins the symbols of a word pair by pair, the pair of the lowest rank
// first and of equal ranks the leftmost.
type bpe struct {
	vocab
	merges       *pairTable // pair of ids → rank, id of what they make
	bytes        *[256]int32
	unknown      int // -1: unknown characters are left out
	fuseUnknown  bool
	ignoreMerges bool
	prefix       string // of symbols that do not begin a word
	suffix       string // of the symbol that ends a word
	raw          *[256]int32
	borders      *borders
	cache        *wordCache
}

// bpeOptions are the switches of a BPE model as they stand in the file.
type bpeOptions struct {
	Dropout      *float64 `json:"dropout"`
	Unknown      *string  `json:"unk_token"`
	Prefix       *string  `json:"continuing_subword_prefix"`
	Suffix       *string  `json:"end_of_word_suffix"`
	FuseUnknown  *bool    `json:"fuse_unk"`
	ByteFallback *bool    `json:"byte_fallback"`
	IgnoreMerges *bool    `json:"ignore_merges"`
}

// A mergePair is two tokens that become one; their order in the file is their rank.
type mergePair struct{ a, b string }

func newBPE(v vocab, merges []mergePair, o bpeOptions) (*bpe, error) {
	if o.Dropout != nil && *o.Dropout != 0 {
		return nil, fmt.Errorf("model BPE: dropout %g is not supported: its encodings are random", *o.Dropout)
	}
	yes := func(b *bool) bool { return b != nil && *b }
	b := &bpe{vocab: v, unknown: -1, fuseUnknown: yes(o.FuseUnknown), ignoreMerges: yes(o.IgnoreMerges)}
	if o.Prefix != nil {
		b.prefix = *o.Prefix
	}
	if o.Suffix != nil {
		b.suffix = *o.Suffix
	}
	if o.Unknown != nil {
		b.unknown = -2
		if id, ok := v.id(*o.Unknown); ok {
			b.unknown = id
		}
	}
	if yes(o.ByteFallback) {
		ids := byteTokens(&b.vocab)
		b.bytes = &ids
	}
	if err := b.readMerges(merges); err != nil {
		return nil, err
	}
	b.cache = newWordCache()
	return b, nil
}

func (b *bpe) readMerges(merges []mergePair) error {
	b.merges = newPairTable(len(merges))
	find := func(token string, rank int) (uint32, error) {
		id, ok := b.ids[token]
		if !ok {
			return 0, fmt.Errorf("model BPE: merge %d needs the token %q, which is not in the vocabulary", rank, token)
		}
		return id, nil
	}
	var joined []byte
	for rank, m := range merges {
		left, err := find(m.a, rank)
		if err != nil {
			return err
		}
		right, err := find(m.b, rank)
		if err != nil {
			return err
		}
		if len(m.b) < len(b.prefix) {
			return fmt.Errorf("model BPE: merge %d: %q is shorter than continuing_subword_prefix", rank, m.b)
		}
		joined = append(append(joined[:0], m.a...), m.b[len(b.prefix):]...)
		id, ok := b.ids[string(joined)]
		if !ok {
			_, err := find(string(joined), rank)
			return err
		}
		b.merges.put(uint64(left)<<32|uint64(right), uint32(rank), id)
	}
	if b.prefix == "" && b.suffix == "" {
		b.borders = newBorders(merges)
	}
	return nil
}

// takeBytes makes the model read raw bytes instead of the characters that
// stand for them, if nothing else about it minds; it is the last step's doing.
func (b *bpe) takeBytes() bool {
	if b.bytes != nil || b.prefix != "" || b.suffix != "" {
		return false
	}
	var raw [256]int32
	for i := range raw {
		raw[i] = -1
		if id, ok := b.ids[string(byteRunes[i])]; ok {
			raw[i] = int32(id)
		} else if b.unknown != -1 {
			return false
		}
	}
	b.raw = &raw
	return true
}

// check refuses an unk_token that is not in the vocabulary, unless every
// symbol that can come is known.
func (b *bpe) check() error {
	if b.unknown == -2 && b.raw == nil {
		return fmt.Errorf("model BPE: the unk_token is not in the vocabulary, so that some texts would have no encoding")
	}
	return nil
}

// maxCached is the length in bytes up to which a word is kept.
const maxCached = 64

func (b *bpe) encode(e *encoding, word string) {
	if b.ignoreMerges && !(b.raw != nil && len(word) <= maxCached) {
		if id, ok := b.whole(e, word); ok {
			e.ids = append(e.ids, int(id))
			return
		}
	}
	if b.raw != nil || b.borders == nil {
		b.word(e, word)
		return
	}
	start := 0
	b.borders.cut(b, word, func(end int) {
		b.word(e, word[start:end])
		start = end
	})
	b.word(e, word[start:])
}

// whole looks for a token that is the word.
func (b *bpe) whole(e *encoding, word string) (uint32, bool) {
	if b.raw == nil {
		id, ok := b.ids[word]
		return id, ok
	}
	e.text = e.text[:0]
	for i := range len(word) {
		e.text = utf8.AppendRune(e.text, byteRunes[word[i]])
	}
	id, ok := b.ids[string(e.text)]
	return id, ok
}

// word encodes a word that is no longer cut, from the cache if it is there.
func (b *bpe) word(e *encoding, word string) {
	if len(word) > maxCached {
		for _, id := range b.join(e, word) {
			e.ids = append(e.ids, int(id))
		}
		return
	}
	slot, ids := b.cache.get(word)
	if ids == nil {
		if id, ok := uint32(0), false; b.ignoreMerges && b.raw != nil {
			if id, ok = b.whole(e, word); ok {
				ids = append(e.work[:0], id)
			}
		}
		if ids == nil {
			ids = b.join(e, word)
		}
		b.cache.put(slot, word, ids)
	}
	for _, id := range ids {
		e.ids = append(e.ids, int(id))
	}
}

// join cuts a word into symbols and merges them; the result is good until the
// next call.
func (b *bpe) join(e *encoding, word string) []uint32 {
	e.work = b.symbols(e.work[:0], word)
	if len(e.work) <= maxScan {
		e.work = b.mergeShort(e.work)
	} else {
		e.work = b.mergeLong(e, e.work)
	}
	return e.work
}

func (b *bpe) symbols(out []uint32, word string) []uint32 {
	if b.raw != nil {
		for i := range len(word) {
			if id := b.raw[word[i]]; id >= 0 {
				out = append(out, uint32(id))
			}
		}
		return out
	}
	unknown := false // an unknown symbol waits
	for i := 0; i < len(word); {
		_, size := utf8.DecodeRuneInString(word[i:])
		s := word[i : i+size]
		if i > 0 && b.prefix != "" {
			s = b.prefix + s
		}
		i += size
		if i == len(word) && b.suffix != "" {
			s += b.suffix
		}
		if id, ok := b.ids[s]; ok {
			if unknown {
				out = append(out, uint32(b.unknown))
				unknown = false
			}
			out = append(out, id)
			continue
		}
		if b.bytes != nil {
			var ok bool
			// A waiting unknown symbol stays behind, as it does in the library.
			if out, ok = fallback(out, s, b.bytes); ok {
				continue
			}
		}
		if b.unknown >= 0 {
			if unknown && !b.fuseUnknown {
				out = append(out, uint32(b.unknown))
			}
			unknown = true
		}
	}
	if unknown {
		out = append(out, uint32(b.unknown))
	}
	return out
}

// Borders are the places where no merge can reach across: between two
// characters that meet inside no merge. A text without pre-tokenization falls
// into words there, and its encoding stays the same.
type borders struct {
	ascii [128][128]bool // true: some merge joins the two
	other map[[2]rune]bool
}

func newBorders(merges []mergePair) *borders {
	b := &borders{other: map[[2]rune]bool{}}
	for _, m := range merges {
		last, _ := utf8.DecodeLastRuneInString(m.a)
		first, _ := utf8.DecodeRuneInString(m.b)
		if last < utf8.RuneSelf && first < utf8.RuneSelf {
			b.ascii[last][first] = true
		} else {
			b.other[[2]rune{last, first}] = true
		}
	}
	return b
}

func (b *borders) joined(left, right rune) bool {
	if left < utf8.RuneSelf && right < utf8.RuneSelf {
		return b.ascii[left][right]
	}
	return b.other[[2]rune{left, right}]
}

// cut calls at for every border between two known characters of the text.
func (b *borders) cut(m *bpe, text string, at func(end int)) {
	left := rune(-1)
	for i, right := range text {
		if left >= 0 && !b.joined(left, right) && m.knows(left) && m.knows(right) {
			at(i)
		}
		left = right
	}
}

// knows says whether a character is a symbol of its own.
func (b *bpe) knows(r rune) bool {
	var buf [utf8.UTFMax]byte
	_, ok := b.ids[string(utf8.AppendRune(buf[:0], r))]
	return ok
}

const noRank = math.MaxUint32

// Text of a merge in the old form, "a b".
func splitMerge(s string) (mergePair, bool) {
	a, b, ok := strings.Cut(s, " ")
	return mergePair{a, b}, ok && !strings.Contains(b, " ")
}
