package api

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"tokmeter/internal/model/sched"
	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/prompt"
)

// maxN and maxPrompts are vLLM's limits of sequences and prompts in a request.
const (
	maxN       = 16384
	maxPrompts = 1024
)

// generate answers a request for text.
func (s *API) generate(c *call.Call) bool {
	c.Enter()
	defer c.Leave()
	b, fail := readBody(c.Content)
	if fail != nil {
		return c.ReplyError(fail)
	}
	a, fail := s.newAnswer(c, b)
	if fail != nil {
		return c.ReplyError(fail)
	}
	if ok, done := a.refuse(); done {
		return ok
	}
	if b.Background && c.URL.Path == PathResponses {
		return s.background(a)
	}
	if fail := s.submit(a); fail != nil {
		return c.ReplyError(fail)
	}
	return a.wait()
}

// wait returns when the answer is written or its client gone. Meanwhile it
// reads ahead: the end of the connection tells of a client that left.
func (a *answer) wait() bool {
	if a.body.Stream {
		a.openStream()
	}
	if _, err := a.call.Reader.Peek(1); err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		a.abort()
		select {
		case <-a.finish:
		case <-a.api.in.Closed:
		}
		return false
	}
	return <-a.finish
}

// newAnswer reads what is asked for and refuses what vLLM refuses.
func (s *API) newAnswer(c *call.Call, b *body) (*answer, *call.Error) {
	adapter, fail := s.in.Roster.Find(b.Model)
	if fail != nil {
		fail.Message += " Valid aliases: " + strings.Join(s.in.Options.Names, ", ") + "."
		return nil, fail
	}
	a := &answer{api: s, call: c, body: b, created: time.Now().Unix(), finish: make(chan bool, 1)}
	if b.StreamOptions == nil {
		b.StreamOptions = &streamOpt{}
	} else if !b.Stream {
		return nil, call.BadRequest("stream_options", "Stream options can only be defined when `stream=True`. (parameter=stream_options)")
	}
	if b.Model == "" {
		b.Model = s.in.Model()
	}
	a.model = call.Quote(b.Model)
	if fail := b.check(c.URL.Path, s.in.MaxLen); fail != nil {
		return nil, fail
	}
	if err := s.readPrompt(a); err != nil {
		return nil, err
	}
	if err := s.decide(a); err != nil {
		return nil, err
	}
	form, err := b.Form()
	if err != nil {
		return nil, call.BadRequest("", "%v", err)
	}
	return a, s.newChoices(a, adapter, form)
}

// readPrompt reads the prompt of the endpoint and names the answer.
func (s *API) readPrompt(a *answer) *call.Error {
	b, id := a.body, a.call.Header.Get("X-Request-Id")
	if id == "" {
		id = b.RequestID
	}
	if id == "" || len(id) > 256 {
		id = call.RandomID()
	}
	switch a.call.URL.Path {
	case PathChat:
		a.dialect, a.id = &chat{}, "chatcmpl-"+id
		return s.readChat(a)
	case PathResponses:
		a.dialect, a.id = newResponses(), "resp_"+call.RandomID()
		if b.RequestID != "" {
			a.id = b.RequestID
		}
		return s.readInput(a)
	}
	a.dialect, a.id = &completions{}, "cmpl-"+id
	items, fail := prompt.Read(b.Prompt)
	if fail != nil {
		return fail
	}
	if len(items) > maxPrompts {
		return call.BadRequest("prompt", "prompt list length %d exceeds the maximum allowed count of %d. (parameter=prompt)", len(items), maxPrompts)
	}
	for i := range items {
		if items[i].IDs == nil {
			items[i].IDs = s.in.Tokenizer.Encode(items[i].Text, b.AddSpecial == nil || *b.AddSpecial)
			continue
		}
		if id := slices.Max(items[i].IDs); s.in.Built != nil && id >= max(s.in.Built.Model.Vocab, s.in.Tokenizer.VocabSize()) {
			return prompt.OutOfVocabulary(id)
		}
		if b.Echo {
			items[i].Text = s.in.Tokenizer.Decode(items[i].IDs, false)
		}
	}
	a.items = items
	return nil
}

func (s *API) readChat(a *answer) *call.Error {
	raw := a.body.Messages
	if len(raw) == 0 || string(raw) == "null" {
		return missing(a.call.Content, "messages")
	}
	if raw[0] != '[' {
		return wrong("list_type", "body.messages", "Input should be a valid list", raw)
	}
	ts, err := prompt.ReadTurns(raw)
	if err != nil {
		return call.BadRequest("messages", "%v", err)
	}
	return s.readTurns(a, ts)
}

// readInput reads the input of /v1/responses: a text or a list of messages.
func (s *API) readInput(a *answer) *call.Error {
	raw := a.body.Input
	if len(raw) == 0 || string(raw) == "null" {
		return missing(a.call.Content, "input")
	}
	var ts []prompt.Turn
	var text string
	if json.Unmarshal(raw, &text) == nil {
		ts = []prompt.Turn{{Role: "user", Text: text}}
	} else {
		var err error
		if ts, err = prompt.ReadTurns(raw); err != nil {
			return call.BadRequest("input", "input must be a text or a list of messages: %v", err)
		}
	}
	if id := a.body.Previous; id != "" {
		before, ok := s.store.conversation(id)
		if !ok {
			return notStored(id)
		}
		ts = append(before, ts...)
	}
	a.turns = ts
	if a.body.Instructions != "" {
		ts = append([]prompt.Turn{{Role: "system", Text: a.body.Instructions}}, ts...)
	}
	return s.readTurns(a, ts)
}

// readTurns makes a prompt of a conversation.
func (s *API) readTurns(a *answer, ts []prompt.Turn) *call.Error {
	if len(ts) == 0 {
		return call.BadRequest("", "Cannot apply chat template to an empty conversation. Provide at least one message.")
	}
	generation := a.body.AddGeneration == nil || *a.body.AddGeneration
	text, err := prompt.Render(s.in.Options.Template, ts, prompt.Ask{Generation: generation, Tools: a.body.Tools, Kwargs: a.body.Kwargs})
	if err != nil {
		return call.BadRequest("", "%v", err)
	}
	special := a.body.AddSpecial != nil && *a.body.AddSpecial
	a.items = []prompt.Item{{Text: text, IDs: s.in.Tokenizer.Encode(text, special)}}
	return nil
}

func value(p *int) int {
	if p == nil {
		return 0
	}
	return *p
}

func (b *body) n() int {
	if b.N == nil {
		return 1
	}
	return *b.N
}

// submit hands the sequences to the engine. The answer is busy until its head
// is written.
func (s *API) submit(a *answer) *call.Error {
	a.busy = a.body.Stream
	for i, c := range a.choices {
		err := s.in.Engine.Submit(c.req)
		if err == nil {
			continue
		}
		a.mu.Lock()
		a.over = true
		a.mu.Unlock()
		for _, earlier := range a.choices[:i] {
			s.in.Engine.Abort(earlier.req)
		}
		if errors.Is(err, sched.ErrTooLong) {
			return call.BadRequest("input_tokens", "%v", err)
		}
		return call.NewError(http.StatusServiceUnavailable, "ServiceUnavailableError", "", err.Error())
	}
	return nil
}

// invoke is SageMaker's path: a chat where there are messages, else a completion.
func (s *API) invoke(c *call.Call) bool {
	b, fail := readBody(c.Content)
	if fail != nil {
		return c.ReplyError(fail)
	}
	u := *c.URL
	u.Path = PathCompletions
	if len(b.Messages) > 0 {
		u.Path = PathChat
	}
	c.URL = &u
	return s.generate(c)
}
