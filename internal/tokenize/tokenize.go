// Package tokenize encodes and decodes text as the Hugging Face tokenizers
// library does, from a tokenizer.json, in pure Go.
//
// It promises the same ids and the same text as the library for every file it
// accepts. A file with a part that it does not know (a component type, an
// option such as dropout, a pattern that no engine here can run) is refused by
// name when it is read; nothing is ever guessed.
//
// Parse and LoadPlain give the behaviour of the tokenizers library alone.
// Load, on a folder, adds what the transformers library makes of the folder:
// the special tokens and switches of tokenizer_config.json, and the
// pre-tokenization that its tokenizer classes put in the place of the file's.
//
// The package has no opinion about chat templates, makes no batches and gives
// no offsets.
package tokenize

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// A Tokenizer turns text into token ids and back. It never changes after it
// was made, but for a bounded cache of words that takes no lock and for Err, and
// all its methods may be called from many goroutines at once.
type Tokenizer struct {
	normalizer normalizer // nil: none
	cutters    []cutter
	model      model
	added      *addedVocab
	processor  processor
	decoder    decoder // nil: tokens are joined with spaces
	limit      truncation
	padding    padding

	plain, wrapped template // the ids around a text, without and with special tokens
	specialIDs     []int    // nil: the special added tokens
	splitSpecial   bool     // special tokens are not looked for in texts
	cleanup        bool     // decoded text loses the spaces before punctuation

	pool   sync.Pool // of *encoding
	failed atomic.Pointer[error]
}

// An encoding is the work space of one call.
type encoding struct {
	t     *Tokenizer
	ids   []int
	work  []uint32
	text  []byte
	steps []step
	links []link
	heap  []candidate
}

//go:embed builtin.json.gz
var builtinFile []byte

var builtin = sync.OnceValue(func() *Tokenizer {
	data, err := BuiltinFile()
	if err == nil {
		var t *Tokenizer
		if t, err = Parse(data); err == nil {
			return t
		}
	}
	panic("tokenize: the built-in tokenizer is broken: " + err.Error())
})

// BuiltinFile returns the tokenizer.json of Builtin, for programs of others
// that are to use the same.
func BuiltinFile() ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(builtinFile))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// Builtin returns a small byte-level tokenizer of 8,000 entries that is part of
// the program, for runs where no tokenizer is at hand. It is read on first use.
func Builtin() *Tokenizer { return builtin() }

// Parse reads the text of a tokenizer.json and behaves as the tokenizers
// library alone does. Errors name the part that is wrong or not supported.
func Parse(tokenizerJSON []byte) (*Tokenizer, error) {
	f, err := readFile(tokenizerJSON)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	t, err := f.build()
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return t, nil
}

// Encode returns the token ids of text; addSpecial says whether the special
// tokens of the post-processor (such as a BOS) are put around them. What is
// not UTF-8 in the text counts as U+FFFD, one for each maximal part.
func (t *Tokenizer) Encode(text string, addSpecial bool) []int {
	return t.appendEncode(nil, text, addSpecial)
}

// appendEncode is Encode, appending to dst.
func (t *Tokenizer) appendEncode(dst []int, text string, addSpecial bool) (ids []int) {
	if t.failed.Load() != nil {
		return dst
	}
	defer func() {
		if r := recover(); r != nil {
			t.overloaded(r)
			ids = dst
		}
	}()
	e := t.workSpace()
	e.ids = dst
	e.run(text, addSpecial)
	ids, e.ids = e.ids, nil
	t.release(e)
	return ids
}

// Count returns the number of tokens that Encode would return.
func (t *Tokenizer) Count(text string, addSpecial bool) (n int) {
	if t.failed.Load() != nil {
		return 0
	}
	defer func() {
		if r := recover(); r != nil {
			t.overloaded(r)
			n = 0
		}
	}()
	e := t.workSpace()
	e.ids = e.ids[:0]
	e.run(text, addSpecial)
	n = len(e.ids)
	t.release(e)
	return n
}

func (t *Tokenizer) workSpace() *encoding {
	if e, ok := t.pool.Get().(*encoding); ok {
		return e
	}
	return &encoding{t: t}
}

// maxKept is the size in symbols above which work space is not kept.
const maxKept = 1 << 16

func (t *Tokenizer) release(e *encoding) {
	if cap(e.work) <= maxKept && cap(e.links) <= maxKept && cap(e.steps) <= maxKept && cap(e.ids) <= maxKept {
		t.pool.Put(e)
	}
}

// run appends the ids of a text, with what the post-processor puts around them.
func (e *encoding) run(text string, special bool) {
	t := e.t
	ids, added := t.plain, 0
	if special {
		ids, added = t.wrapped, t.processor.added()
	}
	before, start, end := len(e.ids), -1, 0
	for _, id := range ids {
		switch {
		case id != textHere:
			e.ids = append(e.ids, id)
		case start < 0:
			start = len(e.ids)
			e.body(validText(text))
			e.ids = t.limit.cut(e.ids, start, added)
			end = len(e.ids)
		default:
			e.ids = append(e.ids, e.ids[start:end]...)
		}
	}
	e.ids = t.padding.fill(e.ids, before)
}

// body appends the ids of a text alone.
func (e *encoding) body(text string) {
	t := e.t
	t.added.split(t.added.raw, text, t.splitSpecial, func(part string, start int) {
		zero := 0
		if start == 0 {
			_, zero = utf8.DecodeRuneInString(part)
		}
		if t.normalizer != nil {
			part, zero = t.normalizer.apply(part, zero)
		}
		t.added.split(t.added.after, part, t.splitSpecial, func(part string, start int) {
			e.piece(0, part, within(zero, start, start+len(part)))
		}, e.found)
	}, e.found)
}

func (e *encoding) found(id int) { e.ids = append(e.ids, id) }

// piece hands a piece of text to pre-tokenization step i, or to the model
// after the last.
func (e *encoding) piece(i int, text string, zero int) {
	switch {
	case text == "":
	case i < len(e.t.cutters):
		e.t.cutters[i].cut(e, i, text, zero)
	default:
		e.t.model.encode(e, text)
	}
}

// Decode returns the text of ids, leaving ids that no token has out;
// skipSpecial leaves out special tokens too.
func (t *Tokenizer) Decode(ids []int, skipSpecial bool) (text string) {
	if t.failed.Load() != nil {
		return ""
	}
	defer func() {
		if r := recover(); r != nil {
			t.overloaded(r)
			text = ""
		}
	}()
	tokens := make([]string, 0, len(ids))
	for _, id := range ids {
		token, ok := t.IDToToken(id)
		if !ok || skipSpecial && t.added.special[token] {
			continue
		}
		tokens = append(tokens, token)
	}
	if t.decoder == nil {
		text = strings.Join(tokens, " ")
	} else {
		text = strings.Join(t.decoder.decode(tokens), "")
	}
	if t.cleanup {
		text = cleanupText(text)
	}
	return text
}

// VocabSize returns the number of tokens in the model, without added tokens:
// what transformers calls vocab_size.
func (t *Tokenizer) VocabSize() int { return t.model.size() }

// SpecialIDs returns the ids of the special tokens. After Load of a folder they
// are in the order of transformers' all_special_ids; else they are those of the
// special added tokens, rising.
func (t *Tokenizer) SpecialIDs() []int {
	if t.specialIDs != nil {
		return slices.Clone(t.specialIDs)
	}
	ids := []int{}
	for id, token := range t.added.tokens {
		if token.Special {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// SpecialToAdd returns how many tokens the post-processor adds to a text: what
// transformers calls num_special_tokens_to_add.
func (t *Tokenizer) SpecialToAdd() int { return t.processor.added() }

// TokenToID returns the id of a token's text as it stands in the vocabulary.
func (t *Tokenizer) TokenToID(token string) (id int, ok bool) {
	if id, ok := t.added.ids[token]; ok {
		return id, true
	}
	return t.model.id(token)
}

// IDToToken returns the text of a token as it stands in the vocabulary.
func (t *Tokenizer) IDToToken(id int) (token string, ok bool) {
	if token, ok := t.added.text(id); ok {
		return token, true
	}
	return t.model.token(id)
}
