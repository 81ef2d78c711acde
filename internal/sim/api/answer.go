package api

import (
	"strings"
	"sync"
	"time"

	"tokmeter/internal/model/sched"
	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/engine"
	"tokmeter/internal/sim/fault"
	"tokmeter/internal/sim/prompt"
	"tokmeter/internal/sim/text"
	"tokmeter/internal/sim/truth"
)

// A dialect renders the answers of one endpoint. Methods append whole server-sent
// events without HTTP's framing; they are called with the answer's lock held.
type dialect interface {
	// begin comes with the head of the response, first ahead of the first token.
	begin(a *answer, dst []byte) []byte
	first(a *answer, dst []byte) []byte
	delta(a *answer, c *choice, dst []byte) []byte
	last(a *answer, dst []byte) []byte
	// whole is the answer that is not streamed.
	whole(a *answer) any
}

// An answer is one response on its way: the sequences that were asked for and
// the connection that they are written to. The engine's thread feeds it and
// must never wait for the connection: what a full socket does not take is
// written by a goroutine, and what comes meanwhile goes out merged, as vLLM
// merges what its frontend has not yet sent.
type answer struct {
	api     *API
	call    *call.Call
	body    *body
	dialect dialect
	id      string
	model   string // as JSON
	created int64
	prefix  []byte // of each event, up to the choice
	items   []prompt.Item
	turns   []prompt.Turn // of /v1/responses, for the next one of the conversation
	choices []*choice
	promptN int

	faults   *fault.Stream // nil for a healthy answer
	decision fault.Decision
	pieces   []fault.Piece // of a faulty answer, for the goroutine that writes them
	signal   chan struct{} // tells it that there are more

	detached bool // computed in the background: nobody is written to

	mu      sync.Mutex
	busy    bool // another goroutine writes: what comes is held
	begun   bool // the events ahead of the first token are out
	over    bool // no further event is rendered
	ended   bool // finish was told
	open    int  // choices without an end
	failure *call.Error
	events  []byte
	out     []byte
	due     time.Time
	truth   truth.Record
	finish  chan bool // gets whether the connection may go on
}

// A choice is one sequence of an answer.
type choice struct {
	a      *answer
	index  int
	item   int // prompt that it answers
	voice  *text.Answer
	script *text.Script
	req    *engine.Request

	calls bool // the answer is a tool call

	// What is to be sent with the next event.
	held      bool
	text      string
	reasoning string
	tools     []text.CallDelta
	tokens    []text.Token // kept where logprobs or ids are wanted
	count     int          // tokens that it stands for

	// Copies of what the engine keeps, as of the last step.
	cached, preemptions int
	times               engine.Times

	sent    int // tokens in events so far
	echoed  bool
	ending  string // finish_reason, "" before the end
	stopped any    // stop_reason
	stopID  bool
	whole   strings.Builder
	thought strings.Builder
	log     []text.Token
	called  []text.CallDelta
	offset  int // of text, in characters, for logprobs
}

// Sample returns the next token.
func (c *choice) Sample(r *engine.Request) (int, bool) {
	id, end := c.voice.Next()
	for _, stop := range c.a.body.StopIDs {
		if id == stop && len(r.Seq.Output)+1 >= r.Seq.MinOutput {
			c.stopID, c.stopped = true, id
			return id, true
		}
	}
	return id, end
}

// Emit takes what a step made.
func (c *choice) Emit(r *engine.Request, n int, due time.Time) bool {
	a := c.a
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over || c.ending != "" {
		return c.ending == "" // its abort is on the way
	}
	c.cached, c.preemptions, c.times = r.Seq.Cached, r.Seq.Preemptions, r.Times
	finished := r.Seq.Finish != sched.Unfinished
	d := c.voice.Delta(finished)
	c.take(d, n)
	a.truth.Due = append(a.truth.Due, due.UnixNano())
	if d.Stopped {
		c.end("stop")
		c.stopped = d.Stop
	} else if finished {
		if r.Seq.Finish == sched.Length {
			c.end("length")
		} else {
			c.end("stop")
		}
	}
	a.due = due
	more := c.ending == ""
	if a.busy || (more && c.sent > 0 && c.count < value(a.body.Interval)) {
		return more
	}
	a.render()
	return more
}

// take adds a step's part to what is held.
func (c *choice) take(d text.Delta, n int) {
	if c.stopID && !c.a.body.IncludeStop && len(d.Tokens) > 0 {
		d.Text = strings.TrimSuffix(d.Text, d.Tokens[len(d.Tokens)-1].Text)
	}
	c.held = true
	c.count += n
	if c.text == "" {
		c.text = d.Text
	} else {
		c.text += d.Text
	}
	c.reasoning += d.Reasoning
	c.tools = append(c.tools, d.Calls...)
	if c.a.wantsTokens() {
		c.tokens = append(c.tokens, d.Tokens...)
	}
}

// wantsTokens reports whether events name their tokens.
func (a *answer) wantsTokens() bool { return a.body.Logprobs.on || a.body.ReturnIDs }

// end sets why the choice ended.
func (c *choice) end(why string) {
	if why == "stop" && c.script != nil {
		why = c.script.FinishReason()
	}
	c.ending = why
	c.a.open--
}

// clear forgets what an event was made of.
func (c *choice) clear() {
	c.sent += c.count
	c.held, c.text, c.reasoning, c.count = false, "", "", 0
	c.tools, c.tokens = c.tools[:0], c.tokens[:0]
}

// keep adds what is held to the answer that is not streamed.
func (c *choice) keep() {
	c.whole.WriteString(c.text)
	c.thought.WriteString(c.reasoning)
	c.log = append(c.log, c.tokens...)
	for _, t := range c.tools {
		if t.Start || len(c.called) == 0 {
			c.called = append(c.called, t)
			continue
		}
		c.called[len(c.called)-1].Arguments += t.Arguments
	}
}

// tokensSent is how many tokens usage counts, as far as they are out.
func (c *choice) tokensSent() int {
	if c.ending != "" {
		return c.voice.Tokens()
	}
	return c.sent + c.count
}

func (a *answer) completionTokens() int {
	n := 0
	for _, c := range a.choices {
		n += c.tokensSent()
	}
	return n
}

// cached is how many prompt tokens were found in the cache.
func (a *answer) cached() int {
	n := 0
	for i, c := range a.choices {
		if i == 0 || a.choices[i-1].item != c.item {
			n += c.cached
		}
	}
	return n
}

// reasoningTokens is how many tokens of all choices are reasoning.
func (a *answer) reasoningTokens() int {
	n := 0
	for _, c := range a.choices {
		n += c.voice.ReasoningTokens()
	}
	return n
}

// Drop ends the answer before its time.
func (c *choice) Drop(_ *engine.Request, why error) {
	a := c.a
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over || c.ending != "" {
		return
	}
	c.end("abort")
	c.held = true
	if a.failure == nil {
		a.failure = call.NewError(503, "ServiceUnavailableError", "", "the simulated engine dropped the request: "+why.Error())
	}
	if !a.busy {
		a.render()
	}
}

// render makes the events of what is held and sends them. The lock is held and
// nobody else writes.
func (a *answer) render() {
	if !a.body.Stream {
		for _, c := range a.choices {
			if c.held {
				c.keep()
				c.clear()
			}
		}
		if a.open == 0 {
			a.over = true
			a.api.in.Work.Add(1)
			go a.respond()
		}
		return
	}
	a.events = a.events[:0]
	tokens := 0
	if !a.begun {
		a.begun = true
		a.events = a.dialect.first(a, a.events)
	}
	for _, c := range a.choices {
		if c.held {
			tokens += c.count
			a.events = a.dialect.delta(a, c, a.events)
			c.keepShort()
			c.clear()
		}
	}
	if a.open == 0 {
		a.over = true
		a.events = a.dialect.last(a, a.events)
	}
	a.send(tokens)
}

// keepShort keeps of a streamed answer what its last events repeat.
func (c *choice) keepShort() {
	if c.a.call.URL.Path == PathResponses {
		c.keep()
	}
}

// abort ends the answer because the client is gone.
func (a *answer) abort() {
	a.mu.Lock()
	if a.ended || a.over {
		a.mu.Unlock()
		return
	}
	a.over = true
	a.close(false)
	a.mu.Unlock()
	for _, c := range a.choices {
		a.api.in.Engine.Abort(c.req)
	}
}

// close keeps the truth and tells the connection that the answer is over.
func (a *answer) close(goesOn bool) {
	if a.ended {
		return
	}
	a.ended = true
	a.call.Leave()
	a.call.Counted()
	if !a.truth.Complete {
		a.keepTruth()
	}
	a.finish <- goesOn
	if (!goesOn || a.call.Close) && !a.detached {
		// The connection's goroutine waits for the next request, which must not come.
		_ = a.call.Sock.SetReadDeadline(time.Unix(1, 0))
	}
}

// keepTruth adds the answer to the ledger.
func (a *answer) keepTruth() {
	t := &a.truth
	t.Prompt, t.Output, t.Cached = a.promptN, a.completionTokens(), a.cached()
	for _, c := range a.choices {
		t.Preemptions += c.preemptions
		if times := c.times; t.Queued == 0 && !times.Queued.IsZero() {
			t.Queued = times.Queued.UnixNano()
			if !times.Scheduled.IsZero() {
				t.Scheduled = times.Scheduled.UnixNano()
			}
		}
		t.Finish = c.ending
	}
	a.api.ledger.Add(*t)
}
