package text

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// errMake is why no value was found for a schema that might have some.
var errMake = errors.New("no value that is valid was found; the schema may have none")

// Make writes a JSON value that the schema takes, chosen by rng. Every value is
// checked before it is given out. It fails where the schema's parts are at odds
// with each other, or seldom agree.
func (s *Schema) Make(rng *rand.Rand) ([]byte, error) {
	c := checker{steps: maxSteps}
	steps := maxSteps / 2 // for all tries
	for try := range 8 {
		m := maker{rng: rng, left: maxSize, terse: try > 5, steps: steps}
		v, ok := m.value(s.root, 0)
		steps = m.steps
		if !ok {
			continue
		}
		out := v.append(nil)
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
