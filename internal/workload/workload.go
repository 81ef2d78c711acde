// Package workload turns conversations or synthetic lengths into requests
// that are ready to be written, the same ones as vLLM's client makes from the
// same seed, tokenizer and options.
package workload

import (
	"time"

	"tokmeter/internal/protocol"
)

// A Tokenizer is what the workload needs of one; *tokenize.Tokenizer is one.
// All methods may be called by many goroutines.
type Tokenizer interface {
	Encode(text string, addSpecial bool) []int
	Decode(ids []int, skipSpecial bool) string
	VocabSize() int    // size of the model's own vocabulary, without added tokens, as transformers' vocab_size
	SpecialIDs() []int // as transformers' all_special_ids
	SpecialToAdd() int // tokens that Encode(…, true) adds to one text
}

// An Item is one request of a workload before it has a body.
type Item struct {
	Prompt    protocol.Prompt
	PromptLen int           // tokens, by the workload's tokenizer; 0 where not known
	OutputLen int           // tokens asked for
	At        time.Duration // due time of a self-timed workload
	Model     string        // the model of this request where it differs (LoRA); "" otherwise
}

// A Request is one call ready to be written: nothing is computed after this point.
type Request struct {
	Index, Session, Turn   int
	ID                     string // x-request-id
	Model                  string // where it differs by request
	Body                   []byte
	WantPrompt, WantOutput int
}

// A Source hands out requests in order of sending.
type Source interface {
	Next() (Request, bool)
}
