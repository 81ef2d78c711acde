package api

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"tokmeter/internal/python"
	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/prompt"
	"tokmeter/internal/sim/text"
)

// responses renders /v1/responses. The answer has one choice.
type responses struct {
	serial  int    // sequence_number of the next event
	item    string // id of the message or call
	outputs int    // items that were closed
	kind    itemKind
	call    int // index of the tool call that is open
}

// An itemKind is what kind of output item is open.
type itemKind uint8

const (
	noItem itemKind = iota
	textItem
	thoughtItem
	callItem
)

func newResponses() *responses { return &responses{} }

// event appends one event; rest is its data up to sequence_number.
func (r *responses) event(dst []byte, name string, rest []byte) []byte {
	return r.eventAnd(dst, name, rest, "")
}

// eventAnd is event with data behind sequence_number: fields are in order of
// name.
func (r *responses) eventAnd(dst []byte, name string, rest []byte, behind string) []byte {
	dst = append(append(dst, "event: "...), name...)
	dst = append(append(dst, "\ndata: {"...), rest...)
	dst = append(dst, `,"sequence_number":`...)
	dst = strconv.AppendInt(dst, int64(r.serial), 10)
	dst = append(append(dst, behind...), `,"type":"`...)
	dst = append(append(dst, name...), "\"}\n\n"...)
	r.serial++
	return dst
}

// objectEvent appends an event whose data is fields of v under key.
func (r *responses) objectEvent(dst []byte, name, key string, v any, more string) []byte {
	rest := append([]byte(`"`+key+`":`), marshal(v)...)
	return r.event(dst, name, append(rest, more...))
}

// marshal is v as JSON; only values that can be marshalled come here.
func marshal(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		return []byte("null")
	}
	return bytes.TrimRight(buf.Bytes(), "\n")
}

func (r *responses) begin(a *answer, dst []byte) []byte {
	dst = r.objectEvent(dst, "response.created", "response", r.object(a, "in_progress"), "")
	return r.objectEvent(dst, "response.in_progress", "response", r.object(a, "in_progress"), "")
}

func (*responses) first(_ *answer, dst []byte) []byte { return dst }

// at is what events inside an item name.
func (r *responses) at() string {
	return `,"item_id":"` + r.item + `","output_index":` + strconv.Itoa(r.outputs)
}

func (r *responses) delta(a *answer, c *choice, dst []byte) []byte {
	if c.ending == "abort" {
		return dst
	}
	if c.reasoning != "" {
		dst = r.enter(a, c, thoughtItem, dst)
		dst = r.event(dst, "response.reasoning_text.delta", []byte(`"content_index":0,"delta":`+call.Quote(c.reasoning)+r.at()))
	}
	if c.text != "" || r.kind == noItem && !c.calls && c.reasoning == "" {
		dst = r.enter(a, c, textItem, dst)
	}
	if r.kind == textItem && (len(c.tools) == 0 || c.text != "") {
		dst = r.textDelta(c, dst)
	}
	for _, t := range c.tools {
		if t.Start {
			dst = r.leave(a, c, dst)
			r.kind, r.item, r.call = callItem, "fc_"+call.RandomID(), t.Index
			dst = r.objectEvent(dst, "response.output_item.added", "item", r.callObject(t.ID, t.Name, "", "in_progress"), `,"output_index":`+strconv.Itoa(r.outputs))
		}
		if t.Arguments != "" {
			dst = r.event(dst, "response.function_call_arguments.delta", []byte(`"delta":`+call.Quote(t.Arguments)+r.at()))
		}
	}
	return dst
}

// textDelta is the event of every token: it is written without detours.
func (r *responses) textDelta(c *choice, dst []byte) []byte {
	dst = append(dst, "event: response.output_text.delta\ndata: {\"content_index\":0,\"delta\":"...)
	dst = appendText(dst, c.text)
	dst = append(append(append(dst, `,"item_id":"`...), r.item...), `","logprobs":`...)
	if c.a.body.Logprobs.on {
		dst = c.appendResponseLogprobs(dst, c.tokens, c.sent, false)
	} else {
		dst = append(dst, "[]"...)
	}
	dst = strconv.AppendInt(append(dst, `,"output_index":`...), int64(r.outputs), 10)
	dst = strconv.AppendInt(append(dst, `,"sequence_number":`...), int64(r.serial), 10)
	r.serial++
	return append(dst, ",\"type\":\"response.output_text.delta\"}\n\n"...)
}

// enter opens an item of a kind, closing the one that is open.
func (r *responses) enter(a *answer, c *choice, kind itemKind, dst []byte) []byte {
	if r.kind == kind {
		return dst
	}
	dst = r.leave(a, c, dst)
	r.kind = kind
	index := `,"output_index":` + strconv.Itoa(r.outputs)
	if kind == thoughtItem {
		r.item = "rs_" + call.RandomID()
		return r.objectEvent(dst, "response.output_item.added", "item", map[string]any{"id": r.item, "summary": []any{}, "type": "reasoning", "content": nil, "status": "in_progress"}, index)
	}
	r.item = "msg_" + call.RandomID()
	dst = r.objectEvent(dst, "response.output_item.added", "item", r.message("in_progress", nil), index)
	return r.event(dst, "response.content_part.added", []byte(`"content_index":0`+r.at()+`,"part":{"annotations":[],"text":"","type":"output_text","logprobs":[]}`))
}

// leave closes the item that is open.
func (r *responses) leave(_ *answer, c *choice, dst []byte) []byte {
	index := `,"output_index":` + strconv.Itoa(r.outputs)
	switch r.kind {
	case noItem:
		return dst
	case textItem:
		said := call.Quote(c.said())
		dst = r.eventAnd(dst, "response.output_text.done", []byte(`"content_index":0,"item_id":"`+r.item+`","logprobs":[]`+index), `,"text":`+said)
		dst = r.event(dst, "response.content_part.done", []byte(`"content_index":0`+r.at()+`,"part":{"annotations":[],"text":`+said+`,"type":"output_text","logprobs":`+string(marshal(c.allLogprobs()))+`}`))
		dst = r.objectEvent(dst, "response.output_item.done", "item", r.message("completed", c.allLogprobs(), c.said()), index)
	case thoughtItem:
		said := c.thought.String() + c.reasoning
		dst = r.eventAnd(dst, "response.reasoning_text.done", []byte(`"content_index":0`+r.at()), `,"text":`+call.Quote(said))
		dst = r.objectEvent(dst, "response.output_item.done", "item", thoughtObject(r.item, said), index)
	case callItem:
		t := c.calledSoFar()[r.call]
		dst = r.event(dst, "response.function_call_arguments.done", []byte(`"arguments":`+call.Quote(t.Arguments)+r.at()))
		dst = r.objectEvent(dst, "response.output_item.done", "item", r.callObject(t.ID, t.Name, t.Arguments, "completed"), index)
	}
	r.kind = noItem
	r.outputs++
	return dst
}

func (r *responses) last(a *answer, dst []byte) []byte {
	c := a.choices[0]
	dst = r.leave(a, c, dst)
	if a.failure != nil {
		o := r.object(a, "failed")
		o.Error = map[string]string{"code": "server_error", "message": a.failure.Message}
		return r.objectEvent(dst, "response.failed", "response", o, "")
	}
	o := r.finished(a)
	r.keep(a, o)
	return r.objectEvent(dst, "response.completed", "response", o, "")
}

// finished is the object of an answer that has ended.
func (r *responses) finished(a *answer) *responseObject {
	c := a.choices[0]
	status := "completed"
	if c.ending == "length" {
		status = "incomplete"
	}
	o := r.object(a, status)
	if status == "incomplete" {
		o.Incomplete = map[string]string{"reason": "max_output_tokens"}
	}
	if c.thought.Len() > 0 {
		o.Output = append(o.Output, thoughtObject("rs_"+call.RandomID(), c.thought.String()))
	}
	if said := c.said(); said != "" || !c.calls {
		if r.item == "" {
			r.item = "msg_" + call.RandomID()
		}
		o.Output = append(o.Output, r.message("completed", c.allLogprobs(), said))
	}
	for _, t := range c.called {
		o.Output = append(o.Output, r.callObject(t.ID, t.Name, t.Arguments, "completed"))
	}
	n, cached := a.completionTokens(), a.cached()
	u := &responseUsage{Input: a.promptN, Output: n, Total: a.promptN + n}
	u.In.Cached, u.In.Turns, u.In.CachedTurns = cached, []int{}, []int{}
	u.Out.Reasoning, u.Out.Turns, u.Out.ToolTurns = a.reasoningTokens(), []int{}, []int{}
	o.Usage = u
	return o
}

func (r *responses) whole(a *answer) any {
	o := r.finished(a)
	r.keep(a, o)
	return o
}

// keep stores the response unless the request has store: false.
func (r *responses) keep(a *answer, o *responseObject) {
	if a.body.Store == nil || *a.body.Store {
		a.api.store.put(a.id, o)
		a.api.store.remember(a.id, append(slices.Clone(a.turns), prompt.Turn{Role: "assistant", Text: a.choices[0].said()}))
	}
}

// said is the text of the answer so far.
func (c *choice) said() string { return c.whole.String() }

// A responseObject is a response as /v1/responses shows it.
type responseObject struct {
	ID          string  `json:"id"`
	Created     int64   `json:"created_at"`
	Incomplete  any     `json:"incomplete_details"`
	Instruct    any     `json:"instructions"`
	Metadata    any     `json:"metadata"`
	Model       rawJSON `json:"model"`
	Object      string  `json:"object"`
	Output      []any   `json:"output"`
	Parallel    bool    `json:"parallel_tool_calls"`
	Temperature rawJSON `json:"temperature"`
	ToolChoice  any     `json:"tool_choice"`
	Tools       any     `json:"tools"`
	TopP        rawJSON `json:"top_p"`
	Background  bool    `json:"background"`
	Max         int     `json:"max_output_tokens"`
	MaxCalls    any     `json:"max_tool_calls"`
	Previous    any     `json:"previous_response_id"`
	Prompt      any     `json:"prompt"`
	Reasoning   any     `json:"reasoning"`
	Tier        string  `json:"service_tier"`
	Status      string  `json:"status"`
	Error       any     `json:"error,omitempty"`
	Text        any     `json:"text"`
	TopLogprobs *int    `json:"top_logprobs"`
	Truncation  string  `json:"truncation"`
	Usage       any     `json:"usage"`
	User        any     `json:"user"`
	Presence    rawJSON `json:"presence_penalty"`
	Frequency   rawJSON `json:"frequency_penalty"`
	KV          any     `json:"kv_transfer_params"`
	EC          any     `json:"ec_transfer_params"`
	In          any     `json:"input_messages"`
	Out         any     `json:"output_messages"`
}

// responseUsage is the usage of a response.
type responseUsage struct {
	Input int `json:"input_tokens"`
	In    struct {
		Cached      int   `json:"cached_tokens"`
		Written     int   `json:"cache_write_tokens"`
		Turns       []int `json:"input_tokens_per_turn"`
		CachedTurns []int `json:"cached_tokens_per_turn"`
	} `json:"input_tokens_details"`
	Output int `json:"output_tokens"`
	Out    struct {
		Reasoning int   `json:"reasoning_tokens"`
		Tools     int   `json:"tool_output_tokens"`
		Turns     []int `json:"output_tokens_per_turn"`
		ToolTurns []int `json:"tool_output_tokens_per_turn"`
	} `json:"output_tokens_details"`
	Total int `json:"total_tokens"`
}

// object is the response without its outcome.
func (r *responses) object(a *answer, status string) *responseObject {
	b := a.body
	o := &responseObject{ID: a.id, Created: a.created, Model: rawJSON(a.model), Object: "response", Output: []any{}, Parallel: true,
		Temperature: rawJSON("1.0"), ToolChoice: "none", Tools: []any{}, TopP: rawJSON("1.0"), Background: b.Background,
		Presence: rawJSON("0.0"), Frequency: rawJSON("0.0"), TopLogprobs: b.TopLogprobs, Max: a.choices[0].req.Max,
		Tier: "auto", Status: status, Truncation: "disabled"}
	if b.Temperature != nil {
		o.Temperature = rawJSON(python.Float(*b.Temperature))
	}
	if b.TopP != nil {
		o.TopP = rawJSON(python.Float(*b.TopP))
	}
	if len(b.Tools) > 0 {
		o.Tools, o.ToolChoice = b.Tools, "auto"
	}
	if len(b.ToolChoice) > 0 {
		o.ToolChoice = b.ToolChoice
	}
	if b.Instructions != "" {
		o.Instruct = b.Instructions
	}
	return o
}

// allLogprobs are the log probabilities of the answer so far, nil where they are
// not wanted.
func (c *choice) allLogprobs() any {
	if !c.a.body.Logprobs.on {
		return nil
	}
	tokens := c.log
	return rawJSON(c.appendResponseLogprobs(nil, tokens, 0, true))
}

// appendResponseLogprobs appends log probabilities as items of /v1/responses have
// them; its events have no bytes.
func (c *choice) appendResponseLogprobs(dst []byte, tokens []text.Token, pos int, withBytes bool) []byte {
	top := value(c.a.body.TopLogprobs)
	one := func(dst []byte, l text.Logprob) []byte {
		name := c.tokenName(l.Token)
		dst = appendText(append(dst, `{"token":`...), name)
		if withBytes {
			dst = append(dst, `,"bytes":`...)
			dst = appendByteList(dst, name)
		}
		return appendLog(append(dst, `,"logprob":`...), l.Value)
	}
	dst = append(dst, '[')
	for i, r := range c.rows(tokens, pos, max(top, 1)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(one(dst, r[0]), `,"top_logprobs":[`...)
		for j := range min(top, len(r)) {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = append(one(dst, r[j]), '}')
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, ']')
}

type messageObject struct {
	ID      string `json:"id"`
	Content []any  `json:"content"`
	Role    string `json:"role"`
	Status  string `json:"status"`
	Type    string `json:"type"`
	Phase   any    `json:"phase"`
}

// message is an output item of text.
func (r *responses) message(status string, logprobs any, said ...string) any {
	m := messageObject{ID: r.item, Content: []any{}, Role: "assistant", Status: status, Type: "message"}
	for _, s := range said {
		m.Content = append(m.Content, struct {
			Annotations []any  `json:"annotations"`
			Text        string `json:"text"`
			Type        string `json:"type"`
			Logprobs    any    `json:"logprobs"`
		}{[]any{}, s, "output_text", logprobs})
	}
	return m
}

func thoughtObject(id, said string) any {
	return map[string]any{"id": id, "summary": []any{}, "type": "reasoning", "status": nil, "encrypted_content": nil,
		"content": []any{map[string]string{"text": said, "type": "reasoning_text"}}}
}

func (r *responses) callObject(id, name, arguments, status string) any {
	return map[string]any{"arguments": arguments, "call_id": id, "name": name, "type": "function_call", "id": r.item, "status": status}
}
