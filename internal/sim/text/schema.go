package text

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Schema is a JSON schema that values can be made for. It never changes after
// it was made.
type Schema struct{ root *node }

// A node is one schema of a Schema, its keywords read.
type node struct {
	never   bool // false: nothing is valid
	types   string
	enum    []*value
	ref     *node
	any     []*node // anyOf and oneOf: one of them
	exactly bool    // oneOf: no other
	all     []*node

	names          []string
	props          []*node
	required       []string
	extra          *node // additionalProperties; nil: everything
	minProps       int
	maxProps       int
	items          *node // nil: everything
	prefix         []*node
	minItems       int
	maxItems       int
	unique         bool
	minLen, maxLen int
	pattern        *pattern
	format         string
	low, high      float64
	lowX, highX    bool // the bounds themselves are out
	step           float64

	size int // bytes of about the shortest value; maxSize or more: none can be made
}

// Limits of schemas.
const (
	maxNodes    = 4096
	maxPatterns = 100
	maxSize     = 64 << 10 // bytes that a value must not have to need
	maxCount    = 1 << 30
)

// refusals are keywords that change what is valid and are not followed.
func refusals() []string {
	return []string{"not", "if", "then", "else", "dependentSchemas", "dependentRequired", "dependencies", "contains",
		"minContains", "maxContains", "unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef",
		"propertyNames", "patternProperties"}
}

// parseSchema reads a JSON schema (the keywords that every draft from 4 to
// 2020-12 shares). It refuses what it does not follow, a reference to elsewhere,
// a schema without a finite value, and one whose values are all too large.
func parseSchema(raw []byte) (*Schema, error) {
	v, err := parseValue(raw)
	if err != nil {
		return nil, err
	}
	c := compiler{root: v, nodes: map[*value]*node{}}
	root, err := c.compile(v, "#")
	if err != nil {
		return nil, err
	}
	if err := c.measure(); err != nil {
		return nil, err
	}
	if root.size >= maxSize {
		return nil, fmt.Errorf("no value that is valid has less than %d bytes, or none ends", maxSize)
	}
	return &Schema{root}, nil
}

type compiler struct {
	root  *value
	nodes map[*value]*node
	order []*node

	patterns int
}

func (c *compiler) compile(v *value, at string) (*node, error) {
	if n, ok := c.nodes[v]; ok {
		return n, nil
	}
	if len(c.nodes) >= maxNodes {
		return nil, fmt.Errorf("more than %d schemas in one", maxNodes)
	}
	n := &node{maxProps: maxCount, maxItems: maxCount, maxLen: maxCount, low: math.Inf(-1), high: math.Inf(1), size: maxSize}
	c.nodes[v] = n
	c.order = append(c.order, n)
	if v.kind == 't' {
		n.never = !v.yes
		return n, nil
	}
	if v.kind != '{' {
		return nil, fmt.Errorf("%s is no schema: want an object", at)
	}
	for _, name := range refusals() {
		if v.get(name) != nil {
			return nil, fmt.Errorf("%s: the keyword %s is not supported", at, name)
		}
	}
	for _, read := range []func(*node, *value, string) error{c.choices, c.object, c.array, c.scalars} {
		if err := read(n, v, at); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// schemas compiles the members of a keyword whose value is a list of schemas.
func (c *compiler) schemas(v *value, name, at string) ([]*node, error) {
	list := v.get(name)
	if list == nil {
		return nil, nil
	}
	if list.kind != '[' {
		return nil, fmt.Errorf("%s/%s is no list", at, name)
	}
	var out []*node
	for i, e := range list.list {
		n, err := c.compile(e, at+"/"+name+"/"+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// choices reads what combines schemas, and types and values.
func (c *compiler) choices(n *node, v *value, at string) (err error) {
	if n.any, err = c.schemas(v, "anyOf", at); err != nil {
		return err
	}
	one, err := c.schemas(v, "oneOf", at)
	if err != nil {
		return err
	}
	if one != nil && n.any != nil {
		return fmt.Errorf("%s: anyOf beside oneOf is not supported", at)
	}
	if one != nil {
		n.any, n.exactly = one, true
	}
	if n.all, err = c.schemas(v, "allOf", at); err != nil {
		return err
	}
	if ref := v.get("$ref"); ref != nil {
		target, err := c.lookup(ref)
		if err != nil {
			return fmt.Errorf("%s/$ref: %w", at, err)
		}
		if n.ref, err = c.compile(target, ref.str); err != nil {
			return err
		}
	}
	if e := v.get("enum"); e != nil {
		if e.kind != '[' || len(e.list) == 0 {
			return fmt.Errorf("%s/enum is no list of values", at)
		}
		n.enum = e.list
	}
	if e := v.get("const"); e != nil {
		n.enum = []*value{e}
	}
	t := v.get("type")
	if t == nil {
		return nil
	}
	list := []*value{t}
	if t.kind == '[' {
		list = t.list
	}
	for _, t := range list {
		i := slices.Index([]string{"object", "array", "string", "number", "integer", "boolean", "null"}, t.str)
		if t.kind != 's' || i < 0 {
			return fmt.Errorf("%s/type: %q is no type", at, t.str)
		}
		n.types += "{[s0itn"[i : i+1]
	}
	return nil
}

// lookup finds what a $ref within the schema points to.
func (c *compiler) lookup(ref *value) (*value, error) {
	if ref.kind != 's' || !strings.HasPrefix(ref.str, "#") {
		return nil, fmt.Errorf("%.80q points out of the schema", ref.str)
	}
	v := c.root
	for _, part := range strings.Split(strings.TrimPrefix(ref.str, "#"), "/")[1:] {
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		var next *value
		if v.kind == '{' {
			next = v.get(part)
		} else if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(v.list) {
			next = v.list[i]
		}
		if next == nil {
			return nil, fmt.Errorf("%.80q is not there", ref.str)
		}
		v = next
	}
	return v, nil
}

func (c *compiler) object(n *node, v *value, at string) (err error) {
	if p := v.get("properties"); p != nil {
		if p.kind != '{' {
			return fmt.Errorf("%s/properties is no object", at)
		}
		for i, name := range p.keys {
			sub, err := c.compile(p.list[i], at+"/properties/"+name)
			if err != nil {
				return err
			}
			n.names, n.props = append(n.names, name), append(n.props, sub)
		}
	}
	if r := v.get("required"); r != nil && r.kind == '[' { // draft 3 had a boolean
		for _, e := range r.list {
			if e.kind != 's' {
				return fmt.Errorf("%s/required is no list of names", at)
			}
			if !slices.Contains(n.required, e.str) {
				n.required = append(n.required, e.str)
			}
		}
	}
	if e := v.get("additionalProperties"); e != nil {
		if n.extra, err = c.compile(e, at+"/additionalProperties"); err != nil {
			return err
		}
	}
	return errors.Join(count(v, "minProperties", at, &n.minProps), count(v, "maxProperties", at, &n.maxProps))
}

func (c *compiler) array(n *node, v *value, at string) (err error) {
	items := v.get("items")
	if items != nil && items.kind == '[' { // drafts before 2020-12
		if n.prefix, err = c.schemas(v, "items", at); err != nil {
			return err
		}
		items = v.get("additionalItems")
	} else if n.prefix, err = c.schemas(v, "prefixItems", at); err != nil {
		return err
	}
	if items != nil {
		if n.items, err = c.compile(items, at+"/items"); err != nil {
			return err
		}
	}
	if u := v.get("uniqueItems"); u != nil {
		n.unique = u.yes
	}
	return errors.Join(count(v, "minItems", at, &n.minItems), count(v, "maxItems", at, &n.maxItems))
}

// count reads a keyword that counts something.
func count(v *value, name, at string, to *int) error {
	e := v.get(name)
	if e == nil {
		return nil
	}
	if e.kind != '0' || e.num < 0 || e.num != math.Trunc(e.num) {
		return fmt.Errorf("%s/%s is no count", at, name)
	}
	*to = int(math.Min(e.num, maxCount))
	return nil
}

// scalars reads what bounds strings and numbers.
func (c *compiler) scalars(n *node, v *value, at string) error {
	if err := errors.Join(count(v, "minLength", at, &n.minLen), count(v, "maxLength", at, &n.maxLen)); err != nil {
		return err
	}
	if f := v.get("format"); f != nil {
		n.format = f.str
	}
	if p := v.get("pattern"); p != nil {
		var err error
		if c.patterns++; c.patterns > maxPatterns {
			return fmt.Errorf("%s: more than %d patterns in one schema", at, maxPatterns)
		}
		if n.pattern, err = newPattern(p.str); p.kind != 's' || err != nil {
			return fmt.Errorf("%s/pattern: %w", at, err)
		}
	}
	bound := func(name string, to *float64) (there bool, err error) {
		e := v.get(name)
		if e == nil || e.kind == 't' { // draft 4: exclusiveMinimum says how minimum counts
			return e != nil && e.yes, nil
		}
		if e.kind != '0' {
			return false, fmt.Errorf("%s/%s is no number", at, name)
		}
		*to = e.num
		return true, nil
	}
	lowX, highX := math.Inf(-1), math.Inf(1)
	_, err1 := bound("minimum", &n.low)
	_, err2 := bound("maximum", &n.high)
	isLowX, err3 := bound("exclusiveMinimum", &lowX)
	isHighX, err4 := bound("exclusiveMaximum", &highX)
	hasStep, err5 := bound("multipleOf", &n.step)
	if isLowX && (lowX >= n.low || math.IsInf(lowX, -1)) {
		n.low, n.lowX = math.Max(n.low, lowX), true
	}
	if isHighX && (highX <= n.high || math.IsInf(highX, 1)) {
		n.high, n.highX = math.Min(n.high, highX), true
	}
	if hasStep && !(n.step > 0) {
		return fmt.Errorf("%s/multipleOf is not above 0", at)
	}
	return errors.Join(err1, err2, err3, err4, err5)
}
