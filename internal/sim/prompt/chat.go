package prompt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"tokmeter/internal/template"
)

// A Turn is one message of a conversation.
type Turn struct{ Role, Text string }

// ReadTurns reads messages. Parts that are no text are left out.
func ReadTurns(raw json.RawMessage) ([]Turn, error) {
	if len(raw) == 0 {
		return nil, errors.New("the request has no messages")
	}
	var msgs []struct {
		Role    string          `json:"role"`
		Type    string          `json:"type"` // of /v1/responses
		Content json.RawMessage `json:"content"`
		Calls   json.RawMessage `json:"tool_calls"`
		Output  string          `json:"output"` // of a function_call_output
	}
	if err := json.Unmarshal(raw, &msgs); err != nil {
		return nil, errors.New("messages must be a list of objects with role and content")
	}
	out := make([]Turn, 0, len(msgs))
	for i, m := range msgs {
		if m.Role == "" && m.Type == "" {
			return nil, fmt.Errorf("message %d has no role", i)
		}
		t := Turn{Role: m.Role, Text: m.Output}
		if m.Role == "" {
			t.Role = "tool"
		}
		if err := contentText(m.Content, &t.Text); err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		if len(m.Calls) > 0 && string(m.Calls) != "null" {
			t.Text += string(m.Calls)
		}
		out = append(out, t)
	}
	return out, nil
}

// contentText appends the text of a message's content.
func contentText(raw json.RawMessage, dst *string) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*dst += s
		return nil
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		return errors.New("content is neither a text nor a list of parts")
	}
	for _, p := range parts {
		*dst += p.Text
	}
	return nil
}

// An Ask is what else a request says of its chat.
type Ask struct {
	Generation bool            // begin the assistant's turn
	Tools      json.RawMessage // told where there is no template
	Kwargs     map[string]any  // for the template
}

// Render makes a text of a chat: through the template where there is one, else
// each message as its role, a colon, its text and an empty line, and the
// assistant's role at the end.
func Render(t *template.Template, turns []Turn, ask Ask) (string, error) {
	if t != nil {
		msgs := make([]template.Message, len(turns))
		for i, m := range turns {
			msgs[i] = template.Message{Role: m.Role, Content: m.Text}
		}
		kwargs := map[string]any{}
		for k, v := range ask.Kwargs {
			kwargs[k] = v
		}
		return t.Render(msgs, ask.Generation, kwargs)
	}
	var out []byte
	if len(ask.Tools) > 0 && string(ask.Tools) != "null" {
		out = append(append(append(out, "tools: "...), ask.Tools...), "\n\n"...)
	}
	for _, m := range turns {
		out = append(append(append(append(out, m.Role...), ": "...), m.Text...), "\n\n"...)
	}
	if ask.Generation {
		out = append(out, "assistant:"...)
	}
	return string(out), nil
}
