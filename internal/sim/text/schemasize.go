package text

import (
	"fmt"
	"math"
	"slices"
)

// maxRounds bounds the passes in which sizes are found: references that lead
// further are refused.
const maxRounds = 200

// measure finds the size of about the shortest value of every node.
func (c *compiler) measure() error {
	for range maxRounds {
		changed := false
		for i := len(c.order) - 1; i >= 0; i-- {
			n := c.order[i]
			if s := n.least(); s < n.size {
				n.size, changed = s, true
			}
		}
		if !changed {
			return nil
		}
	}
	return fmt.Errorf("references lead further than %d schemas", maxRounds)
}

// least is about the size of n's shortest value, by what is known of others'.
func (n *node) least() int {
	if n.never {
		return maxSize
	}
	size := 1
	if n.enum != nil {
		if n.size < maxSize {
			return n.size
		}
		size = maxSize
		for _, e := range n.enum {
			size = min(size, len(e.append(nil)))
		}
		return size
	}
	if n.ref != nil {
		size = max(size, n.ref.size)
	}
	for _, a := range n.all {
		size = max(size, a.size)
	}
	if n.any != nil {
		best := maxSize
		for _, a := range n.any {
			best = min(best, a.size)
		}
		size = max(size, best)
	}
	own := maxSize
	for _, t := range n.kinds() {
		switch t {
		case '{':
			own = min(own, n.leastObject())
		case '[':
			own = min(own, n.leastArray())
		case 's':
			own = min(own, n.minLen+2)
		default:
			own = min(own, 1)
		}
	}
	return min(max(size, own), maxSize)
}

func (n *node) leastObject() int {
	size := 2
	for _, name := range n.required {
		size += len(name) + 6
		if p := n.prop(name); p != nil {
			size += p.size
		}
		if size >= maxSize {
			return maxSize
		}
	}
	if more := n.minProps - len(n.required); more > 0 {
		size += min(more, maxSize) * 10
	}
	return min(size, maxSize)
}

func (n *node) leastArray() int {
	size := 2
	for _, e := range n.prefix[:min(len(n.prefix), n.minItems)] {
		size = min(size+e.size+2, maxSize)
	}
	if more := n.minItems - len(n.prefix); more > 0 {
		each := 3
		if n.items != nil {
			each = n.items.size + 2
		}
		if more > maxSize {
			return maxSize
		}
		size += more * each
	}
	return min(size, maxSize)
}

// prop is the schema of a member; nil: everything is valid.
func (n *node) prop(name string) *node {
	if i := slices.Index(n.names, name); i >= 0 {
		return n.props[i]
	}
	return n.extra
}

// item is the schema of an element; nil: everything is valid.
func (n *node) item(i int) *node {
	if i < len(n.prefix) {
		return n.prefix[i]
	}
	return n.items
}

// kinds are the types that a value of n may be given, the fittest first.
func (n *node) kinds() string {
	switch {
	case n.types != "":
		return n.types
	case n.names != nil || n.required != nil || n.minProps > 0:
		return "{"
	case n.items != nil || n.prefix != nil || n.minItems > 0:
		return "["
	case n.minLen > 0 || n.pattern != nil || n.format != "" || n.maxLen < maxCount:
		return "s"
	case !math.IsInf(n.low, 0) || !math.IsInf(n.high, 0) || n.step > 0:
		return "0"
	}
	return "s0t"
}
