package text

import (
	"math"
	"slices"
	"strings"
)

// flat is n with what it refers to, one of its choices and all its parts taken
// into it.
func (m *maker) flat(n *node, depth int) (*node, bool) {
	for range maxSchemaDepth {
		var part *node
		switch {
		case n.ref != nil:
			part = n.ref
		case len(n.all) > 0:
			part = n.all[0]
		case n.any != nil:
			part = m.choose(n, depth)
		default:
			return n, !n.never
		}
		if m.steps--; part == nil || part.never || m.steps < 0 {
			return nil, false
		}
		base := *n
		switch {
		case n.ref != nil:
			base.ref = nil
		case len(n.all) > 0:
			base.all = n.all[1:]
		default:
			base.any = nil
		}
		merged, ok := merge(&base, part)
		if !ok {
			return nil, false
		}
		n = merged
	}
	return nil, false
}

// choose picks one of n's alternatives, the shortest where little is left.
func (m *maker) choose(n *node, depth int) *node {
	var short *node
	var good []*node
	for _, a := range n.any {
		if a.size >= maxSize {
			continue
		}
		if short == nil || a.size < short.size {
			short = a
		}
		if m.spare(a.size, depth) {
			good = append(good, a)
		}
	}
	if len(good) > 0 {
		return good[m.rng.IntN(len(good))]
	}
	return short
}

// merge is a schema that takes what both a and b take, as far as can be told; a
// has no choices and no reference, unless b has none.
func merge(a, b *node) (*node, bool) {
	n := *a
	if b.ref != nil {
		if a.ref != nil {
			n.all = append(slices.Clone(n.all), &node{ref: b.ref, maxProps: maxCount, maxItems: maxCount, maxLen: maxCount, low: math.Inf(-1), high: math.Inf(1)})
		} else {
			n.ref = b.ref
		}
	}
	n.all = append(slices.Clone(n.all), b.all...)
	if b.any != nil {
		if a.any != nil {
			n.all = append(n.all, &node{any: b.any, maxProps: maxCount, maxItems: maxCount, maxLen: maxCount, low: math.Inf(-1), high: math.Inf(1)})
		} else {
			n.any, n.exactly = b.any, b.exactly
		}
	}
	if len(n.all) > maxSchemaDepth {
		return nil, false
	}
	if n.types = both(a.types, b.types); n.types == "" && a.types != "" {
		return nil, false
	}
	if a.enum == nil {
		n.enum = b.enum
	}
	for i, name := range b.names {
		if slices.Contains(n.names, name) {
			continue // checked when the value is there
		}
		n.names, n.props = append(slices.Clip(n.names), name), append(slices.Clip(n.props), b.props[i])
	}
	for _, name := range b.required {
		if !slices.Contains(n.required, name) {
			n.required = append(slices.Clip(n.required), name)
		}
	}
	if a.extra == nil || b.extra != nil && b.extra.never {
		n.extra = b.extra
	}
	if a.items == nil {
		n.items = b.items
	}
	if a.prefix == nil {
		n.prefix = b.prefix
	}
	n.unique = a.unique || b.unique
	n.minProps, n.maxProps = max(a.minProps, b.minProps), min(a.maxProps, b.maxProps)
	n.minItems, n.maxItems = max(a.minItems, b.minItems), min(a.maxItems, b.maxItems)
	n.minLen, n.maxLen = max(a.minLen, b.minLen), min(a.maxLen, b.maxLen)
	if a.pattern == nil {
		n.pattern = b.pattern
	}
	if a.format == "" {
		n.format = b.format
	}
	if b.low > a.low || b.low == a.low && b.lowX {
		n.low, n.lowX = b.low, b.lowX
	}
	if b.high < a.high || b.high == a.high && b.highX {
		n.high, n.highX = b.high, b.highX
	}
	n.step = max(a.step, b.step)
	return &n, true
}

// both are the types that a and b have; "" has all.
func both(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	var out []byte
	for i := range len(a) {
		switch {
		case strings.IndexByte(b, a[i]) >= 0:
			out = append(out, a[i])
		case a[i] == 'i' && strings.Contains(b, "0"), a[i] == '0' && strings.Contains(b, "i"):
			out = append(out, 'i')
		}
	}
	return string(out)
}
