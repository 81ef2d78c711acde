package protocol

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A member is one key of a body with its value as JSON.
type member struct {
	key   string
	value []byte
}

const streamOptions = `{"include_usage":true}`

func (completions) AppendBody(dst []byte, c Call) ([]byte, error) {
	prompt, err := completionsPrompt(c.Prompt)
	if err != nil {
		return dst, err
	}
	m := make([]member, 0, 9)
	m = append(m, member{"model", appendString(nil, c.Model)}, member{"prompt", prompt})
	if c.Compat {
		m = append(m, member{"repetition_penalty", []byte("1.0")})
	}
	m = append(m, member{"max_tokens", strconv.AppendInt(nil, int64(c.MaxTokens), 10)})
	switch {
	case c.Logprobs != nil:
		m = append(m, member{"logprobs", strconv.AppendInt(nil, int64(*c.Logprobs), 10)})
	case c.Compat:
		m = append(m, member{"logprobs", []byte("null")})
	}
	m = append(m, member{"stream", []byte("true")}, member{"stream_options", []byte(streamOptions)})
	return appendBody(dst, m, c)
}

func (d chat) AppendBody(dst []byte, c Call) ([]byte, error) {
	messages, err := chatMessages(c.Prompt, c.Plain)
	if err != nil {
		return dst, err
	}
	return appendBody(dst, []member{
		{"model", appendString(nil, c.Model)},
		{"messages", messages},
		{cmp.Or(d.limit, "max_completion_tokens"), strconv.AppendInt(nil, int64(c.MaxTokens), 10)},
		{"stream", []byte("true")},
		{"stream_options", []byte(streamOptions)},
	}, c)
}

// AppendBody sends store: false so that a server which keeps every response
// does not grow during a run; the API knows no stream_options.include_usage.
func (responses) AppendBody(dst []byte, c Call) ([]byte, error) {
	input, err := responsesInput(c.Prompt)
	if err != nil {
		return dst, err
	}
	return appendBody(dst, []member{
		{"model", appendString(nil, c.Model)},
		{"input", input},
		{"max_output_tokens", strconv.AppendInt(nil, int64(c.MaxTokens), 10)},
		{"stream", []byte("true")},
		{"store", []byte("false")},
	}, c)
}

// appendBody writes the members, ignore_eos and the extra body as Python's
// dict.update would leave them, less members that the extra body sets to null.
func appendBody(dst []byte, m []member, c Call) ([]byte, error) {
	if c.IgnoreEOS {
		m = append(m, member{"ignore_eos", []byte("true")})
	}
	extra, err := members(c.Extra)
	if err != nil {
		return dst, err
	}
	for _, e := range extra {
		own := len(m)
		if string(e.value) == "null" && !c.Compat {
			m = slices.DeleteFunc(m, func(o member) bool { return o.key == e.key })
		}
		if own == len(m) {
			m = set(m, e)
		}
	}
	return appendMembers(dst, m), nil
}

func appendMembers(dst []byte, m []member) []byte {
	dst = append(dst, '{')
	for i, e := range m {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, e.key)
		dst = append(dst, ':')
		dst = append(dst, e.value...)
	}
	return append(dst, '}')
}

// set replaces the member of e's key in its place, or adds e at the end.
func set(m []member, e member) []member {
	for i := range m {
		if m[i].key == e.key {
			m[i].value = e.value
			return m
		}
	}
	return append(m, e)
}

// members splits a JSON object into its members in order.
func members(object json.RawMessage) ([]member, error) {
	if len(bytes.TrimSpace(object)) == 0 {
		return nil, nil
	}
	bad := func(why error) error {
		return fmt.Errorf("extra body: %w: it must be one JSON object, such as {\"temperature\":0}", why)
	}
	if !json.Valid(object) {
		return nil, bad(errors.New("not valid JSON"))
	}
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil {
		return nil, bad(err)
	} else if t != json.Delim('{') {
		return nil, bad(errors.New("not an object"))
	}
	var m []member
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, bad(err)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, bad(err)
		}
		value, err := compact(raw)
		if err != nil {
			return nil, bad(err)
		}
		m = set(m, member{key.(string), value})
	}
	return m, nil
}

func compact(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(len(raw))
	if err := json.Compact(&b, raw); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func completionsPrompt(p Prompt) ([]byte, error) {
	switch {
	case p.Messages != nil:
		return nil, errors.New("a completions request has no place for chat messages: use --backend openai-chat")
	case p.IDs != nil:
		b := append(make([]byte, 0, 6*len(p.IDs)+2), '[')
		for i, id := range p.IDs {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(id), 10)
		}
		return append(b, ']'), nil
	case p.Batch != nil:
		b := []byte{'['}
		for i, s := range p.Batch {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, s)
		}
		return append(b, ']'), nil
	}
	return appendString(make([]byte, 0, len(p.Text)+2), p.Text), nil
}

// chatMessages sends a text as a list of parts, as vLLM's client does, not as
// a string: some chat templates treat the two differently.
func chatMessages(p Prompt, plain bool) ([]byte, error) {
	switch {
	case p.Messages != nil && plain:
		return plainMessages(p.Messages)
	case p.Messages != nil:
		return messageList(p.Messages)
	case p.IDs != nil:
		return nil, errors.New("a chat request has no place for token ids: use --backend vllm or send text")
	case p.Batch != nil:
		return nil, errors.New("a chat request has no place for a batch of prompts: use --backend vllm or a batch size of 1")
	}
	if plain {
		b := append(make([]byte, 0, len(p.Text)+64), `[{"role":"user","content":`...)
		return append(appendString(b, p.Text), `}]`...), nil
	}
	b := append(make([]byte, 0, len(p.Text)+64), `[{"role":"user","content":[{"type":"text","text":`...)
	b = appendString(b, p.Text)
	return append(b, `}]}]`...), nil
}

func responsesInput(p Prompt) ([]byte, error) {
	switch {
	case p.Messages != nil:
		return messageList(p.Messages)
	case p.IDs != nil:
		return nil, errors.New("a responses request has no place for token ids: use --backend vllm or send text")
	case p.Batch != nil:
		return nil, errors.New("a responses request has no place for a batch of prompts: use --backend vllm or a batch size of 1")
	}
	return appendString(make([]byte, 0, len(p.Text)+2), p.Text), nil
}

func messageList(messages json.RawMessage) ([]byte, error) {
	b, err := compact(messages)
	if err != nil {
		return nil, fmt.Errorf("chat messages: %w", err)
	}
	if len(b) == 0 || b[0] != '[' {
		return nil, errors.New("chat messages: not a JSON array of messages with role and content")
	}
	return b, nil
}

// plainMessages joins the parts of each message's content to a string, where all
// of them are text.
func plainMessages(messages json.RawMessage) ([]byte, error) {
	whole, err := messageList(messages)
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(whole, &list); err != nil {
		return nil, fmt.Errorf("chat messages: %w", err)
	}
	b := []byte{'['}
	for i, raw := range list {
		if i > 0 {
			b = append(b, ',')
		}
		m, err := members(raw)
		if err != nil {
			return nil, fmt.Errorf("chat messages: message %d is no object", i+1)
		}
		for k := range m {
			if text, ok := textAlone(m[k].value); ok && m[k].key == "content" {
				m[k].value = appendString(nil, text)
			}
		}
		b = appendMembers(b, m)
	}
	return append(b, ']'), nil
}

// textAlone is the text of a list of parts; false where one is something else.
func textAlone(content json.RawMessage) (text string, ok bool) {
	var parts []struct {
		Type string
		Text *string
	}
	if len(content) == 0 || content[0] != '[' || json.Unmarshal(content, &parts) != nil {
		return "", false
	}
	for _, p := range parts {
		if p.Type != "text" || p.Text == nil {
			return "", false
		}
		text += *p.Text
	}
	return text, true
}

// appendString appends s as a JSON string. Characters outside ASCII stay as
// they are. A lone surrogate (three bytes that only a lenient encoder writes)
// becomes its \u escape, as Python writes it; any other byte that is not UTF-8
// becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			dst = append(dst, s[from:i]...)
			if c == 0xED && i+2 < len(s) && s[i+1]&0xE0 == 0xA0 && s[i+2]&0xC0 == 0x80 {
				u := uint16(c&0x0F)<<12 | uint16(s[i+1]&0x3F)<<6 | uint16(s[i+2]&0x3F)
				dst = append(dst, '\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15])
				i += 3
			} else {
				dst = utf8.AppendRune(dst, utf8.RuneError)
				i++
			}
			from = i
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		from = i
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}
