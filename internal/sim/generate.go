package sim

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"tokmeter/internal/model/sched"
	"tokmeter/internal/template"
)

const (
	pathCompletions = "/v1/completions"
	pathChat        = "/v1/chat/completions"
	pathResponses   = "/v1/responses"
)

// maxN and maxPrompts are vLLM's limits of sequences and prompts in a request.
const (
	maxN       = 16384
	maxPrompts = 1024
)

// uptime is how long the server has been there.
func (s *Server) uptime() time.Duration { return time.Since(s.began) }

// generate answers a request for text.
func (s *Server) generate(c *call) bool {
	s.enter(c)
	defer s.leave(c)
	b, fail := readBody(c.body)
	if fail != nil {
		return c.replyError(fail)
	}
	a, fail := s.newAnswer(c, b)
	if fail != nil {
		return c.replyError(fail)
	}
	if ok, done := a.refuse(); done {
		return ok
	}
	if b.Background && c.URL.Path == pathResponses {
		return s.background(a)
	}
	if fail := s.submit(a); fail != nil {
		return c.replyError(fail)
	}
	return a.wait()
}

// wait returns when the answer is written or its client gone. Meanwhile it
// reads ahead: the end of the connection tells of a client that left.
func (a *answer) wait() bool {
	if a.body.Stream {
		a.openStream()
	}
	if _, err := a.call.reader.Peek(1); err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		a.abort()
		select {
		case <-a.finish:
		case <-a.s.ctx.Done():
		}
		return false
	}
	return <-a.finish
}

// newAnswer reads what is asked for and refuses what vLLM refuses.
func (s *Server) newAnswer(c *call, b *body) (*answer, *apiError) {
	adapter, fail := s.models.find(b.Model)
	if fail != nil {
		fail.message += " Valid aliases: " + strings.Join(s.opts.Names, ", ") + "."
		return nil, fail
	}
	a := &answer{s: s, call: c, body: b, created: time.Now().Unix(), finish: make(chan bool, 1)}
	if b.StreamOptions == nil {
		b.StreamOptions = &streamOpt{}
	} else if !b.Stream {
		return nil, badRequest("stream_options", "Stream options can only be defined when `stream=True`. (parameter=stream_options)")
	}
	if b.Model == "" {
		b.Model = s.Model()
	}
	a.model = quote(b.Model)
	if fail := b.check(c.URL.Path, s.maxLen); fail != nil {
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
		return nil, badRequest("", "%v", err)
	}
	return a, s.newChoices(a, adapter, form)
}

// readPrompt reads the prompt of the endpoint and names the answer.
func (s *Server) readPrompt(a *answer) *apiError {
	b, id := a.body, a.call.Header.Get("X-Request-Id")
	if id == "" {
		id = b.RequestID
	}
	if id == "" || len(id) > 256 {
		id = randomID()
	}
	switch a.call.URL.Path {
	case pathChat:
		a.api, a.id = &chatAPI{}, "chatcmpl-"+id
		return s.readChat(a)
	case pathResponses:
		a.api, a.id = newResponsesAPI(), "resp_"+randomID()
		if b.RequestID != "" {
			a.id = b.RequestID
		}
		return s.readInput(a)
	}
	a.api, a.id = &completionsAPI{}, "cmpl-"+id
	items, fail := prompts(b.Prompt)
	if fail != nil {
		return fail
	}
	if len(items) > maxPrompts {
		return badRequest("prompt", "prompt list length %d exceeds the maximum allowed count of %d. (parameter=prompt)", len(items), maxPrompts)
	}
	for i := range items {
		if items[i].ids == nil {
			items[i].ids = s.tok.Encode(items[i].text, b.AddSpecial == nil || *b.AddSpecial)
			continue
		}
		if id := slices.Max(items[i].ids); s.built != nil && id >= max(s.built.Model.Vocab, s.tok.VocabSize()) {
			return outOfVocabulary(id)
		}
		if b.Echo {
			items[i].text = s.tok.Decode(items[i].ids, false)
		}
	}
	a.items = items
	return nil
}

func (s *Server) readChat(a *answer) *apiError {
	raw := a.body.Messages
	if len(raw) == 0 || string(raw) == "null" {
		return missing(a.call.body, "messages")
	}
	if raw[0] != '[' {
		return wrong("list_type", "body.messages", "Input should be a valid list", raw)
	}
	ts, err := turns(raw)
	if err != nil {
		return badRequest("messages", "%v", err)
	}
	return s.readTurns(a, ts)
}

// readInput reads the input of /v1/responses: a text or a list of messages.
func (s *Server) readInput(a *answer) *apiError {
	raw := a.body.Input
	if len(raw) == 0 || string(raw) == "null" {
		return missing(a.call.body, "input")
	}
	var ts []turn
	var text string
	if json.Unmarshal(raw, &text) == nil {
		ts = []turn{{"user", text}}
	} else {
		var err error
		if ts, err = turns(raw); err != nil {
			return badRequest("input", "input must be a text or a list of messages: %v", err)
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
		ts = append([]turn{{"system", a.body.Instructions}}, ts...)
	}
	return s.readTurns(a, ts)
}

// readTurns makes a prompt of a conversation.
func (s *Server) readTurns(a *answer, ts []turn) *apiError {
	if len(ts) == 0 {
		return badRequest("", "Cannot apply chat template to an empty conversation. Provide at least one message.")
	}
	generation := a.body.AddGeneration == nil || *a.body.AddGeneration
	text, err := s.conversation(ts, generation, a.body)
	if err != nil {
		return badRequest("", "%v", err)
	}
	special := a.body.AddSpecial != nil && *a.body.AddSpecial
	a.items = []item{{text: text, ids: s.tok.Encode(text, special)}}
	return nil
}

// conversation renders a chat: through the template where there is one, else
// each message as its role, a colon, its text and an empty line, and the
// assistant's role at the end.
func (s *Server) conversation(ts []turn, generation bool, b *body) (string, error) {
	if s.opts.Template != nil {
		msgs := make([]template.Message, len(ts))
		for i, t := range ts {
			msgs[i] = template.Message{Role: t.role, Content: t.text}
		}
		kwargs := map[string]any{}
		for k, v := range b.Kwargs {
			kwargs[k] = v
		}
		return s.opts.Template.Render(msgs, generation, kwargs)
	}
	var out []byte
	if len(b.Tools) > 0 && string(b.Tools) != "null" {
		out = append(append(append(out, "tools: "...), b.Tools...), "\n\n"...)
	}
	for _, t := range ts {
		out = append(append(append(append(out, t.role...), ": "...), t.text...), "\n\n"...)
	}
	if generation {
		out = append(out, "assistant:"...)
	}
	return string(out), nil
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

func randomID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// submit hands the sequences to the engine. The answer is busy until its head
// is written.
func (s *Server) submit(a *answer) *apiError {
	a.busy = a.body.Stream
	for i, c := range a.choices {
		err := s.engine.Submit(c.req)
		if err == nil {
			continue
		}
		a.mu.Lock()
		a.over = true
		a.mu.Unlock()
		for _, earlier := range a.choices[:i] {
			s.engine.Abort(earlier.req)
		}
		if errors.Is(err, sched.ErrTooLong) {
			return badRequest("input_tokens", "%v", err)
		}
		return &apiError{http.StatusServiceUnavailable, "ServiceUnavailableError", "", err.Error()}
	}
	return nil
}

// invoke is SageMaker's path: a chat where there are messages, else a completion.
func (s *Server) invoke(c *call) bool {
	b, fail := readBody(c.body)
	if fail != nil {
		return c.replyError(fail)
	}
	u := *c.URL
	u.Path = pathCompletions
	if len(b.Messages) > 0 {
		u.Path = pathChat
	}
	c.URL = &u
	return s.generate(c)
}
