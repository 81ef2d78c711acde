package jinja

import (
	"slices"
	"strconv"
	"strings"
)

// sequenceFilter finds a filter of sequences, nil where it is not known.
func sequenceFilter(name string) filterFunc {
	switch name {
	case "length", "count":
		return signed(name, "", func(_ *run, v any, _ []any) any { return length(v) })
	case "list":
		return signed(name, "", func(r *run, v any, _ []any) any { return newList(slices.Clone(iterate(r, v))) })
	case "first":
		return signed(name, "", func(r *run, v any, _ []any) any { return end(r, v, false) })
	case "last":
		return signed(name, "", func(r *run, v any, _ []any) any { return end(r, v, true) })
	case "join":
		return signed(name, "d='' attribute=None", join)
	case "reverse":
		return signed(name, "", reverse)
	case "sort":
		return signed(name, "reverse=False case_sensitive=False attribute=None", sorted)
	case "unique":
		return signed(name, "case_sensitive=False attribute=None", unique)
	case "min", "max":
		return signed(name, "case_sensitive=False attribute=None", func(r *run, v any, a []any) any {
			return extreme(r, v, a, name == "max")
		})
	case "sum":
		return signed(name, "attribute=None start=0", func(r *run, v any, a []any) any {
			total := a[1]
			for _, x := range iterate(r, v) {
				total = arith(r, "+", total, dig(x, a[0]))
			}
			return total
		})
	case "map":
		return mapped
	case "select", "reject":
		return func(r *run, v any, a args) any { return selected(r, v, nil, a, name == "select") }
	case "selectattr", "rejectattr":
		return func(r *run, v any, a args) any {
			if len(a.pos) == 0 {
				fail("Missing parameter for attribute name")
			}
			return selected(r, v, a.pos[0], args{a.pos[1:], a.named}, name == "selectattr")
		}
	case "items":
		return signed(name, "", func(r *run, v any, _ []any) any {
			if _, u := v.(undefined); u {
				return &list{shape: lazy}
			}
			d, ok := v.(*Dict)
			if !ok {
				fail("Can only get item pairs from a mapping.")
			}
			return pairs(r, d, lazy)
		})
	case "dictsort":
		return signed(name, "case_sensitive=False by=None reverse=False", dictSort)
	case "batch":
		return signed(name, "linecount fill_with=None", batch)
	case "attr":
		return signed(name, "name", func(_ *run, v any, a []any) any {
			if _, isDict := v.(*Dict); isDict { // a dict's keys are no attributes
				return undefined{missing(v, a[0])}
			}
			return attribute(v, asStr(a[0], "name"))
		})
	}
	return nil
}

// dig follows a path such as a.b.0; nil is the value itself.
func dig(v, path any) any {
	switch p := path.(type) {
	case nil:
		return v
	case int64:
		return item(v, p)
	}
	for part := range strings.SplitSeq(asStr(path, "attribute"), ".") {
		if n, err := strconv.ParseInt(part, 10, 64); err == nil && n >= 0 {
			v = item(v, n)
		} else {
			v = item(v, part)
		}
	}
	return v
}

func end(r *run, v any, last bool) any {
	if l, ok := v.(*list); ok && l.shape == lazy && last {
		fail("'generator' object is not reversible")
	}
	if s, ok := v.(string); ok && !last && s != "" {
		return firstRune(s)
	}
	items := iterate(r, v)
	switch {
	case len(items) == 0 && last:
		return undefined{"No last item, sequence was empty."}
	case len(items) == 0:
		return undefined{"No first item, sequence was empty."}
	case last:
		return items[len(items)-1]
	}
	return items[0]
}

func join(r *run, v any, a []any) any {
	var parts []string
	size := 0
	for _, x := range iterate(r, v) {
		s := toStr(dig(x, a[1]))
		if size += len(s); size > maxOutput {
			fail("a text is larger than %d bytes", maxOutput)
		}
		parts = append(parts, s)
	}
	return r.bounded(strings.Join(parts, toStr(a[0])))
}

func reverse(r *run, v any, _ []any) any {
	if l, ok := v.(*list); ok && l.shape == lazy {
		fail("argument must be iterable")
	}
	out := slices.Clone(iterate(r, v))
	slices.Reverse(out)
	if _, ok := v.(string); ok {
		return joinStrict(r, "", newList(out))
	}
	return &list{items: out, shape: lazy}
}

// folded is the key by which things are sorted or told apart: texts without
// case, unless asked.
func folded(v, path, caseSensitive any) any {
	v = dig(v, path)
	if s, ok := v.(string); ok && !truth(caseSensitive) {
		return lower(s)
	}
	return v
}

func sortBy(r *run, items []any, key func(any) any, reversed bool) {
	r.step(8 * len(items))
	slices.SortStableFunc(items, func(x, y any) int {
		if reversed { // Python keeps equal ones in order then too
			x, y = y, x
		}
		return compare(key(x), key(y), "<")
	})
}

func sorted(r *run, v any, a []any) any {
	items := slices.Clone(iterate(r, v))
	if path, ok := a[2].(string); ok && strings.Contains(path, ",") {
		fail("sort by several attributes is not known")
	}
	sortBy(r, items, func(x any) any { return folded(x, a[2], a[1]) }, truth(a[0]))
	return newList(items)
}

func unique(r *run, v any, a []any) any {
	seen := map[any]bool{}
	out := &list{shape: lazy}
	for _, x := range iterate(r, v) {
		if k := hashKey(folded(x, a[1], a[0])); !seen[k] {
			seen[k] = true
			out.items = append(out.items, x)
		}
	}
	return out
}

func extreme(r *run, v any, a []any, largest bool) any {
	items := iterate(r, v)
	if len(items) == 0 {
		return undefined{"No aggregated item, sequence was empty."}
	}
	best := items[0]
	for _, x := range items[1:] {
		d := compare(folded(x, a[1], a[0]), folded(best, a[1], a[0]), "<")
		if d > 0 && largest || d < 0 && !largest {
			best = x
		}
	}
	return best
}

// mapped is map(attribute="a") or map("filter", …).
func mapped(r *run, v any, a args) any {
	out := &list{shape: lazy}
	if path, ok := a.get("attribute"); ok && len(a.pos) == 0 {
		b := bind("map", "attribute default=None", a)
		for _, x := range iterate(r, v) {
			x = dig(x, path)
			if _, u := x.(undefined); u && b[1] != nil {
				x = b[1]
			}
			out.items = append(out.items, x)
		}
		return out
	}
	if len(a.pos) == 0 {
		fail("map requires a filter argument")
	}
	f := filterNamed(asStr(a.pos[0], "the filter"))
	if f == nil {
		fail("no filter named '%s' is known", a.pos[0])
	}
	for _, x := range iterate(r, v) {
		r.step(10)
		out.items = append(out.items, f(r, x, args{a.pos[1:], a.named}))
	}
	return out
}

// selected keeps the items for which a test gives want.
func selected(r *run, v, path any, a args, want bool) any {
	out := &list{shape: lazy}
	passes := test(func(_ *run, v any, _ args) bool { return truth(v) })
	if len(a.pos) > 0 {
		if passes = testNamed(asStr(a.pos[0], "the test")); passes == nil {
			fail("no test named '%s' is known", a.pos[0])
		}
		a.pos = a.pos[1:]
	}
	if !truth(v) {
		return out
	}
	for _, x := range iterate(r, v) {
		r.step(10)
		if passes(r, dig(x, path), a) == want {
			out.items = append(out.items, x)
		}
	}
	return out
}

func dictSort(r *run, v any, a []any) any {
	d, ok := v.(*Dict)
	if !ok {
		fail("dictsort needs a dict, not '%s'", typeName(v))
	}
	at := int64(0)
	if a[1] != nil && a[1] != "key" {
		if a[1] != "value" {
			fail(`You can only sort by either "key" or "value"`)
		}
		at = 1
	}
	out := pairs(r, d, plain)
	sortBy(r, out.items, func(x any) any { return folded(x, at, a[0]) }, truth(a[2]))
	return out
}

func batch(r *run, v any, a []any) any {
	n := asInt(a[0], "linecount")
	if n < 1 {
		fail("batch needs a size of at least 1")
	}
	out := &list{shape: lazy}
	for part := range slices.Chunk(iterate(r, v), int(min(n, maxSteps))) {
		row := slices.Clone(part)
		for a[1] != nil && int64(len(row)) < n {
			r.step(1)
			row = append(row, a[1])
		}
		out.items = append(out.items, newList(row))
	}
	return out
}
