// Package protocol writes request bodies and reads the events of the
// OpenAI-compatible APIs: completions, chat completions and responses.
//
// Bytes in, bytes out: it opens no socket, reads no clock and counts no time.
// It promises that a usual event is read without allocating and without
// decoding the whole of it, and that an event of any other shape is read by
// encoding/json with the same result. It refuses to guess: data that is not
// JSON, or whose text is not where the API puts it, is an error.
package protocol

import (
	"encoding/json"
	"fmt"
)

// A Kind says what an event carries.
type Kind uint8

// The kinds of events.
const (
	Ignore    Kind = iota // nothing of interest: a type that carries no token
	Role                  // a choice with a role and neither text nor finish reason
	Reasoning             // reasoning text
	Answer                // answer text
	Tool                  // tool-call or function-call text
	Blank                 // a choice without any text: a part of a character, padding, or the end
	UsageOnly             // usage without choices
	Error                 // the server's error; Text has its message
	Done                  // [DONE]
)

// HasText reports whether k is text that the model generated.
func (k Kind) HasText() bool { return k == Reasoning || k == Answer || k == Tool }

// String returns the name of k.
func (k Kind) String() string {
	names := [...]string{"ignore", "role", "reasoning", "answer", "tool", "blank", "usage", "error", "done"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("kind %d", k)
}

// Usage is the server's own count of tokens.
type Usage struct {
	Present    bool
	Prompt     int
	Completion int
	Total      int  // what the server says of both together; 0 where it does not
	Reasoning  int  // of Completion, or beside it; 0 where the server does not say
	Rejected   int  // predicted tokens that were thrown away
	Cached     int  // of Prompt
	HasCached  bool // the server said Cached, be it 0
}

// A Delta is what an event says of one choice.
type Delta struct {
	Kind   Kind
	Choice int // index of the choice
	// Text is the decoded text (of an Error: its message). It points into the
	// scanned data or into a buffer of the Event, and is valid until either is
	// overwritten.
	Text []byte
	// Beside is reasoning or tool-call text that came in the same delta as an
	// answer, or tool-call text beside reasoning. It is rarely there.
	Beside   []byte
	TokenIDs int    // how many token ids the server sent for the delta
	Finish   string // finish reason; "" while there is none
}

// An Event is what one server-sent event carries. The embedded Delta is its
// first choice; nearly every event has one choice or none. An event of kind
// Error, Done, UsageOnly or Ignore has no choice.
//
// The terminal event of the responses API has no choice either (its kind is
// UsageOnly, or Ignore without usage) and sets Finish.
type Event struct {
	Delta
	HasChoice bool    // the event had at least one choice, or is a delta of the responses API
	More      []Delta // the choices after the first, in the server's order
	PromptIDs int     // how many token ids of the prompt the server sent
	HasIDs    bool    // every choice came with a list of token ids, which may be empty
	Usage     Usage
	Whole     bool // the last choice is a message, as of an answer that is no stream
	buf       []byte
}

// maxChoice is the highest index of a choice that Scan accepts.
const maxChoice = 1<<12 - 1

// A Prompt is what is asked: exactly one of the fields is set.
type Prompt struct {
	Text     string
	IDs      []int
	Batch    []string
	Messages json.RawMessage // JSON array of chat messages
}

// A Call is one request before it has a body.
type Call struct {
	Model     string
	Prompt    Prompt
	MaxTokens int
	IgnoreEOS bool
	Logprobs  *int            // completions only
	Extra     json.RawMessage // JSON object merged last over the body; nil for none
	// Plain sends the content of chat messages as a string where it is text alone,
	// not as a list of parts.
	Plain bool
	// Compat adds what vLLM's client sends and strict servers refuse:
	// repetition_penalty 1.0, a null logprobs, and every null of Extra. Without it
	// a null in Extra takes out the member that would be there.
	Compat bool
}

// A Dialect is one API of the family. Its methods may be called by many
// goroutines.
type Dialect interface {
	// Path is the endpoint that belongs to the dialect, such as /v1/completions.
	Path() string
	// AppendBody appends the JSON body of c to dst: the payload of vLLM's
	// client, its keys in the same order, then ignore_eos, then Extra merged
	// over it (a key that is there is replaced in its place, a null takes it out,
	// see Call.Compat). It fails when the
	// dialect has no place for the prompt, or Extra is no JSON object.
	AppendBody(dst []byte, c Call) ([]byte, error)
	// Scan reads the data of one event into ev, reusing ev's buffers.
	// An error means that the data is not valid for the dialect (bad_stream).
	Scan(data []byte, ev *Event) error
	// ErrorText finds the server's message in the body of a failed answer: an
	// error object, a bare string, a FastAPI detail, or plain text. It is one
	// line; "" when the body is empty.
	ErrorText(body []byte) string
}
