package protocol

import "unicode/utf8"

// A cursor reads an event of a usual shape from left to right. Each method
// reads one object whose opening bracket is at i and returns the position
// behind it, or −1 for a shape that the decoder has to look at: several
// choices, tool calls, an error, a key that is there twice or is written with
// an escape, a value of another type than usual, or broken JSON.
type cursor struct {
	b  []byte
	ev *Event

	answer, text, thought, thought2 span
	role                            bool
	elsewhere                       bool // reasoning may stand under another name
}

// A span is the inside of a string in the data.
type span struct {
	from, to int
	escaped  bool
}

func (s span) empty() bool { return s.from == s.to }

// Keys of which an object has each at most once. The bits are per object.
type once uint16

// add notes the key and reports whether it is there for the first time.
func (o *once) add(bit int) bool {
	b := once(1) << bit
	first := *o&b == 0
	*o |= b
	return first
}

// quickChunk reads an event of completions or chat completions; false when it
// is not of a usual shape.
func quickChunk(data []byte, ev *Event) bool {
	c := cursor{b: data, ev: ev}
	return c.chunk() == len(data) && c.fill()
}

// open walks over the opening bracket at i and reports an empty object.
func (c *cursor) open(i int) (at int, empty bool) {
	if i >= len(c.b) || c.b[i] != '{' {
		return -1, false
	}
	i = space(c.b, i+1)
	if i < len(c.b) && c.b[i] == '}' {
		return i + 1, true
	}
	return i, false
}

// key walks over a key and its colon.
func (c *cursor) key(i int) (key []byte, at int) {
	end, escaped := str(c.b, i)
	if end < 0 || escaped {
		return nil, -1
	}
	return c.b[i+1 : end-1], colon(c.b, end)
}

func (c *cursor) chunk() int {
	i, empty := c.open(0)
	if empty {
		return -1
	}
	var seen once
	for i >= 0 {
		var key []byte
		if key, i = c.key(i); i < 0 {
			return -1
		}
		switch string(key) {
		case "choices":
			if !seen.add(0) {
				return -1
			}
			i = c.choices(i)
		case "usage":
			if !seen.add(1) {
				return -1
			}
			i = c.usage(i)
		case "prompt_token_ids":
			if !seen.add(2) {
				return -1
			}
			var n int
			n, _, i = c.ids(i)
			c.ev.PromptIDs += n
		case "error", "x_groq":
			if !isNullAt(c.b, i) {
				return -1
			}
			i += len("null")
		default:
			i = value(c.b, i, 1)
		}
		if i < 0 {
			return -1
		}
		var done bool
		if i, done = next(c.b, i, '}'); done {
			if seen&1 == 0 {
				return -1
			}
			return i
		}
	}
	return -1
}

// choices reads an array of one choice or none.
func (c *cursor) choices(i int) int {
	if i >= len(c.b) || c.b[i] != '[' {
		return -1
	}
	i = space(c.b, i+1)
	if i < len(c.b) && c.b[i] == ']' {
		return i + 1
	}
	c.ev.HasChoice = true
	if i = c.choice(i); i < 0 {
		return -1
	}
	end, done := next(c.b, i, ']')
	if !done {
		return -1
	}
	return end
}

func (c *cursor) choice(i int) int {
	i, empty := c.open(i)
	if empty {
		return i
	}
	var seen once
	for i >= 0 {
		var key []byte
		if key, i = c.key(i); i < 0 {
			return -1
		}
		bit := -1
		switch string(key) {
		case "index":
			bit = 0
			if c.ev.Choice, i = count(c.b, i); c.ev.Choice > maxChoice {
				return -1
			}
		case "text":
			bit = 1
			c.text, i = c.string(i)
		case "delta":
			bit = 2
			i = c.delta(i)
		case "finish_reason":
			bit = 3
			i = c.finish(i)
		case "token_ids":
			bit = 4
			c.ev.TokenIDs, c.ev.HasIDs, i = c.ids(i)
		case "prompt_token_ids":
			bit = 5
			var n int
			n, _, i = c.ids(i)
			c.ev.PromptIDs += n
		case "usage", "error", "message":
			if !isNullAt(c.b, i) {
				return -1
			}
			i += len("null")
		default:
			i = value(c.b, i, 3)
		}
		if i < 0 || bit >= 0 && !seen.add(bit) {
			return -1
		}
		var done bool
		if i, done = next(c.b, i, '}'); done {
			return i
		}
	}
	return -1
}

func (c *cursor) delta(i int) int {
	i, empty := c.open(i)
	if empty {
		return i
	}
	var seen once
	for i >= 0 {
		var key []byte
		if key, i = c.key(i); i < 0 {
			return -1
		}
		bit := -1
		switch string(key) {
		case "content":
			bit = 0
			c.answer, i = c.string(i)
		case "reasoning":
			bit = 1
			c.thought, i = c.string(i)
		case "reasoning_content":
			bit = 2
			c.thought2, i = c.string(i)
		case "role":
			bit = 3
			c.role = !isNullAt(c.b, i)
			i = value(c.b, i, 4)
		case "tool_calls", "function_call", "refusal", "usage":
			i = c.nothing(i)
		case "thinking", "thought", "reasoning_text", "reasoning_details", "thinking_blocks":
			end := c.nothing(i)
			if end < 0 {
				c.elsewhere = true
				end = value(c.b, i, 4)
			}
			i = end
		default:
			i = value(c.b, i, 4)
		}
		if i < 0 || bit >= 0 && !seen.add(bit) {
			return -1
		}
		var done bool
		if i, done = next(c.b, i, '}'); done {
			return i
		}
	}
	return -1
}

// nothing walks over null or an empty list: what some servers send in every
// delta without tool calls.
func (c *cursor) nothing(i int) int {
	if isNullAt(c.b, i) {
		return i + len("null")
	}
	if i < len(c.b) && c.b[i] == '[' {
		if n, end := array(c.b, i, 4); n == 0 {
			return end
		}
	}
	return -1
}

// string reads a string or null.
func (c *cursor) string(i int) (span, int) {
	if isNullAt(c.b, i) {
		return span{}, i + len("null")
	}
	end, escaped := str(c.b, i)
	if end < 0 {
		return span{}, -1
	}
	return span{i + 1, end - 1, escaped}, end
}

// ids counts a list of token ids, or null.
func (c *cursor) ids(i int) (n int, list bool, end int) {
	switch {
	case isNullAt(c.b, i):
		return 0, false, i + len("null")
	case i < len(c.b) && c.b[i] == '[':
		n, end = array(c.b, i, 3)
		return n, end >= 0, end
	}
	return 0, false, -1
}

// finish reads a finish reason or null. The usual reasons are not allocated.
func (c *cursor) finish(i int) int {
	s, end := c.string(i)
	if end < 0 || s.escaped {
		return -1
	}
	switch word := c.b[s.from:s.to]; string(word) {
	case "":
	case "stop":
		c.ev.Finish = "stop"
	case "length":
		c.ev.Finish = "length"
	case "null", "None":
	default:
		if !utf8.Valid(word) {
			return -1
		}
		c.ev.Finish = string(word)
	}
	return end
}

// fill decides the kind of the event as texts.fill does.
func (c *cursor) fill() bool {
	ev := c.ev
	if !ev.HasChoice {
		if ev.Usage.Present {
			ev.Kind = UsageOnly
		}
		return true
	}
	if c.answer.empty() {
		c.answer = c.text
	}
	if c.thought.empty() {
		c.thought = c.thought2
	}
	switch {
	case !c.answer.empty() && !c.thought.empty(), c.elsewhere && c.thought.empty():
		return false
	case !c.answer.empty():
		ev.Kind = Answer
		return c.take(c.answer)
	case !c.thought.empty():
		ev.Kind = Reasoning
		return c.take(c.thought)
	case c.role && ev.Finish == "":
		ev.Kind = Role
	default:
		ev.Kind = Blank
	}
	return true
}

// take makes the span the event's text; false when it is not UTF-8.
func (c *cursor) take(s span) bool {
	in := c.b[s.from:s.to]
	if !utf8.Valid(in) {
		return false
	}
	if s.escaped {
		c.ev.buf = unescape(c.ev.buf[:0], in)
		in = c.ev.buf
	}
	c.ev.Text = in
	return true
}
