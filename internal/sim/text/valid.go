package text

import (
	"math"
	"math/big"
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Valid reports whether raw is JSON that the schema takes. Of formats it checks
// those that it writes.
func (s *Schema) Valid(raw []byte) bool {
	v, err := parseValue(raw)
	if err != nil {
		return false
	}
	c := checker{steps: maxSteps}
	return c.valid(s.root, v, 0)
}

// A checker bounds the work of one check.
type checker struct{ steps int }

const maxSteps = 1 << 21

func (c *checker) valid(n *node, v *value, depth int) bool {
	c.steps--
	if n == nil {
		return true
	}
	if n.never || c.steps < 0 || depth > 2*maxSchemaDepth {
		return false
	}
	if n.enum != nil {
		found := false
		for _, e := range n.enum {
			c.steps--
			found = found || e.equal(v)
		}
		if !found {
			return false
		}
	}
	if n.types != "" && !hasType(n.types, v) {
		return false
	}
	if n.ref != nil && !c.valid(n.ref, v, depth+1) {
		return false
	}
	for _, a := range n.all {
		if !c.valid(a, v, depth+1) {
			return false
		}
	}
	if n.any != nil {
		good := 0
		for _, a := range n.any {
			if c.valid(a, v, depth+1) {
				good++
			}
		}
		if good == 0 || n.exactly && good > 1 {
			return false
		}
	}
	switch v.kind {
	case '{':
		return c.validObject(n, v, depth)
	case '[':
		return c.validArray(n, v, depth)
	case 's':
		if n.pattern != nil {
			if c.steps -= n.pattern.cost(v.str); c.steps < 0 {
				return false
			}
		}
		return n.validString(v.str)
	case '0':
		return n.validNumber(v)
	}
	return true
}

func hasType(types string, v *value) bool {
	return strings.IndexByte(types, v.kind) >= 0 || v.kind == '0' && strings.Contains(types, "i") && v.num == math.Trunc(v.num)
}

func (c *checker) validObject(n *node, v *value, depth int) bool {
	if len(v.keys) < n.minProps || len(v.keys) > n.maxProps {
		return false
	}
	for _, name := range n.required {
		if v.get(name) == nil {
			return false
		}
	}
	for i, name := range v.keys {
		if !c.valid(n.prop(name), v.list[i], depth+1) {
			return false
		}
	}
	return true
}

func (c *checker) validArray(n *node, v *value, depth int) bool {
	if len(v.list) < n.minItems || len(v.list) > n.maxItems {
		return false
	}
	for i, e := range v.list {
		if !c.valid(n.item(i), e, depth+1) {
			return false
		}
		if !n.unique {
			continue
		}
		for _, o := range v.list[:i] {
			if c.steps--; c.steps < 0 || e.equal(o) {
				return false
			}
		}
	}
	return true
}

func (n *node) validNumber(v *value) bool {
	if v.num < n.low || v.num > n.high || n.lowX && v.num == n.low || n.highX && v.num == n.high {
		return false
	}
	if n.step == 0 {
		return true
	}
	x, ok := new(big.Rat).SetString(v.raw)
	step, okStep := new(big.Rat).SetString(trim(n.step))
	return ok && okStep && new(big.Rat).Quo(x, step).IsInt()
}

func (n *node) validString(s string) bool {
	if k := utf8.RuneCountInString(s); k < n.minLen || k > n.maxLen {
		return false
	}
	if n.pattern != nil && !n.pattern.find(s) {
		return false
	}
	var err error
	switch n.format {
	case "date-time":
		_, err = time.Parse(time.RFC3339, s)
	case "date":
		_, err = time.Parse(time.DateOnly, s)
	case "time":
		_, err = time.Parse("15:04:05Z07:00", s)
	case "email":
		_, err = mail.ParseAddress(s)
	case "ipv4", "ipv6":
		var a netip.Addr
		if a, err = netip.ParseAddr(s); err == nil && a.Is4() != (n.format == "ipv4") {
			return false
		}
	case "uri":
		var u *url.URL
		if u, err = url.Parse(s); err == nil && u.Scheme == "" {
			return false
		}
	}
	return err == nil
}
