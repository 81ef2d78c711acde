package api

import (
	"strconv"
	"unicode/utf8"

	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/text"
)

// fingerprint is what answers carry as system_fingerprint.
const fingerprint = "tokmeter-sim"

const escapeHex = "0123456789abcdef"

// appendText appends s as a JSON string: characters outside ASCII stay as they
// are, what is no UTF-8 becomes U+FFFD.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += n
			continue
		}
		if b >= ' ' && b != '"' && b != '\\' {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		switch b {
		case '"', '\\':
			dst = append(dst, '\\', b)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', escapeHex[b>>4], escapeHex[b&15])
		}
		i++
		from = i
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

func appendInts(dst []byte, ids []int) []byte {
	dst = append(dst, '[')
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(id), 10)
	}
	return append(dst, ']')
}

func appendIDs(dst []byte, tokens []text.Token) []byte {
	dst = append(dst, '[')
	for i, t := range tokens {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(t.ID), 10)
	}
	return append(dst, ']')
}

// prefixOf is what every event of an answer begins with, up to its choices.
func prefixOf(a *answer) []byte {
	object := "text_completion"
	if a.call.URL.Path == PathChat {
		object = "chat.completion.chunk"
	}
	p := append([]byte(`data: {"id":`), call.Quote(a.id)...)
	p = append(p, `,"object":"`+object+`","created":`...)
	p = strconv.AppendInt(p, a.created, 10)
	p = append(append(p, `,"model":`...), a.model...)
	return append(p, `,"choices":[`...)
}

// appendUsage appends the usage of so many tokens, without its closing brace.
func appendUsage(dst []byte, prompt, output int) []byte {
	dst = append(dst, `,"usage":{"prompt_tokens":`...)
	dst = strconv.AppendInt(dst, int64(prompt), 10)
	dst = append(dst, `,"total_tokens":`...)
	dst = strconv.AppendInt(dst, int64(prompt+output), 10)
	dst = append(dst, `,"completion_tokens":`...)
	return strconv.AppendInt(dst, int64(output), 10)
}

// finishEvent ends an event of completions or chat behind its choice.
func (a *answer) finishEvent(c *choice, dst []byte) []byte {
	dst = append(dst, ']')
	if a.body.StreamOptions.Continuous && a.body.StreamOptions.Usage {
		n := 0
		if c != nil {
			n = c.tokensSent()
		}
		dst = append(a.appendRunning(dst, a.promptOf(c), n), '}')
	}
	if c != nil && c.ending != "" && !a.body.StreamOptions.Usage {
		dst = append(dst, `,"system_fingerprint":"`+fingerprint+`"`...)
	}
	return append(dst, "}\n\n"...)
}

// appendRunning appends the usage so far, which names one more field in chats.
func (a *answer) appendRunning(dst []byte, prompt, output int) []byte {
	dst = appendUsage(dst, prompt, output)
	if a.call.URL.Path == PathChat {
		dst = append(dst, `,"completion_tokens_details":null`...)
	}
	return dst
}

// promptOf is the length of the prompt that c answers.
func (a *answer) promptOf(c *choice) int {
	if c == nil {
		return a.promptN
	}
	return len(a.items[c.item].IDs)
}

// lastEvents ends a stream of completions or chat: usage, an error, [DONE].
func (a *answer) lastEvents(dst []byte) []byte {
	if a.failure != nil {
		dst = append(dst, `data: {"error": {"message": `...)
		dst = append(dst, call.Quote(a.failure.Message)...)
		dst = append(dst, `, "type": "InternalServerError", "param": null, "code": 500}}`...)
		dst = append(dst, "\n\n"...)
		return append(dst, "data: [DONE]\n\n"...)
	}
	if a.body.StreamOptions.Usage {
		dst = append(append(dst, a.prefix...), ']')
		dst = appendUsage(dst, a.promptN, a.completionTokens())
		dst = append(dst, `,"prompt_tokens_details":{"cached_tokens":`...)
		dst = strconv.AppendInt(dst, int64(a.cached()), 10)
		dst = append(dst, `}},"system_fingerprint":"`+fingerprint+`"}`...)
		dst = append(dst, "\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

// usageObject is usage in an answer that is not streamed.
func (a *answer) usageObject() any {
	n := a.completionTokens()
	return struct {
		Prompt  int `json:"prompt_tokens"`
		Total   int `json:"total_tokens"`
		Output  int `json:"completion_tokens"`
		Details any `json:"prompt_tokens_details"`
		Out     any `json:"completion_tokens_details"`
	}{a.promptN, a.promptN + n, n, map[string]int{"cached_tokens": a.cached()}, nil}
}

// reason appends a finish_reason or null.
func appendReason(dst []byte, reason string) []byte {
	if reason == "" {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = append(dst, reason...)
	return append(dst, '"')
}

// appendStopReason appends what stopped a choice: a string, a token id or null.
func appendStopReason(dst []byte, reason any) []byte {
	switch r := reason.(type) {
	case string:
		return appendText(dst, r)
	case int:
		return strconv.AppendInt(dst, int64(r), 10)
	}
	return append(dst, "null"...)
}
