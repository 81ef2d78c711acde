package jinja

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/python"
)

// Values of a template are nil, bool, int64, float64, string, *list, *Dict,
// undefined, *namespace, *loop and *function.

// undefined is the value of a name or attribute that is not there. It prints as
// nothing and iterates over nothing; any other use is the error in it.
type undefined struct{ why string }

type shape uint8

const (
	plain shape = iota
	tuple
	lazy // of a generator such as map gives: it can be iterated once, and no more
	view // of a dict's keys, values or items
)

// A list is a sequence of any shape.
type list struct {
	items []any
	shape shape
	label string // of a view: dict_keys
	used  bool   // of a lazy one
}

func newList(items []any) *list { return &list{items: items} }

// A Dict is a mapping that keeps the order of its keys.
type Dict struct {
	keys   []any
	values []any
	index  map[any]int
}

// NewDict makes an empty Dict.
func NewDict() *Dict { return &Dict{index: map[any]int{}} }

// Set puts a value, of the types that Render takes, under a key.
func (d *Dict) Set(key string, v any) { d.set(key, fromGo(v, 0)) }

// Keys returns the keys that are strings, in order.
func (d *Dict) Keys() []string {
	var out []string
	for _, k := range d.keys {
		if s, ok := k.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Get returns the value under a key; nil, false where there is none.
func (d *Dict) Get(key string) (any, bool) { return d.get(key) }

func (d *Dict) set(key, v any) {
	h := hashKey(key)
	if i, ok := d.index[h]; ok {
		d.values[i] = v
		return
	}
	d.index[h] = len(d.keys)
	d.keys = append(d.keys, key)
	d.values = append(d.values, v)
}

func (d *Dict) get(key any) (any, bool) {
	if i, ok := d.index[hashKey(key)]; ok {
		return d.values[i], true
	}
	return nil, false
}

// hashKey makes equal keys equal: in Python 1, 1.0 and True are.
func hashKey(key any) any {
	type tupleKey string
	switch k := key.(type) {
	case bool:
		if k {
			return int64(1)
		}
		return int64(0)
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<62 {
			return int64(k)
		}
		return k
	case nil, int64, string:
		return k
	case *list:
		if k.shape == tuple {
			return tupleKey(repr(k))
		}
	}
	fail("unhashable type: '%s'", typeName(key))
	return nil
}

// A namespace is what namespace() makes: the one thing that can be changed.
type namespace struct{ vars *Dict }

// A function is anything that can be called.
type function struct {
	name string
	call func(r *run, a args) any
}

// args are the arguments of a call.
type args struct {
	pos   []any
	named *Dict // nil for none
}

// fromGo takes a value of a caller.
func fromGo(v any, depth int) any {
	if depth > maxDepth {
		fail("a variable is nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil, bool, int64, float64, string, *Dict, *list:
		return v
	case int:
		return int64(v)
	case []any:
		items := make([]any, len(v))
		for i, x := range v {
			items[i] = fromGo(x, depth+1)
		}
		return newList(items)
	case map[string]any:
		d := NewDict()
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			d.set(k, fromGo(v[k], depth+1))
		}
		return d
	}
	fail("a variable of the type %T can't be used in a template", v)
	return nil
}

// typeName is what Python calls the type of a value.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case *list:
		return [...]string{"list", "tuple", "generator", v.label}[v.shape]
	case *Dict:
		return "dict"
	case undefined:
		return "Undefined"
	case *namespace:
		return "Namespace"
	case *loop:
		return "LoopContext"
	}
	return "function"
}

// truth is Python's bool().
func truth(v any) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case *list:
		return v.shape == lazy || len(v.items) > 0
	case *Dict:
		return len(v.keys) > 0
	}
	return true
}

// toStr is Python's str(), and what {{ }} prints.
func toStr(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case undefined:
		return ""
	}
	return repr(v)
}

// repr is Python's repr().
func repr(v any) string {
	var b strings.Builder
	writeRepr(&b, v, 0)
	return b.String()
}

func writeRepr(b *strings.Builder, v any, depth int) {
	if depth > maxDepth {
		fail("nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(python.Bool(v))
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		b.WriteString(python.Float(v))
	case string:
		b.WriteString(python.Quote(v))
	case undefined:
		b.WriteString("Undefined")
	case *list:
		writeListRepr(b, v, depth)
	case *Dict:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			writeRepr(b, k, depth+1)
			b.WriteString(": ")
			writeRepr(b, v.values[i], depth+1)
		}
		b.WriteByte('}')
	default:
		fail("a %s can't be printed", typeName(v))
	}
}

func writeListRepr(b *strings.Builder, v *list, depth int) {
	open, end := "[", "]"
	switch v.shape {
	case tuple:
		if open, end = "(", ")"; len(v.items) == 1 {
			end = ",)"
		}
	case lazy:
		fail("a generator can't be printed: it wants the filter list")
	case view:
		open, end = v.label+"([", "])"
	}
	b.WriteString(open)
	for i, x := range v.items {
		if i > 0 {
			b.WriteString(", ")
		}
		writeRepr(b, x, depth+1)
	}
	b.WriteString(end)
}
