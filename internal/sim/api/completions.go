package api

import (
	"strconv"
	"unicode/utf8"

	"tokmeter/internal/sim/text"
)

// completions renders /v1/completions.
type completions struct{}

func (*completions) begin(_ *answer, dst []byte) []byte { return dst }
func (*completions) first(_ *answer, dst []byte) []byte { return dst }

func (api *completions) delta(a *answer, c *choice, dst []byte) []byte {
	if c.ending == "abort" {
		return dst
	}
	dst = append(dst, a.prefix...)
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(c.index), 10)
	dst = append(dst, `,"text":`...)
	var promptIDs []int
	tokens, pos := c.tokens, c.sent
	switch {
	case a.body.Echo && !c.echoed:
		dst = appendText(dst, c.echo())
		promptIDs = a.items[c.item].IDs
		tokens, pos = c.echoTokens(tokens)
	default:
		dst = appendText(dst, c.text)
		if !c.echoed && a.body.ReturnIDs {
			promptIDs = a.items[c.item].IDs
		}
	}
	c.echoed = true
	if a.body.Logprobs.on {
		dst = append(dst, `,"logprobs":`...)
		dst = c.appendLogprobs(dst, tokens, pos)
	} else {
		dst = append(dst, `,"logprobs":null`...)
	}
	dst = append(dst, `,"finish_reason":`...)
	dst = appendReason(dst, c.ending)
	dst = append(dst, `,"stop_reason":`...)
	dst = appendStopReason(dst, c.stopped)
	dst = append(dst, `,"prompt_token_ids":`...)
	if promptIDs == nil || !a.body.ReturnIDs && !a.body.Echo {
		dst = append(dst, "null"...)
	} else {
		dst = appendInts(dst, promptIDs)
	}
	dst = append(dst, `,"token_ids":`...)
	if a.body.ReturnIDs {
		dst = appendIDs(dst, c.tokens)
	} else {
		dst = append(dst, "null"...)
	}
	return a.finishEvent(c, append(dst, '}'))
}

// echo is the prompt with what is held of the answer; the prompt alone where no
// token was asked for.
func (c *choice) echo() string {
	prompt := c.a.items[c.item].Text
	if c.a.body.ReturnIDs {
		prompt = ""
	}
	if c.promptAlone() {
		return prompt
	}
	return prompt + c.text
}

// promptAlone reports whether the prompt is all that was asked for.
func (c *choice) promptAlone() bool {
	p := c.a.body.MaxTokens
	return c.a.body.Echo && p != nil && *p == 0
}

// echoTokens puts the prompt's tokens ahead of those of the answer, where log
// probabilities are wanted, and returns the position of the first.
func (c *choice) echoTokens(answer []text.Token) (tokens []text.Token, pos int) {
	if !c.a.body.Logprobs.on {
		return answer, 0
	}
	ids := c.a.items[c.item].IDs
	for _, id := range ids {
		tokens = append(tokens, text.Token{ID: id, Text: c.a.api.in.Tokenizer.Decode([]int{id}, false)})
	}
	if !c.promptAlone() {
		tokens = append(tokens, answer...)
	}
	return tokens, -len(ids)
}

func (*completions) last(a *answer, dst []byte) []byte { return a.lastEvents(dst) }

// appendLogprobs appends the log probabilities of tokens that begin at position
// pos of the answer; a prompt, which begins below 0, has none for its first.
func (c *choice) appendLogprobs(dst []byte, tokens []text.Token, pos int) []byte {
	rows := c.rows(tokens, pos, c.a.body.Logprobs.rows+1)
	dst = append(dst, `{"text_offset":[`...)
	for i, r := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(c.offset), 10)
		c.offset += utf8.RuneCountInString(c.tokenName(r[0].Token))
	}
	dst = append(dst, `],"token_logprobs":[`...)
	for i, r := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		if i == 0 && pos < 0 {
			dst = append(dst, "null"...)
			continue
		}
		dst = appendLog(dst, r[0].Value)
	}
	dst = append(dst, `],"tokens":[`...)
	for i, r := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, c.tokenName(r[0].Token))
	}
	dst = append(dst, `],"top_logprobs":[`...)
	for i, r := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		if i == 0 && pos < 0 {
			dst = append(dst, "null"...)
			continue
		}
		dst = append(dst, '{')
		n := min(len(r), max(c.a.body.Logprobs.rows, 1))
		for j := range n {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendText(dst, c.tokenName(r[j].Token)), ':')
			dst = appendLog(dst, r[j].Value)
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// rows are the log probabilities of each token, itself first, then k-1 others.
func (c *choice) rows(tokens []text.Token, pos, k int) [][]text.Logprob {
	out := make([][]text.Logprob, len(tokens))
	for i, t := range tokens {
		out[i] = c.voice.Logprobs(nil, pos+i, t, max(k, 1))
	}
	return out
}

// tokenName is a token as log probabilities show it.
func (c *choice) tokenName(t text.Token) string {
	if c.a.body.AsIDs {
		return "token_id:" + strconv.Itoa(t.ID)
	}
	return t.Text
}

func appendLog(dst []byte, v float64) []byte { return strconv.AppendFloat(dst, v, 'f', -1, 64) }

// A completionChoice is one choice of an answer that is not streamed.
type completionChoice struct {
	Index        int    `json:"index"`
	Text         string `json:"text"`
	Logprobs     any    `json:"logprobs"`
	FinishReason string `json:"finish_reason"`
	StopReason   any    `json:"stop_reason"`
	TokenIDs     any    `json:"token_ids"`
	Prompt       any    `json:"prompt_logprobs"`
	PromptIDs    any    `json:"prompt_token_ids"`
	Experts      any    `json:"routed_experts"`
}

func (*completions) whole(a *answer) any {
	choices := make([]completionChoice, len(a.choices))
	for i, c := range a.choices {
		c.text = c.whole.String()
		x := completionChoice{Index: c.index, Text: c.text, FinishReason: c.ending, StopReason: c.stopped}
		if a.body.Echo {
			x.Text = c.echo()
		}
		if a.body.Logprobs.on {
			tokens, pos := c.log, 0
			if a.body.Echo {
				tokens, pos = c.echoTokens(tokens)
			}
			x.Logprobs = rawJSON(c.appendLogprobs(nil, tokens, pos))
		}
		if a.body.ReturnIDs {
			x.TokenIDs, x.PromptIDs = rawJSON(appendIDs(nil, c.log)), a.items[c.item].IDs
		}
		choices[i] = x
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
		KV          any     `json:"kv_transfer_params"`
		EC          any     `json:"ec_transfer_params"`
		Metrics     any     `json:"metrics"`
	}{ID: a.id, Object: "text_completion", Created: a.created, Model: rawJSON(a.model), Choices: choices, Fingerprint: fingerprint, Usage: a.usageObject()}
}

// rawJSON is JSON that is already written.
type rawJSON []byte

// MarshalJSON returns it as it is.
func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }
