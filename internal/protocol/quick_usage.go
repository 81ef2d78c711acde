package protocol

// usage reads a usage object, or null.
func (c *cursor) usage(i int) int {
	if isNullAt(c.b, i) {
		return i + len("null")
	}
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
		case "prompt_tokens":
			bit = 0
			c.ev.Usage.Prompt, i = count(c.b, i)
		case "completion_tokens":
			bit = 1
			c.ev.Usage.Completion, i = count(c.b, i)
		case "prompt_tokens_details":
			bit = 2
			c.ev.Usage.Cached, i = c.details(i)
		default:
			i = value(c.b, i, 2)
		}
		if i < 0 || bit >= 0 && !seen.add(bit) {
			return -1
		}
		var done bool
		if i, done = next(c.b, i, '}'); done {
			c.ev.Usage.Present = seen&3 != 0
			if !c.ev.Usage.Present {
				c.ev.Usage.Cached = 0
			}
			return i
		}
	}
	return -1
}

// details reads the cached tokens of prompt_tokens_details, or null.
func (c *cursor) details(i int) (cached, end int) {
	if isNullAt(c.b, i) {
		return 0, i + len("null")
	}
	i, empty := c.open(i)
	if empty {
		return 0, i
	}
	var seen once
	for i >= 0 {
		var key []byte
		if key, i = c.key(i); i < 0 {
			return 0, -1
		}
		switch {
		case string(key) == "cached_tokens" && !isNullAt(c.b, i):
			if cached, i = count(c.b, i); !seen.add(0) {
				return 0, -1
			}
		case string(key) == "cached_tokens":
			if i += len("null"); !seen.add(0) {
				return 0, -1
			}
		default:
			i = value(c.b, i, 3)
		}
		if i < 0 {
			return 0, -1
		}
		var done bool
		if i, done = next(c.b, i, '}'); done {
			return cached, i
		}
	}
	return 0, -1
}
