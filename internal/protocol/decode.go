package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// An object is a JSON object whose members are looked at one by one: names
// match exactly, and of a name that is there twice the last one counts.
type object map[string]json.RawMessage

// has reports whether the member is there and not null.
func (o object) has(key string) bool { return !isNull(o[key]) }

// str returns a string member; "" when it is absent or no string.
func (o object) str(key string) string {
	s, _ := stringOf(o[key])
	return s
}

// sub returns an object member; nil when it is absent or no object.
func (o object) sub(key string) object {
	var v object
	if raw := o[key]; len(raw) > 0 && raw[0] == '{' {
		_ = json.Unmarshal(raw, &v) // raw is part of valid JSON and begins an object
	}
	return v
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func stringOf(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// isEmpty reports whether raw is an empty list or object: gateways in Lua and PHP
// take the one for the other.
func isEmpty(raw json.RawMessage) bool {
	return len(raw) > 1 && (raw[0] == '[' || raw[0] == '{') && len(bytes.TrimSpace(raw[1:len(raw)-1])) == 0
}

// text returns a member that must be a string when it is there.
func (o object) text(key string) (string, error) {
	if !o.has(key) || isEmpty(o[key]) {
		return "", nil
	}
	s, ok := stringOf(o[key])
	if !ok {
		return "", fmt.Errorf("event: %s is not a string: %s", key, shown(o[key]))
	}
	return s, nil
}

// count returns a member that is a count, be it written as a string; false when
// it is no number. What is below zero is -1, and what no computer counts to 1e15.
func (o object) count(key string) (int, bool) {
	digits, quoted := stringOf(o[key])
	if !quoted {
		digits = string(o[key])
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if err != nil || math.IsNaN(f) {
		return 0, false
	}
	return int(min(max(f, -1), 1e15)), true
}

func parseObject(data []byte) (object, error) {
	var o object
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fmt.Errorf("event is no JSON object: %w: %s", err, shown(data))
	}
	if o == nil {
		return nil, fmt.Errorf("event is no JSON object: %s", shown(data))
	}
	return o, nil
}

// shown shows foreign bytes in an error.
func shown(b []byte) string {
	const most = 80
	if len(b) > most {
		return strconv.Quote(string(b[:most])) + "…"
	}
	return strconv.Quote(string(b))
}

// decodeChunk reads an event of completions or chat completions of any shape.
func decodeChunk(data []byte, ev *Event) error {
	top, err := parseObject(data)
	if err != nil {
		return err
	}
	if msg, ok := errorIn(top, data); ok {
		ev.Kind, ev.Text = Error, []byte(msg)
		return nil
	}
	ev.Usage = usageOf(&chatUsage, top.sub("usage"), top.sub("x_groq").sub("usage"))
	var choices []json.RawMessage
	if top.has("choices") && !isEmpty(top["choices"]) {
		if err := json.Unmarshal(top["choices"], &choices); err != nil {
			return fmt.Errorf("event: choices is not an array: %s", shown(top["choices"]))
		}
	}
	ids, _ := elements(top["prompt_token_ids"])
	ev.PromptIDs = ids
	if len(choices) == 0 {
		if ev.Usage.Present {
			ev.Kind = UsageOnly
		}
		return nil
	}
	ev.HasChoice, ev.HasIDs = true, true
	outside := ev.Usage.Present
	for i, raw := range choices {
		d, prompt, withIDs, err := decodeChoice(raw, ev, outside)
		if err != nil {
			return err
		}
		if ev.Kind == Error {
			*ev = Event{Delta: Delta{Kind: Error, Text: ev.Text}}
			return nil
		}
		ev.HasIDs = ev.HasIDs && withIDs
		ev.PromptIDs += prompt
		if i == 0 {
			ev.Delta = d
		} else {
			ev.More = append(ev.More, d)
		}
	}
	return nil
}

// decodeChoice reads a choice. Usage that stands in it is added to the event's
// where the event has none of its own outside, and an error in it becomes the
// event's kind.
func decodeChoice(raw json.RawMessage, ev *Event, outside bool) (d Delta, promptIDs int, withIDs bool, err error) {
	var c object
	if isEmpty(raw) || isNull(raw) {
		c = object{}
	} else if err := json.Unmarshal(raw, &c); err != nil || c == nil {
		return d, 0, false, fmt.Errorf("event: a choice is not an object: %s", shown(raw))
	}
	if c.has("index") {
		var ok bool
		if d.Choice, ok = c.count("index"); !ok || d.Choice < 0 || d.Choice > maxChoice {
			return d, 0, false, fmt.Errorf("event: the index of a choice is not in 0…%d: %s", maxChoice, shown(c["index"]))
		}
	}
	var t texts
	if truthy(c["error"]) {
		ev.Kind, ev.Text = Error, []byte(messageOf(c["error"]))
		return d, 0, false, nil
	}
	key := "delta"
	if ev.Whole = !c.has(key) && c.has("message"); ev.Whole {
		key = "message"
	}
	if !outside {
		ev.Usage.add(usageOf(&chatUsage, c.sub("usage"), c.sub(key).sub("usage")))
	}
	if c.has(key) && !isEmpty(c[key]) {
		delta := c.sub(key)
		if delta == nil {
			return d, 0, false, fmt.Errorf("event: %s is not an object: %s", key, shown(c[key]))
		}
		if t, err = deltaTexts(delta); err != nil {
			return d, 0, false, err
		}
	}
	text, err := c.text("text")
	if err != nil {
		return d, 0, false, err
	}
	if t.answer == "" {
		t.answer = text
	}
	d.Finish = finishOf(c["finish_reason"])
	d.TokenIDs, withIDs = elements(c["token_ids"])
	promptIDs, _ = elements(c["prompt_token_ids"])
	t.fill(&d)
	return d, promptIDs, withIDs, nil
}

// finishOf reads a finish reason: a word, or an object with its type.
func finishOf(raw json.RawMessage) string {
	s, ok := stringOf(raw)
	if !ok {
		s = object{"reason": raw}.sub("reason").str("type")
	}
	if noFinish(s) {
		return ""
	}
	return s
}

// noFinish reports whether a finish reason is a word for none.
func noFinish(s string) bool { return s == "null" || s == "None" }

// texts are the texts of one choice in one event.
type texts struct {
	answer, reasoning, tool string
	role                    bool
}

// fill decides what the choice carries. The answer goes before tool calls and
// these before reasoning.
func (t *texts) fill(d *Delta) {
	switch {
	case t.answer != "":
		d.Kind, d.Text, d.Beside = Answer, []byte(t.answer), []byte(t.reasoning+t.tool)
	case t.tool != "":
		d.Kind, d.Text, d.Beside = Tool, []byte(t.tool), []byte(t.reasoning)
	case t.reasoning != "":
		d.Kind, d.Text = Reasoning, []byte(t.reasoning)
	case t.role && d.Finish == "":
		d.Kind = Role
	default:
		d.Kind = Blank
	}
	if len(d.Beside) == 0 {
		d.Beside = nil
	}
}

// reasoningNames are the members of a delta in which servers send reasoning: vLLM
// and OpenRouter the first, DeepSeek and SGLang the second, and gateways the
// others, by the name or the shape that their upstream has.
var reasoningNames = [...]string{
	"reasoning", "reasoning_content", "thinking", "thought", "reasoning_text", "reasoning_details", "thinking_blocks",
}

// reasoningOf is the reasoning of a delta. Servers that send it under several
// names send the same text again: it counts once.
func reasoningOf(delta object) string {
	for _, name := range reasoningNames {
		raw := delta[name]
		s, ok := stringOf(raw)
		if !ok && len(raw) > 0 {
			switch raw[0] {
			case '[':
				text, thought := partTexts(raw)
				s = thought + text
			case '{':
				s = wordsOf(delta.sub(name))
			}
		}
		if s != "" {
			return s
		}
	}
	return ""
}

// deltaTexts reads the delta of a chat event.
func deltaTexts(delta object) (t texts, err error) {
	t.role = delta.has("role")
	t.reasoning = reasoningOf(delta)
	if content := delta["content"]; len(content) > 0 && content[0] == '[' {
		answer, thought := partTexts(content)
		t.answer, t.reasoning = answer, t.reasoning+thought
	} else if t.answer, err = delta.text("content"); err != nil {
		return t, err
	}
	t.answer += delta.str("refusal")
	var calls []object
	if raw := delta["tool_calls"]; len(raw) > 0 && raw[0] == '[' {
		if json.Unmarshal(raw, &calls) != nil {
			return t, fmt.Errorf("event: tool_calls is not a list of objects: %s", shown(raw))
		}
	}
	for _, c := range calls {
		t.tool += callText(c.sub("function"))
	}
	t.tool += callText(delta.sub("function_call"))
	return t, nil
}

// callText is what the model wrote of a call: its name and its arguments.
func callText(call object) string {
	s := call.str("name")
	if args, ok := stringOf(call["arguments"]); ok {
		return s + args
	}
	if call.has("arguments") {
		s += string(call["arguments"])
	}
	return s
}

// partTexts joins the texts of a list of content parts, those of thinking apart.
func partTexts(list json.RawMessage) (answer, thought string) {
	var parts []json.RawMessage
	_ = json.Unmarshal(list, &parts) // list is part of valid JSON and begins an array
	for _, raw := range parts {
		if s, ok := stringOf(raw); ok {
			answer += s
			continue
		}
		p := object{"part": raw}.sub("part")
		a := wordsOf(p)
		if inner := p["thinking"]; len(inner) > 0 && inner[0] == '[' {
			text, more := partTexts(inner)
			thought += text + more
		} else {
			thought += p.str("thinking")
		}
		switch p.str("type") {
		case "thinking", "reasoning":
			thought += a
		default:
			answer += a
		}
	}
	return answer, thought
}

// wordsOf is what an object with a text says, whatever the member is called.
func wordsOf(o object) string {
	for _, name := range []string{"text", "content", "summary"} {
		if s := o.str(name); s != "" {
			return s
		}
	}
	return ""
}

// elements counts the elements of an array; false when raw is none.
func elements(raw json.RawMessage) (int, bool) {
	if len(raw) == 0 || raw[0] != '[' {
		return 0, false
	}
	var list []json.RawMessage
	err := json.Unmarshal(raw, &list)
	return len(list), err == nil
}
