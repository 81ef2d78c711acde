package jinja

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// attribute is v.key: first a method or field, then an item.
func attribute(v any, key string) any {
	switch v := v.(type) {
	case undefined:
		fail("%s", v.why)
	case *namespace:
		if x, ok := v.vars.get(key); ok {
			return x
		}
	case *loop:
		return v.field(key)
	case *Dict:
		if m := dictMethod(v, key); m != nil {
			return m
		}
		if x, ok := v.get(key); ok {
			return x
		}
	case string:
		if m := stringMethod(v, key); m != nil {
			return m
		}
		refuse(v, key, stringRefused)
	case *list:
		if m := listMethod(v, key); m != nil {
			return m
		}
		refuse(v, key, listRefused)
	}
	return undefined{missing(v, key)}
}

// Methods that Python has and that are not offered here, or that the sandbox
// forbids because they change what they are called on.
const (
	stringRefused = " casefold center encode expandtabs format_map isascii isdecimal isidentifier isnumeric isprintable istitle ljust maketrans rindex rjust rpartition translate zfill "
	listRefused   = " append clear copy extend insert pop remove reverse sort "
	dictRefused   = " clear copy fromkeys pop popitem setdefault update "
)

func refuse(v any, key, names string) {
	if strings.Contains(names, " "+key+" ") {
		fail("the method %s of '%s' can't be used in a chat template here", key, typeName(v))
	}
}

func missing(v any, key any) string {
	return fmt.Sprintf("'%s object' has no attribute %s", typeName(v), repr(key))
}

// item is v[key]: first an item, then a method or field.
func item(v, key any) any {
	switch c := v.(type) {
	case undefined:
		fail("%s", c.why)
	case *Dict:
		if x, ok := c.get(key); ok {
			return x
		}
	case *list:
		if i, _, whole, ok := number(key); ok && whole && c.shape <= tuple {
			if i < 0 {
				i += int64(len(c.items))
			}
			if i >= 0 && i < int64(len(c.items)) {
				return c.items[i]
			}
			return undefined{fmt.Sprintf("%s object has no element %s", typeName(v), repr(key))}
		}
	case string:
		if i, _, whole, ok := number(key); ok && whole {
			if x, ok := character(c, i); ok {
				return x
			}
			return undefined{fmt.Sprintf("str object has no element %s", repr(key))}
		}
	}
	if name, ok := key.(string); ok {
		return attribute(v, name)
	}
	return undefined{fmt.Sprintf("%s object has no element %s", typeName(v), repr(key))}
}

func character(s string, i int64) (string, bool) {
	if i < 0 {
		i += int64(utf8.RuneCountInString(s))
	}
	for at, c := range s {
		if i == 0 {
			return s[at : at+utf8.RuneLen(c)], true
		}
		i--
	}
	return "", false
}

// slice is v[from:to:by]; a bound that is not given is nil.
func slice(r *run, v, from, to, by any) any {
	switch c := v.(type) {
	case undefined:
		fail("%s", c.why)
	case string:
		var b strings.Builder
		for _, x := range slice(r, newList(iterate(r, c)), from, to, by).(*list).items {
			b.WriteString(x.(string))
		}
		return b.String()
	case *list:
		if c.shape > tuple {
			break
		}
		n := int64(len(c.items))
		step := bound(by, 1)
		if step == 0 {
			fail("slice step cannot be zero")
		}
		first, last := int64(0), n
		if step < 0 {
			first, last = n-1, -1
		}
		first = clamp(from, first, n, step)
		last = clamp(to, last, n, step)
		out := &list{shape: c.shape}
		for i := first; step > 0 && i < last || step < 0 && i > last; i += step {
			out.items = append(out.items, c.items[i])
			if step > n || step < -n {
				break
			}
		}
		r.step(len(out.items))
		return out
	}
	fail("'%s' object can't be sliced", typeName(v))
	return nil
}

func bound(v any, fallback int64) int64 {
	if v == nil {
		return fallback
	}
	i, _, whole, ok := number(v)
	if !ok || !whole {
		fail("slice indices must be integers or None or have an __index__ method")
	}
	return i
}

// clamp is how Python fits a bound of a slice to a length.
func clamp(v any, fallback, n, step int64) int64 {
	if v == nil {
		return fallback
	}
	i := bound(v, 0)
	if i < 0 {
		i += n
	}
	low, high := int64(0), n
	if step < 0 {
		low, high = -1, n-1
	}
	return min(max(i, low), high)
}

func dictMethod(d *Dict, key string) any {
	switch key {
	case "get":
		return method(key, "key default=None", func(_ *run, a []any) any {
			if v, ok := d.get(a[0]); ok {
				return v
			}
			return a[1]
		})
	case "items":
		return method(key, "", func(r *run, _ []any) any { return pairs(r, d, view) })
	case "keys":
		return method(key, "", func(*run, []any) any { return &list{items: d.keys, shape: view, label: "dict_keys"} })
	case "values":
		return method(key, "", func(*run, []any) any { return &list{items: d.values, shape: view, label: "dict_values"} })
	}
	if strings.Contains(dictRefused, " "+key+" ") {
		if _, ok := d.get(key); !ok {
			refuse(d, key, dictRefused)
		}
		fail("'%s' is both a key and a method of a dict: write [%s]", key, repr(key))
	}
	return nil
}

func pairs(r *run, d *Dict, s shape) *list {
	r.step(len(d.keys))
	out := &list{shape: s, label: "dict_items"}
	for i, k := range d.keys {
		out.items = append(out.items, &list{items: []any{k, d.values[i]}, shape: tuple})
	}
	return out
}

func listMethod(l *list, key string) any {
	if l.shape > tuple {
		return nil
	}
	switch key {
	case "count":
		return method(key, "value", func(r *run, a []any) any {
			n := int64(0)
			for _, x := range iterate(r, l) {
				if equal(x, a[0]) {
					n++
				}
			}
			return n
		})
	case "index":
		return method(key, "value", func(r *run, a []any) any {
			for i, x := range iterate(r, l) {
				if equal(x, a[0]) {
					return int64(i)
				}
			}
			fail("%s is not in list", repr(a[0]))
			return nil
		})
	}
	return nil
}

// method makes a function with a Python signature: names split by spaces, an =
// before a default of None, True, False or a number. What is not given and has
// no default is an error.
func method(name, signature string, call func(*run, []any) any) *function {
	return &function{name, func(r *run, a args) any { return call(r, bind(name, signature, a)) }}
}

// bind puts arguments in the order of a signature.
func bind(name, signature string, a args) []any {
	params := strings.Fields(signature)
	if len(a.pos) > len(params) {
		fail("%s() takes %d arguments but %d were given", name, len(params), len(a.pos))
	}
	out := make([]any, len(params))
	given := make([]bool, len(params))
	for i, v := range a.pos {
		out[i], given[i] = v, true
	}
	names := make([]string, len(params))
	for i, p := range params {
		n, fallback, optional := strings.Cut(p, "=")
		names[i] = n
		if given[i] {
			continue
		}
		if v, ok := a.get(n); ok {
			out[i] = v
		} else if optional {
			out[i] = constant(fallback)
		} else {
			fail("%s() missing the argument '%s'", name, n)
		}
	}
	if a.named != nil {
		for _, k := range a.named.keys {
			if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+k.(string)+" ") {
				fail("%s() got an unexpected argument '%s'", name, k)
			}
		}
	}
	return out
}

func (a args) get(name string) (any, bool) {
	if a.named == nil {
		return nil, false
	}
	return a.named.get(name)
}

func constant(s string) any {
	switch s {
	case "None":
		return nil
	case "True":
		return true
	case "False":
		return false
	case "''":
		return ""
	}
	n := int64(0)
	neg := strings.HasPrefix(s, "-")
	for _, c := range strings.TrimPrefix(s, "-") {
		n = 10*n + int64(c-'0')
	}
	if neg {
		n = -n
	}
	return n
}

// Arguments of a known type, for functions made with method.

func asStr(v any, what string) string {
	s, ok := v.(string)
	if !ok {
		if u, ok := v.(undefined); ok {
			fail("%s", u.why)
		}
		fail("%s must be str, not %s", what, typeName(v))
	}
	return s
}

func asInt(v any, what string) int64 {
	i, _, whole, ok := number(v)
	if !ok || !whole {
		fail("%s must be an integer, not %s", what, typeName(v))
	}
	return i
}
