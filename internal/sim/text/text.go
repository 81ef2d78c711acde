// Package text is what the simulated model says. Given a tokenizer it yields
// token ids one by one with the text that each adds: English prose of ordinary
// words, JSON that is valid against a schema, or a tool call.
//
// It promises that the ids are the answer: as many tokens as were asked for,
// with the text that the tokenizer makes of them. What is said depends on the
// seed, the prompt and the number of the sequence alone. Stop strings are found
// as vLLM's frontend finds them, across tokens and with text held back.
//
// It refuses schemas that it could not follow in bounded time and space, and
// has no clock, no goroutine and no sockets.
package text

// A Token is one sampled token.
type Token struct {
	ID int
	// Text is what the token adds to the answer: "" for a special token and
	// for one that ends inside a character, whose text comes with the next.
	Text string
}

// A Length is the rule by which the model ends its answer on its own: lengths
// are log-normal around Mean tokens with a standard deviation of Sigma in the
// logarithm. The zero Length never ends.
type Length struct {
	Mean  float64 // tokens, with the end-of-sequence token
	Sigma float64
}

// An Ask is one sequence that is wanted.
type Ask struct {
	Seed   uint64
	Prompt uint64 // Hash of the prompt's ids
	Index  int    // number of the sequence within the request (n)

	Length    Length // when the model ends by itself; not before MinTokens
	IgnoreEOS bool   // Length does not end it
	MinTokens int

	Stop        []string // strings that end the answer
	IncludeStop bool     // include_stop_str_in_output

	Script   *Script // what is said in place of prose; nil: prose
	Thinking int     // tokens of prose ahead of the answer that count as reasoning
	Accents  bool    // prose with characters of several bytes
}

// A Delta is what a step added to an answer.
type Delta struct {
	Tokens    []Token // valid until the next call of Delta
	Text      string  // to be sent as content; stop strings may hold it back
	Reasoning string  // to be sent as reasoning
	Calls     []CallDelta
	// Silent says that vLLM's chat API sends nothing for these tokens, unless
	// the answer ends with them: they are the frame of a tool call.
	Silent bool
	// Stop is the stop string that was found; the answer is over then, and
	// tokens after it are not counted.
	Stop    string
	Stopped bool
}

// A CallDelta is what a step added to a tool call.
type CallDelta struct {
	Index     int
	Start     bool   // ID and Name are sent with this one
	ID        string // chatcmpl-tool-…
	Name      string
	Arguments string // JSON, a part of it
}
