package sim

import (
	"encoding/json"
	"strconv"
)

// An api renders the events of one endpoint. Each method appends whole HTTP
// chunks; all bytes of one token go out in one write.
type api interface {
	opening(st *stream, dst []byte) []byte
	token(st *stream, dst []byte) []byte
	closing(st *stream, dst []byte) []byte
	// plain renders the answer that is not streamed.
	plain(st *stream, text string) any
}

// common is what every event of an answer begins with.
type common struct {
	id      string
	model   string // as JSON
	created int64
	chat    bool
}

func (c *common) begin(st *stream) {
	st.scratch = append(st.scratch[:0], `data: {"id":"`...)
	st.scratch = append(st.scratch, c.id...)
	if c.chat {
		st.scratch = append(st.scratch, `","object":"chat.completion.chunk","created":`...)
	} else {
		st.scratch = append(st.scratch, `","object":"text_completion","created":`...)
	}
	st.scratch = strconv.AppendInt(st.scratch, c.created, 10)
	st.scratch = append(st.scratch, `,"model":`...)
	st.scratch = append(st.scratch, c.model...)
	st.scratch = append(st.scratch, `,"choices":[`...)
}

// finish appends usage where it is wanted and the end of the event.
func (c *common) finish(st *stream, dst []byte, tokens int, usage bool) []byte {
	st.scratch = append(st.scratch, ']')
	if usage {
		st.scratch = append(st.scratch, `,"usage":`...)
		st.scratch = appendUsage(st.scratch, "prompt_tokens", st.promptN, "completion_tokens", tokens)
	}
	st.scratch = append(st.scratch, "}\n\n"...)
	return chunk(dst, st.scratch)
}

func appendUsage(dst []byte, in string, nIn int, out string, nOut int) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, in...)
	dst = append(dst, `":`...)
	dst = strconv.AppendInt(dst, int64(nIn), 10)
	dst = append(dst, `,"`...)
	dst = append(dst, out...)
	dst = append(dst, `":`...)
	dst = strconv.AppendInt(dst, int64(nOut), 10)
	dst = append(dst, `,"total_tokens":`...)
	dst = strconv.AppendInt(dst, int64(nIn+nOut), 10)
	return append(dst, '}')
}

func (c *common) opening(st *stream, dst []byte) []byte {
	if !c.chat {
		return dst
	}
	c.begin(st)
	st.scratch = append(st.scratch, `{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}`...)
	return c.finish(st, dst, 0, st.running)
}

func (c *common) token(st *stream, dst []byte) []byte {
	c.begin(st)
	if c.chat {
		st.scratch = append(st.scratch, `{"index":0,"delta":{"content":"`...)
	} else {
		st.scratch = append(st.scratch, `{"index":0,"text":"`...)
	}
	st.scratch = append(st.scratch, st.word()...)
	st.scratch = append(st.scratch, '"')
	if c.chat {
		st.scratch = append(st.scratch, '}')
	}
	st.scratch = append(st.scratch, `,"logprobs":null,"finish_reason":`...)
	if st.token+1 == st.total {
		st.scratch = append(st.scratch, `"length"}`...)
	} else {
		st.scratch = append(st.scratch, `null}`...)
	}
	return c.finish(st, dst, st.token+1, st.running)
}

func (c *common) closing(st *stream, dst []byte) []byte {
	if st.usage {
		c.begin(st)
		dst = c.finish(st, dst, st.total, true)
	}
	return chunk(dst, []byte("data: [DONE]\n\n"))
}

func (c *common) plain(st *stream, text string) any {
	choice := map[string]any{"index": 0, "logprobs": nil, "finish_reason": "length"}
	object := "text_completion"
	if c.chat {
		object = "chat.completion"
		choice["message"] = map[string]any{"role": "assistant", "content": text}
	} else {
		choice["text"] = text
	}
	return map[string]any{
		"id": c.id, "object": object, "created": c.created, "model": json.RawMessage(c.model),
		"choices": []any{choice},
		"usage": map[string]int{
			"prompt_tokens": st.promptN, "completion_tokens": st.total, "total_tokens": st.promptN + st.total},
	}
}

// responses renders the events of /v1/responses.
type responses struct{ common }

func (r *responses) event(st *stream, dst []byte, name string, rest func()) []byte {
	st.scratch = append(st.scratch[:0], "event: "...)
	st.scratch = append(st.scratch, name...)
	st.scratch = append(st.scratch, "\ndata: {\"type\":\""...)
	st.scratch = append(st.scratch, name...)
	st.scratch = append(st.scratch, `",`...)
	rest()
	st.scratch = append(st.scratch, "}\n\n"...)
	return chunk(dst, st.scratch)
}

func (r *responses) response(st *stream, status string, usage bool) {
	st.scratch = append(st.scratch, `"response":{"id":"`...)
	st.scratch = append(st.scratch, r.id...)
	st.scratch = append(st.scratch, `","object":"response","status":"`...)
	st.scratch = append(st.scratch, status...)
	st.scratch = append(st.scratch, `","model":`...)
	st.scratch = append(st.scratch, r.model...)
	if usage {
		st.scratch = append(st.scratch, `,"incomplete_details":{"reason":"max_output_tokens"},"usage":`...)
		st.scratch = appendUsage(st.scratch, "input_tokens", st.promptN, "output_tokens", st.total)
	}
	st.scratch = append(st.scratch, '}')
}

func (r *responses) opening(st *stream, dst []byte) []byte {
	return r.event(st, dst, "response.created", func() { r.response(st, "in_progress", false) })
}

func (r *responses) token(st *stream, dst []byte) []byte {
	return r.event(st, dst, "response.output_text.delta", func() {
		st.scratch = append(st.scratch, `"item_id":"msg_0","output_index":0,"content_index":0,"delta":"`...)
		st.scratch = append(st.scratch, st.word()...)
		st.scratch = append(st.scratch, '"')
	})
}

func (r *responses) closing(st *stream, dst []byte) []byte {
	return r.event(st, dst, "response.incomplete", func() { r.response(st, "incomplete", true) })
}

func (r *responses) plain(st *stream, text string) any {
	return map[string]any{
		"id": r.id, "object": "response", "status": "incomplete", "model": json.RawMessage(r.model),
		"output": []any{map[string]any{"type": "message", "role": "assistant",
			"content": []any{map[string]any{"type": "output_text", "text": text}}}},
		"usage": map[string]int{
			"input_tokens": st.promptN, "output_tokens": st.total, "total_tokens": st.promptN + st.total},
	}
}
