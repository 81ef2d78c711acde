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
			i = c.promptDetails(i)
		case "total_tokens":
			bit = 3
			c.ev.Usage.Total, i = count(c.b, i)
		case "completion_tokens_details":
			bit = 4
			i = c.completionDetails(i)
		case "reasoning_tokens", "cached_tokens", "prompt_cache_hit_tokens",
			"input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details":
			return -1
		default:
			i = value(c.b, i, 2)
		}
		if i < 0 || bit >= 0 && !seen.add(bit) {
			return -1
		}
		var done bool
		if i, done = next(c.b, i, '}'); done {
			switch c.ev.Usage.Present = seen&3 != 0; {
			case !c.ev.Usage.Present:
				c.ev.Usage = Usage{}
			case seen&2 == 0 && c.ev.Usage.Total > c.ev.Usage.Prompt:
				return -1 // the decoder finds the completion
			}
			return i
		}
	}
	return -1
}

// promptDetails reads the cached tokens of prompt_tokens_details, or null.
func (c *cursor) promptDetails(i int) int {
	u := &c.ev.Usage
	cached, _, has, end := c.details(i, "cached_tokens", "")
	u.Cached, u.HasCached = cached, has
	return end
}

// completionDetails reads what completion_tokens_details say of tokens that may
// not have been sent, or null.
func (c *cursor) completionDetails(i int) int {
	u := &c.ev.Usage
	var end int
	u.Reasoning, u.Rejected, _, end = c.details(i, "reasoning_tokens", "rejected_prediction_tokens")
	return end
}

// details reads two counts of an object, or null; has tells of the first.
func (c *cursor) details(i int, one, two string) (first, second int, has bool, end int) {
	if isNullAt(c.b, i) {
		return 0, 0, false, i + len("null")
	}
	i, empty := c.open(i)
	if empty {
		return 0, 0, false, i
	}
	var seen once
	for i >= 0 {
		var key []byte
		if key, i = c.key(i); i < 0 {
			return 0, 0, false, -1
		}
		bit := -1
		switch {
		case string(key) == one:
			bit = 0
		case string(key) == two:
			bit = 1
		}
		switch {
		case bit < 0:
			i = value(c.b, i, 3)
		case !seen.add(bit):
			i = -1
		case isNullAt(c.b, i):
			i += len("null")
		case bit == 0:
			first, i = count(c.b, i)
			has = true
		default:
			second, i = count(c.b, i)
		}
		if i < 0 {
			return 0, 0, false, -1
		}
		var done bool
		if i, done = next(c.b, i, '}'); done {
			return first, second, has, i
		}
	}
	return 0, 0, false, -1
}
