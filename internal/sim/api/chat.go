package api

import (
	"strconv"

	"tokmeter/internal/sim/text"
)

// chat renders /v1/chat/completions.
type chat struct{}

func (*chat) begin(_ *answer, dst []byte) []byte { return dst }

// first is one event for each choice that names the role.
func (*chat) first(a *answer, dst []byte) []byte {
	for _, c := range a.choices {
		dst = append(dst, a.prefix...)
		dst = append(dst, `{"index":`...)
		dst = strconv.AppendInt(dst, int64(c.index), 10)
		dst = append(dst, `,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]`...)
		if a.body.StreamOptions.Continuous && a.body.StreamOptions.Usage {
			dst = append(a.appendRunning(dst, a.promptN, 0), '}')
		}
		dst = append(dst, `,"prompt_token_ids":`...)
		if a.body.ReturnIDs {
			dst = appendInts(dst, a.items[c.item].IDs)
		} else {
			dst = append(dst, "null"...)
		}
		dst = append(dst, `,"prompt_text":null}`...)
		dst = append(dst, "\n\n"...)
	}
	return dst
}

func (*chat) delta(a *answer, c *choice, dst []byte) []byte {
	if c.ending == "abort" {
		return dst
	}
	if c.calls && len(c.tools) == 0 && c.text == "" && c.reasoning == "" && c.ending == "" && !a.wantsTokens() {
		return dst // a token of the call's frame, which no event shows
	}
	dst = append(dst, a.prefix...)
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(c.index), 10)
	dst = append(dst, `,"delta":{`...)
	from := len(dst)
	if c.reasoning != "" {
		dst = appendText(append(dst, `"reasoning":`...), c.reasoning)
	}
	if c.text != "" || c.reasoning == "" && !c.calls {
		if len(dst) > from {
			dst = append(dst, ',')
		}
		dst = appendText(append(dst, `"content":`...), c.text)
	}
	if len(c.tools) > 0 {
		if len(dst) > from {
			dst = append(dst, ',')
		}
		dst = appendCalls(dst, c.tools)
	}
	dst = append(dst, `},"logprobs":`...)
	if a.body.Logprobs.on {
		dst = c.appendChatLogprobs(dst, c.tokens, c.sent)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"finish_reason":`...)
	dst = appendReason(dst, c.ending)
	if c.ending != "" {
		dst = append(dst, `,"stop_reason":`...)
		dst = appendStopReason(dst, c.stopped)
	}
	dst = append(dst, `,"token_ids":`...)
	if a.body.ReturnIDs {
		dst = appendIDs(dst, c.tokens)
	} else {
		dst = append(dst, "null"...)
	}
	return a.finishEvent(c, append(dst, '}'))
}

// appendCalls appends the tool calls of an event.
func appendCalls(dst []byte, calls []text.CallDelta) []byte {
	dst = append(dst, `"tool_calls":[`...)
	for i, t := range calls {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		if t.Start {
			dst = appendText(append(dst, `"id":`...), t.ID)
			dst = append(dst, `,"type":"function",`...)
		}
		dst = append(dst, `"index":`...)
		dst = strconv.AppendInt(dst, int64(t.Index), 10)
		dst = append(dst, `,"function":{`...)
		if t.Start {
			dst = append(appendText(append(dst, `"name":`...), t.Name), ',')
		}
		dst = appendText(append(dst, `"arguments":`...), t.Arguments)
		dst = append(dst, "}}"...)
	}
	return append(dst, ']')
}

func (*chat) last(a *answer, dst []byte) []byte { return a.lastEvents(dst) }

// appendChatLogprobs appends the log probabilities of tokens that begin at
// position pos of the answer.
func (c *choice) appendChatLogprobs(dst []byte, tokens []text.Token, pos int) []byte {
	top := value(c.a.body.TopLogprobs)
	dst = append(dst, `{"content":[`...)
	for i, r := range c.rows(tokens, pos, max(top, 1)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.appendLogprob(append(dst, '{'), r[0])
		dst = append(dst, `,"top_logprobs":[`...)
		for j := range min(top, len(r)) {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = append(c.appendLogprob(append(dst, '{'), r[j]), '}')
		}
		dst = append(dst, "]}"...)
	}
	return append(dst, "]}"...)
}

func (c *choice) appendLogprob(dst []byte, l text.Logprob) []byte {
	name := c.tokenName(l.Token)
	dst = appendText(append(dst, `"token":`...), name)
	dst = appendLog(append(dst, `,"logprob":`...), l.Value)
	return appendByteList(append(dst, `,"bytes":`...), name)
}

// appendByteList appends the bytes of s as numbers.
func appendByteList(dst []byte, s string) []byte {
	dst = append(dst, '[')
	for i := range len(s) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(s[i]), 10)
	}
	return append(dst, ']')
}

// A message is what an answer that is not streamed says.
type message struct {
	Role        string `json:"role"`
	Content     any    `json:"content"`
	Refusal     any    `json:"refusal"`
	Annotations any    `json:"annotations"`
	Audio       any    `json:"audio"`
	Function    any    `json:"function_call"`
	Calls       []any  `json:"tool_calls,omitempty"`
	Reasoning   any    `json:"reasoning"`
}

type chatChoice struct {
	Index        int     `json:"index"`
	Message      message `json:"message"`
	Logprobs     any     `json:"logprobs"`
	FinishReason string  `json:"finish_reason"`
	StopReason   any     `json:"stop_reason"`
	TokenIDs     any     `json:"token_ids"`
	Experts      any     `json:"routed_experts"`
}

func (*chat) whole(a *answer) any {
	choices := make([]chatChoice, len(a.choices))
	for i, c := range a.choices {
		m := message{Role: "assistant", Content: c.whole.String()}
		if c.thought.Len() > 0 {
			m.Reasoning = c.thought.String()
		}
		for _, t := range c.called {
			m.Calls = append(m.Calls, struct {
				ID       string            `json:"id"`
				Type     string            `json:"type"`
				Function map[string]string `json:"function"`
			}{t.ID, "function", map[string]string{"name": t.Name, "arguments": t.Arguments}})
		}
		x := chatChoice{Index: c.index, Message: m, FinishReason: c.ending, StopReason: c.stopped}
		if a.body.Logprobs.on {
			x.Logprobs = rawJSON(c.appendChatLogprobs(nil, c.log, 0))
		}
		if a.body.ReturnIDs {
			x.TokenIDs = rawJSON(appendIDs(nil, c.log))
		}
		choices[i] = x
	}
	var ids any
	if a.body.ReturnIDs {
		ids = a.items[0].IDs
	}
	return struct {
		ID          string  `json:"id"`
		Object      string  `json:"object"`
		Created     int64   `json:"created"`
		Model       rawJSON `json:"model"`
		Choices     any     `json:"choices"`
		Tier        any     `json:"service_tier"`
		Fingerprint string  `json:"system_fingerprint"`
		Usage       any     `json:"usage"`
		Prompt      any     `json:"prompt_logprobs"`
		PromptIDs   any     `json:"prompt_token_ids"`
		PromptText  any     `json:"prompt_text"`
		KV          any     `json:"kv_transfer_params"`
		EC          any     `json:"ec_transfer_params"`
		Metrics     any     `json:"metrics"`
	}{ID: a.id, Object: "chat.completion", Created: a.created, Model: rawJSON(a.model), Choices: choices, Fingerprint: fingerprint, Usage: a.usageObject(), PromptIDs: ids}
}
