// Package protocol writes request bodies and reads the events of the
// OpenAI-compatible APIs. Bytes in, bytes out: it opens no socket, reads no
// clock and counts no time.
package protocol

import "encoding/json"

// A Kind says what an event carries.
type Kind uint8

// The kinds of events.
const (
	Ignore    Kind = iota // nothing of interest: a type that carries no token
	Role                  // a choice with a role and no text
	Reasoning             // reasoning text
	Answer                // answer text
	Tool                  // tool-call or function-call text
	Blank                 // a choice without any text: a part of a character, or padding
	UsageOnly             // usage without choices
	Error                 // the server's error; Text has its message
	Done                  // [DONE]
)

// Usage is the server's own count of tokens.
type Usage struct {
	Present    bool
	Prompt     int
	Completion int
	Cached     int // of Prompt; 0 where the server does not say
}

// An Event is what one server-sent event carries.
type Event struct {
	Kind      Kind
	HasChoice bool // the event had at least one choice (or is a delta of the responses API)
	Choice    int  // index of the choice
	// Text is the decoded text (of an Error: its message). It points into a
	// buffer that the next Scan of the same Event overwrites.
	Text []byte
	// TokenIDs counts the token ids that the server sent in the event.
	TokenIDs int
	Finish   string // finish reason; "" while there is none. The terminal event of the responses API sets it too.
	Usage    Usage
	buf      []byte
}

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
	// Compat adds what vLLM's client sends and strict servers refuse:
	// repetition_penalty 1.0 and a null logprobs.
	Compat bool
}

// A Dialect is one API of the family.
type Dialect interface {
	// Path is the endpoint that belongs to the dialect, such as /v1/completions.
	Path() string
	// Suffixes are the endings that a URL of this dialect may have.
	Suffixes() []string
	// AppendBody appends the JSON body of c to dst.
	AppendBody(dst []byte, c Call) ([]byte, error)
	// Scan reads the data of one event into ev, reusing ev's buffers.
	// An error means that the data is not valid for the dialect (bad_stream).
	Scan(data []byte, ev *Event) error
	// ErrorText finds the server's message in the body of a failed answer: an
	// error object, a bare string, a FastAPI detail, or plain text.
	ErrorText(body []byte) string
}
