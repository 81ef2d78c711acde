// Package tokenize encodes and decodes text as the Hugging Face tokenizers
// library does, from a tokenizer.json, in pure Go.
//
// It promises the same ids and the same text as the library for every file it
// accepts. A file with a part that it does not know (a component type, an
// option such as dropout, a pattern that no engine here can run) is refused by
// name when it is read; nothing is ever guessed.
//
// Parse gives the behaviour of the tokenizers library alone. Load, on a folder,
// adds what the transformers layer adds to it: the special tokens and switches
// of tokenizer_config.json.
package tokenize

import (
	"errors"
	"io"
)

// A Tokenizer turns text into token ids and back. It never changes after it
// was made, and all its methods may be called from many goroutines at once.
type Tokenizer struct{}

var errNotReady = errors.New("tokenize: no tokenizer is at hand")

// Load reads a tokenizer.json, or a folder that holds one. In a folder
// tokenizer_config.json and special_tokens_map.json count too, as the
// transformers library reads them.
func Load(path string) (*Tokenizer, error) { return nil, errNotReady }

// Parse reads the text of a tokenizer.json and behaves as the tokenizers
// library alone does.
func Parse(tokenizerJSON []byte) (*Tokenizer, error) { return nil, errNotReady }

// Builtin returns a small byte-level tokenizer that is part of the program:
// for runs where no tokenizer is at hand. It is read once, on first use.
func Builtin() *Tokenizer { return nil }

// Encode returns the token ids of text; addSpecial says whether the special
// tokens of the post-processor (such as a BOS) are put around them.
func (t *Tokenizer) Encode(text string, addSpecial bool) []int {
	return t.AppendEncode(nil, text, addSpecial)
}

// AppendEncode is Encode, appending to dst.
func (t *Tokenizer) AppendEncode(dst []int, text string, addSpecial bool) []int { return dst }

// Count returns the number of tokens that Encode would return.
func (t *Tokenizer) Count(text string, addSpecial bool) int { return 0 }

// Decode returns the text of ids, leaving ids that no token has out;
// skipSpecial leaves out special tokens too.
func (t *Tokenizer) Decode(ids []int, skipSpecial bool) string { return "" }

// VocabSize returns the number of tokens in the model, without added tokens:
// what transformers calls vocab_size.
func (t *Tokenizer) VocabSize() int { return 0 }

// SpecialIDs returns the ids of the special tokens, in the order of
// transformers' all_special_ids.
func (t *Tokenizer) SpecialIDs() []int { return nil }

// SpecialToAdd returns how many tokens Encode adds to a text with addSpecial.
func (t *Tokenizer) SpecialToAdd() int { return 0 }

// TokenToID returns the id of a token's text as it stands in the vocabulary.
func (t *Tokenizer) TokenToID(token string) (id int, ok bool) { return 0, false }

// IDToToken returns the text of a token as it stands in the vocabulary.
func (t *Tokenizer) IDToToken(id int) (token string, ok bool) { return "", false }

// Lines answers JSON lines from r on w, each before the next must come:
// {"text", "add_special_tokens"} with {"ids"}, {"ids", "skip_special_tokens"}
// with {"text"}. An absent switch is true, as in the library. A bad line ends
// it with an error that names the line.
func Lines(r io.Reader, w io.Writer, t *Tokenizer) error { return errNotReady }
