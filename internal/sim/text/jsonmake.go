package text

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errMake is why no value was found for a schema that might have some.
var errMake = errors.New("no value that is valid was found; the schema may have none")

// Make writes a JSON value that the schema takes, chosen by rng. Every value is
// checked before it is given out. It fails where the schema's parts are at odds
// with each other, or seldom agree.
func (s *Schema) Make(rng *rand.Rand) ([]byte, error) {
	for try := range 8 {
		m := maker{rng: rng, left: maxSize, terse: try > 5, steps: maxSteps / 8}
		v, ok := m.value(s.root, 0)
		if !ok {
			continue
		}
		out := v.append(nil)
		c := checker{steps: maxSteps}
		if len(out) <= 4*maxSize && c.valid(s.root, v, 0) {
			return out, nil
		}
	}
	return nil, errMake
}

// A maker makes one value.
type maker struct {
	rng   *rand.Rand
	left  int  // bytes that may still be spent on what need not be
	terse bool // nothing that need not be
	steps int
}

// deep is the depth from which nothing is made that need not be.
const deep = 8

// spare reports whether something of that size that need not be may be.
func (m *maker) spare(size, depth int) bool {
	return !m.terse && depth < deep && size < m.left/4 && size < maxSize/8
}

func (m *maker) value(n *node, depth int) (*value, bool) {
	m.steps--
	m.left -= 4
	if m.steps < 0 || depth > maxSchemaDepth || n != nil && n.never {
		return nil, false
	}
	if n == nil {
		return m.anything(depth), true
	}
	n, ok := m.flat(n, depth)
	if !ok {
		return nil, false
	}
	if n.enum != nil {
		return m.listed(n)
	}
	kinds := n.kinds()
	kind := kinds[0]
	if len(kinds) > 1 && m.spare(0, depth) {
		kind = kinds[m.rng.IntN(len(kinds))]
	}
	if (kind == '{' && n.leastObject() >= maxSize || kind == '[' && n.leastArray() >= maxSize || !m.spare(0, depth)) && len(kinds) > 1 {
		kind = n.shortest(kinds)
	}
	switch kind {
	case '{':
		return m.object(n, depth)
	case '[':
		return m.array(n, depth)
	case 's':
		return m.text(n)
	case '0', 'i':
		return m.number(n, kind == 'i')
	case 't':
		return &value{kind: 't', yes: m.rng.IntN(2) == 0}, true
	}
	return &value{kind: 'n'}, true
}

// shortest is the type of which the shortest value is.
func (n *node) shortest(kinds string) byte {
	best, size := kinds[0], maxSize+1
	for i := range len(kinds) {
		s := 4
		switch kinds[i] {
		case '{':
			s = n.leastObject()
		case '[':
			s = n.leastArray()
		case 's':
			s = n.minLen + 2
		}
		if s < size {
			best, size = kinds[i], s
		}
	}
	return best
}

// anything is a value where nothing is asked.
func (m *maker) anything(depth int) *value {
	switch m.rng.IntN(4) {
	case 0:
		return &value{kind: 't', yes: m.rng.IntN(2) == 0}
	case 1:
		return whole(float64(m.rng.IntN(1000)))
	}
	return &value{kind: 's', str: m.words(1 + m.rng.IntN(3))}
}

// free is the object of response_format json_object.
func (m *maker) free(depth int) *value {
	v := &value{kind: '{'}
	for range 2 + m.rng.IntN(5) {
		key := strings.ReplaceAll(m.words(1), " ", "_")
		if v.get(key) != nil {
			continue
		}
		e := m.anything(depth)
		switch {
		case depth < 3 && m.rng.IntN(6) == 0:
			e = m.free(depth + 1)
		case depth < 3 && m.rng.IntN(6) == 0:
			e = &value{kind: '['}
			for range 1 + m.rng.IntN(4) {
				e.list = append(e.list, &value{kind: 's', str: m.words(2)})
			}
		case m.rng.IntN(2) == 0:
			e = &value{kind: 's', str: m.words(3 + m.rng.IntN(8))}
		}
		v.keys, v.list = append(v.keys, key), append(v.list, e)
	}
	return v
}

// listed picks one of the values of an enum that the rest of n takes.
func (m *maker) listed(n *node) (*value, bool) {
	at := m.rng.IntN(len(n.enum))
	for i := range min(len(n.enum), 1000) {
		e := n.enum[(at+i)%len(n.enum)]
		c := checker{steps: maxSteps / 64}
		if m.steps--; c.valid(n, e, 0) {
			m.left -= len(e.raw) + len(e.str)
			return e, true
		}
	}
	return nil, false
}

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

func (m *maker) object(n *node, depth int) (*value, bool) {
	v := &value{kind: '{'}
	put := func(name string, of *node) bool {
		e, ok := m.value(of, depth+1)
		m.left -= len(name)
		v.keys, v.list = append(v.keys, name), append(v.list, e)
		return ok
	}
	for i, name := range n.names {
		need := slices.Contains(n.required, name)
		if !need && (n.props[i].size >= maxSize || !m.spare(n.props[i].size+len(name), depth) || m.rng.IntN(4) == 0 ||
			len(v.keys)+len(n.required) >= n.maxProps) {
			continue
		}
		if !put(name, n.props[i]) {
			return nil, false
		}
	}
	for _, name := range n.required {
		if v.get(name) == nil && !put(name, n.extra) {
			return nil, false
		}
	}
	for i := range n.names { // those left out by chance count first
		if len(v.keys) < n.minProps && v.get(n.names[i]) == nil && n.props[i].size < maxSize && !put(n.names[i], n.props[i]) {
			return nil, false
		}
	}
	for i := 0; len(v.keys) < n.minProps; i++ {
		name := "field_" + strconv.Itoa(i+1)
		if v.get(name) == nil && !put(name, n.extra) {
			return nil, false
		}
	}
	if n.names == nil && n.extra != nil && !n.extra.never && len(v.keys) < n.maxProps && m.spare(n.extra.size, depth) {
		for range 1 + m.rng.IntN(min(3, n.maxProps-len(v.keys))) {
			if name := strings.ReplaceAll(m.words(1), " ", "_"); v.get(name) == nil && !put(name, n.extra) {
				return nil, false
			}
		}
	}
	return v, true
}

func (m *maker) array(n *node, depth int) (*value, bool) {
	v := &value{kind: '['}
	count := max(n.minItems, 0)
	if m.spare(0, depth) && n.maxItems > count {
		count += m.rng.IntN(min(n.maxItems-count, 4) + 1)
		if count == 0 && m.rng.IntN(3) > 0 {
			count = 1
		}
	}
	for len(v.list) < count {
		of := n.item(len(v.list))
		need := len(v.list) < n.minItems
		if of != nil && !need && (of.size >= maxSize || !m.spare(of.size, depth)) {
			break
		}
		var e *value
		for try := 0; ; try++ {
			var ok bool
			if e, ok = m.value(of, depth+1); !ok {
				return nil, false
			}
			if !n.unique || !slices.ContainsFunc(v.list, e.equal) {
				break
			}
			if m.steps -= len(v.list); try > 20 || m.steps < 0 {
				return v, !need
			}
		}
		v.list = append(v.list, e)
	}
	return v, true
}

func (m *maker) number(n *node, integer bool) (*value, bool) {
	low, high := n.low, n.high
	switch {
	case math.IsInf(low, 0) && math.IsInf(high, 0):
		low, high = 0, 1000
	case math.IsInf(low, 0):
		low = high - 1000
	case math.IsInf(high, 0):
		high = low + 1000
	}
	step := n.step
	if integer && step != math.Trunc(step) || integer && step == 0 {
		step = 1 // the check decides whether a fractional step takes it
		if n.step > 0 {
			for k := 1.0; k <= 1000; k++ {
				if x := n.step * k; math.Abs(x-math.Round(x)) < 1e-9 {
					step = math.Round(x)
					break
				}
			}
		}
	}
	if step > 0 {
		first, last := math.Ceil(low/step), math.Floor(high/step)
		if n.lowX && first*step <= n.low {
			first++
		}
		if n.highX && last*step >= n.high {
			last--
		}
		if !(first <= last) {
			return nil, false
		}
		for range 100 {
			k := first + math.Floor(m.rng.Float64()*math.Min(last-first+1, 1e6))
			if integer || step == math.Trunc(step) {
				return whole(k * step), true
			}
			x := math.Round(k*step*1e9) / 1e9
			if q := x / step; q == math.Trunc(q) { // for validators that divide
				return &value{kind: '0', num: x, raw: trim(x)}, true
			}
		}
		return nil, false
	}
	x := low + m.rng.Float64()*(high-low)
	if r := math.Round(x*100) / 100; r > low && r < high {
		x = r
	}
	raw := trim(x)
	back, err := strconv.ParseFloat(raw, 64)
	return &value{kind: '0', num: back, raw: raw}, err == nil
}

// whole is a number without a fraction.
func whole(x float64) *value {
	return &value{kind: '0', num: x, raw: strconv.FormatFloat(x, 'f', 0, 64)}
}

// trim writes a number without more digits than it needs.
func trim(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// words are n words with spaces between them.
func (m *maker) words(n int) string {
	adjectives, nouns := words(adjective), words(nounOne)
	var out []string
	for i := range n {
		if list := nouns; i%3 == 0 && n > 1 {
			out = append(out, adjectives[m.rng.IntN(len(adjectives))])
		} else {
			out = append(out, list[m.rng.IntN(len(list))])
		}
	}
	return strings.Join(out, " ")
}

// text makes a string.
func (m *maker) text(n *node) (*value, bool) {
	v := &value{kind: 's'}
	if n.pattern != nil {
		s, ok := n.pattern.make(m.rng, n.minLen)
		v.str = s
		return v, ok
	}
	if v.str = m.formatted(n.format); v.str == "" {
		v.str = m.words(1 + m.rng.IntN(4))
	}
	for len(v.str) < n.minLen {
		v.str += " " + m.words(1+min(n.minLen/16, 1000))
	}
	if len(v.str) > n.maxLen {
		v.str = v.str[:n.maxLen]
		if n.maxLen > n.minLen {
			v.str = strings.TrimRight(v.str, " ")
		}
	}
	for len(v.str) < n.minLen {
		v.str += "."
	}
	m.left -= len(v.str)
	return v, true
}

// formatted is a string of a format, or "".
func (m *maker) formatted(format string) string {
	at := time.Date(2020+m.rng.IntN(6), time.Month(1+m.rng.IntN(12)), 1+m.rng.IntN(28), m.rng.IntN(24), m.rng.IntN(60), m.rng.IntN(60), 0, time.UTC)
	one := func() string { list := words(nounOne); return list[m.rng.IntN(len(list))] }
	switch format {
	case "date-time":
		return at.Format(time.RFC3339)
	case "date":
		return at.Format(time.DateOnly)
	case "time":
		return at.Format("15:04:05Z07:00")
	case "email":
		return one() + "@" + one() + ".example"
	case "hostname":
		return one() + ".example"
	case "uri", "url":
		return "https://" + one() + ".example/" + one()
	case "ipv4":
		return fmt.Sprintf("192.0.2.%d", m.rng.IntN(256))
	case "ipv6":
		return fmt.Sprintf("2001:db8::%x", 1+m.rng.IntN(65535))
	case "uuid":
		a, b := m.rng.Uint64(), m.rng.Uint64()
		return fmt.Sprintf("%08x-%04x-4%03x-%x%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, 8+b>>62, b>>48&0xfff, b&0xffffffffffff)
	}
	return ""
}
