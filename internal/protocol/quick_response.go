package protocol

// quickResponse reads an event of the responses API; false when it ends the
// response, tells of an error, or is not of a usual shape.
func quickResponse(data []byte, ev *Event) bool {
	c := cursor{b: data, ev: ev}
	var name []byte
	var seen once
	i, empty := c.open(0)
	for done := empty; !done; {
		var key []byte
		if key, i = c.key(i); i < 0 {
			return false
		}
		bit := -1
		switch string(key) {
		case "type":
			bit = 0
			var s span
			if s, i = c.string(i); s.escaped {
				return false
			}
			name = data[s.from:s.to]
		case "delta":
			bit = 1
			c.answer, i = c.string(i)
		case "error", "detail", "message", "object":
			return false
		default:
			i = value(data, i, 1)
		}
		if i < 0 || bit >= 0 && !seen.add(bit) {
			return false
		}
		if i, done = next(data, i, '}'); i < 0 {
			return false
		}
	}
	if i != len(data) {
		return false
	}
	return c.response(name)
}

// response decides the kind of an event of the responses API.
func (c *cursor) response(name []byte) bool {
	kind, ok := deltaKind(name)
	if !ok {
		switch string(name) {
		case "response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done", "error", "":
			return false
		}
		return true
	}
	c.ev.HasChoice, c.ev.Kind = true, kind
	if c.answer.empty() {
		c.ev.Kind = Blank
		return true
	}
	return c.take(c.answer)
}
