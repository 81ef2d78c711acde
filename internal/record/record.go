// Package record says what happened to one request and keeps it on disk.
//
// A Record is written once, by the goroutine that drove the request, and is
// read-only afterwards. Everything downstream (metrics, reports, comparisons)
// works on records alone, so it works as well on a file from last month. The
// package imports no other room and computes no statistics.
package record

import "time"

// A Stamp is a moment in nanoseconds since the start of the run, on the run's
// monotonic clock. Zero means that the moment never came.
type Stamp int64

// Sub returns the time from earlier to s.
func (s Stamp) Sub(earlier Stamp) time.Duration { return time.Duration(s - earlier) }

// An Outcome says how a request ended. Only OK counts as successful.
type Outcome string

// The outcomes, as they stand in the result's "outcomes" object.
const (
	OK          Outcome = "ok"           // finish reason or [DONE] seen, at least one token, no error
	Refused     Outcome = "refused"      // no connection: refused, unreachable, name not found
	Reset       Outcome = "reset"        // connection ended before the response headers were complete
	Timeout     Outcome = "timeout"      // the request's own limit ran out
	HTTPError   Outcome = "http_error"   // status other than 200; Err has it and the first 500 bytes of the body
	StreamError Outcome = "stream_error" // an error object or event inside the stream
	CutShort    Outcome = "cut_short"    // ended with neither finish reason nor [DONE]
	Empty       Outcome = "empty"        // ended well but carried no token
	BadStream   Outcome = "bad_stream"   // not an event stream, broken JSON, bad HTTP framing
	Cancelled   Outcome = "cancelled"    // stopped by the user
)

// Outcomes lists every outcome in the order in which reports show them.
var Outcomes = [...]Outcome{OK, Refused, Reset, Timeout, HTTPError, StreamError, CutShort, Empty, BadStream, Cancelled}

// A Source says where a count of tokens comes from.
type Source string

// The sources, best first.
const (
	FromUsage     Source = "usage"     // the server's usage object
	FromTokenIDs  Source = "token_ids" // token ids that the server sent
	FromServer    Source = "tokenize"  // the server's /tokenize, asked after the run
	FromTokenizer Source = "tokenizer" // a local tokenizer, after the run
	FromEvents    Source = "events"    // events with text: the last resort
	FromAsked     Source = "asked"     // what the workload asked for (prompts only)
)

// A Count is a number of tokens and where it comes from.
type Count struct {
	N    int    `json:"n"`
	From Source `json:"from,omitempty"`
}

// Timing is what the wire saw of one request.
type Timing struct {
	Dialed    Stamp `json:"dialed,omitempty"`     // dialling of the connection began
	Connected Stamp `json:"connected,omitempty"`  // connection (and TLS) was ready
	Sent      Stamp `json:"sent,omitempty"`       // the moment before the first byte was written
	Wrote     Stamp `json:"wrote,omitempty"`      // the last byte was handed to the kernel
	FirstByte Stamp `json:"first_byte,omitempty"` // kernel stamp of the first byte of the response
	Done      Stamp `json:"done,omitempty"`       // the response ended

	Reused    bool  `json:"reused,omitempty"`    // the connection had carried a request before
	Replaced  int   `json:"replaced,omitempty"`  // stale keep-alive connections replaced for it
	Redirects int   `json:"redirects,omitempty"` // redirects followed
	Stripped  bool  `json:"stripped,omitempty"`  // a redirect led to another origin, where headers of the user's were not sent
	Status    int   `json:"status,omitempty"`    // HTTP status; 0 when no status line came
	BytesIn   int64 `json:"bytes_in,omitempty"`
	BytesOut  int64 `json:"bytes_out,omitempty"`

	// Resent is how many segments of the request were sent again, and Disordered how
	// many of the answer came out of their order, as those behind a lost one do; 0
	// where the system does not say.
	Resent     int `json:"resent,omitempty"`
	Disordered int `json:"disordered,omitempty"`

	// ContentType is the type under which an event stream came, where it was
	// another than text/event-stream; "none" where it had none.
	ContentType string `json:"content_type,omitempty"`
	// Lag is the worst (reader's time − kernel's time) of this request's reads,
	// beyond the interval in force.
	Lag time.Duration `json:"lag_ns,omitempty"`
	// ReadInterval is the longest time that the client let events gather before it
	// read them all; 0 where it read each as it came.
	ReadInterval time.Duration `json:"read_interval_ns,omitempty"`
	// KernelStamped says that every stamp of the response is the kernel's;
	// otherwise they are the reader's.
	KernelStamped bool `json:"kernel_stamped,omitempty"`
	// Framed says that the body ended as its HTTP framing promised.
	Framed bool `json:"framed,omitempty"`
}

// A Record is what happened to one request.
type Record struct {
	Index   int    `json:"index"`
	Worker  int    `json:"worker,omitempty"`
	Session int    `json:"session,omitempty"`
	Turn    int    `json:"turn,omitempty"`
	ID      string `json:"id,omitempty"`    // x-request-id
	Model   string `json:"model,omitempty"` // the model asked, where it differs by request (LoRA)

	// Due is when the plan says the request should go; Released is when the
	// dispatcher let it go. Sent − Released is time spent waiting for a slot
	// under a concurrency limit; Released − Due is the dispatcher's lateness.
	Due      Stamp `json:"due"`
	Released Stamp `json:"released"`
	Timing   `json:"timing"`

	FirstToken  Stamp `json:"first_token,omitempty"`  // first token of any kind
	FirstAnswer Stamp `json:"first_answer,omitempty"` // first token that is not reasoning
	LastToken   Stamp `json:"last_token,omitempty"`   // last event that carried a token

	// Events has the arrival of each event that carried tokens; PerEvent has
	// how many, 0 where it is not known. Both have the same length.
	Events   []Stamp  `json:"events,omitempty"`
	PerEvent []uint16 `json:"per_event,omitempty"`
	// Bare has the arrival of each event with a choice but without a token:
	// role, finish reason, padding. vLLM's client counts these too.
	Bare []Stamp `json:"bare,omitempty"`

	PromptTokens Count `json:"prompt_tokens"`
	OutputTokens Count `json:"output_tokens"`
	CachedTokens int   `json:"cached_tokens,omitempty"` // of the prompt, by the server's usage
	CachedTold   bool  `json:"cached_told,omitempty"`   // the server's usage said CachedTokens, be it 0
	// Unstreamed is how many of OutputTokens the server counted and never sent:
	// reasoning that it keeps to itself, rejected predictions.
	Unstreamed int `json:"unstreamed,omitempty"`
	// Said is the server's own count of output tokens where OutputTokens has another:
	// less than what came, as one that leaves the reasoning out, or without what was
	// never sent.
	Said int `json:"said,omitempty"`
	// Unprefixed counts the events that lacked "data:", or had it twice.
	Unprefixed int `json:"unprefixed,omitempty"`
	// UsageAlone says that usage came in an event of its own, without choices:
	// the only place where vLLM's client looks for it.
	UsageAlone bool `json:"usage_alone,omitempty"`
	// Refused is a count that the server gave and that can't be: below zero, or
	// more tokens than the bytes of the answer (or of the request) can hold. The
	// counts above come from elsewhere then.
	Refused    int `json:"refused,omitempty"`
	WantPrompt int `json:"want_prompt,omitempty"` // prompt tokens by the workload's tokenizer
	WantOutput int `json:"want_output,omitempty"` // output tokens asked for

	Finish string `json:"finish,omitempty"` // the server's finish reason
	Text   string `json:"text,omitempty"`   // the answer alone, of the first choice
	// Beside has what the model wrote apart from Text: reasoning and tool calls,
	// and the other choices. It is kept only where the server gave no count of
	// tokens, so that one can be made of all the texts together.
	Beside  []string `json:"beside,omitempty"`
	Outcome Outcome  `json:"outcome"`
	Err     string   `json:"err,omitempty"` // the server's or system's own words
}

// Recount sets the count of the answer's tokens that was made after the run.
// Where it says that every event carried one token, PerEvent says so too. A
// record is read by its sinks as long as they are open, so they are closed
// before.
func (r *Record) Recount(c Count) {
	r.OutputTokens = c
	if c.N != len(r.Events) {
		return
	}
	r.PerEvent = make([]uint16, c.N)
	for i := range r.PerEvent {
		r.PerEvent[i] = 1
	}
}

// A Sink takes finished records. Add may be called by many goroutines.
type Sink interface {
	Add(*Record) error
	Close() error
}

// The reasons of an Ending.
const (
	AllSent     = "all sent"
	Interrupted = "interrupted"
	Unreachable = "server unreachable" // given up: no request of it reached the server
	Killed      = "killed"             // found by a reader: the run wrote no ending
	Stopped     = "stopped: "          // by a rule of the plan; what it found follows
)

// An Ending says when and why a run ended.
type Ending struct {
	Began  time.Time `json:"began"`  // wall time of the run's stamp 0
	Start  Stamp     `json:"start"`  // the dispatch of requests began
	End    Stamp     `json:"end"`    // every request had its record
	Reason string    `json:"reason"` // AllSent, Interrupted, Unreachable, Killed, or Stopped and why
	Sent   int       `json:"sent"`   // requests released
	// ClockSteps counts the steps of the wall clock noticed during the run.
	ClockSteps int `json:"clock_steps,omitempty"`
	// Warnings say what went less well than planned while it ran.
	Warnings []Warning `json:"warnings,omitempty"`
	// Client says what went on on the client's machine; nil where nobody looked.
	Client *Client `json:"client,omitempty"`
}
