package jinja

import (
	"cmp"
	"math"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// number makes numbers comparable: whole is set for int and bool.
func number(v any) (i int64, f float64, whole, ok bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, 1, true, true
		}
		return 0, 0, true, true
	case int64:
		return v, float64(v), true, true
	case float64:
		return 0, v, false, true
	}
	return 0, 0, false, false
}

// equal is Python's ==.
func equal(a, b any) bool {
	if i, f, whole, ok := number(a); ok {
		j, g, whole2, ok := number(b)
		if whole && whole2 {
			return ok && i == j
		}
		return ok && f == g
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		s, ok := b.(string)
		return ok && a == s
	case undefined:
		_, ok := b.(undefined)
		return ok
	case *list:
		l, ok := b.(*list)
		if !ok || a.shape != l.shape || a.shape == lazy || len(a.items) != len(l.items) {
			return ok && a == l
		}
		for i := range a.items {
			if !equal(a.items[i], l.items[i]) {
				return false
			}
		}
		return true
	case *Dict:
		d, ok := b.(*Dict)
		if !ok || len(a.keys) != len(d.keys) {
			return false
		}
		for i, k := range a.keys {
			if v, ok := d.get(k); !ok || !equal(a.values[i], v) {
				return false
			}
		}
		return true
	}
	return a == b
}

// compare orders two values; sign is the operator, for the error.
func compare(a, b any, sign string) int {
	if i, f, whole, ok := number(a); ok {
		if j, g, whole2, ok := number(b); ok {
			if whole && whole2 {
				return cmp.Compare(i, j)
			}
			return cmp.Compare(f, g)
		}
	}
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			return strings.Compare(s, t)
		}
	}
	if l, ok := a.(*list); ok && l.shape <= tuple {
		if m, ok := b.(*list); ok && m.shape == l.shape {
			for i := range min(len(l.items), len(m.items)) {
				if !equal(l.items[i], m.items[i]) {
					return compare(l.items[i], m.items[i], sign)
				}
			}
			return cmp.Compare(len(l.items), len(m.items))
		}
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(undefined); ok {
			fail("%s", u.why)
		}
	}
	fail("'%s' not supported between instances of '%s' and '%s'", sign, typeName(a), typeName(b))
	return 0
}

// contains is Python's `v in c`.
func contains(r *run, c, v any) bool {
	switch c := c.(type) {
	case string:
		s, ok := v.(string)
		if !ok {
			fail("'in <string>' requires string as left operand, not %s", typeName(v))
		}
		return strings.Contains(c, s)
	case *Dict:
		_, ok := c.get(v)
		return ok
	}
	for _, x := range iterate(r, c) {
		if equal(x, v) {
			return true
		}
	}
	return false
}

// iterate is what a for loop goes through.
func iterate(r *run, v any) []any {
	switch v := v.(type) {
	case undefined:
		return nil
	case string:
		r.step(len(v))
		out := make([]any, 0, len(v))
		for len(v) > 0 {
			_, n := utf8.DecodeRuneInString(v)
			out = append(out, v[:n])
			v = v[n:]
		}
		return out
	case *list:
		r.step(len(v.items))
		if v.shape == lazy {
			if v.used {
				return nil
			}
			v.used = true
		}
		return v.items
	case *Dict:
		r.step(len(v.keys))
		return v.keys
	}
	fail("'%s' object is not iterable", typeName(v))
	return nil
}

// length is Python's len().
func length(v any) int64 {
	switch v := v.(type) {
	case undefined:
		return 0
	case string:
		return int64(utf8.RuneCountInString(v))
	case *list:
		if v.shape != lazy {
			return int64(len(v.items))
		}
	case *Dict:
		return int64(len(v.keys))
	}
	fail("object of type '%s' has no len()", typeName(v))
	return 0
}

// arith is a binary operator of numbers, strings and lists.
func arith(r *run, sign string, a, b any) any {
	i, f, whole, ok := number(a)
	j, g, whole2, ok2 := number(b)
	switch {
	case ok && ok2 && whole && whole2:
		return arithInt(sign, i, j)
	case ok && ok2:
		return arithFloat(sign, f, g)
	}
	if s, isStr := a.(string); isStr {
		switch t, isStr := b.(string); {
		case sign == "%":
			return percent(r, s, b)
		case sign == "+" && isStr:
			return r.bounded(s + t)
		case sign == "*" && whole2:
			return r.repeat(s, j)
		}
	}
	if t, isStr := b.(string); isStr && sign == "*" && whole {
		return r.repeat(t, i)
	}
	if l, isList := a.(*list); isList && l.shape <= tuple {
		switch m, isList := b.(*list); {
		case sign == "+" && isList && m.shape == l.shape:
			r.step(len(l.items) + len(m.items))
			return &list{items: append(append([]any{}, l.items...), m.items...), shape: l.shape}
		case sign == "*" && whole2:
			r.step(len(l.items) * int(min(max(j, 0), maxSteps)))
			out := &list{shape: l.shape}
			for range max(j, 0) {
				out.items = append(out.items, l.items...)
			}
			return out
		}
	}
	for _, v := range []any{a, b} {
		if u, ok := v.(undefined); ok {
			fail("%s", u.why)
		}
	}
	if _, isStr := a.(string); isStr && sign == "+" {
		fail("can only concatenate str (not \"%s\") to str", typeName(b))
	}
	fail("unsupported operand type(s) for %s: '%s' and '%s'", sign, typeName(a), typeName(b))
	return nil
}

// bounded counts the making of a string.
func (r *run) bounded(s string) string {
	r.step(len(s)/16 + 1)
	if len(s) > maxOutput {
		fail("a text of %d bytes is larger than %d", len(s), maxOutput)
	}
	return s
}

func (r *run) repeat(s string, n int64) string {
	if n <= 0 || s == "" {
		return ""
	}
	if n > maxOutput/int64(len(s)) {
		fail("a text repeated %d times is larger than %d bytes", n, maxOutput)
	}
	return r.bounded(strings.Repeat(s, int(n)))
}

func overflow() int64 {
	fail("a whole number leaves 64 bits")
	return 0
}

func arithInt(sign string, a, b int64) any {
	if (sign == "/" || sign == "//" || sign == "%") && b == 0 {
		fail("division by zero")
	}
	switch sign {
	case "+":
		if s := a + b; (s > a) == (b > 0) {
			return s
		}
		return overflow()
	case "-":
		if d := a - b; (d < a) == (b > 0) {
			return d
		}
		return overflow()
	case "*":
		return mulInt(a, b)
	case "/":
		return float64(a) / float64(b)
	case "//":
		if a == math.MinInt64 && b == -1 {
			return overflow()
		}
		q := a / b
		if a%b != 0 && (a < 0) != (b < 0) {
			q--
		}
		return q
	case "%":
		if b == -1 {
			return int64(0)
		}
		m := a % b
		if m != 0 && (m < 0) != (b < 0) {
			m += b
		}
		return m
	}
	if b < 0 {
		return arithFloat(sign, float64(a), float64(b))
	}
	out := int64(1)
	if a == 0 || a == 1 || a == -1 { // powers that never leave 64 bits
		b = min(b, 2-b%2)
	}
	for range b {
		out = mulInt(out, a)
	}
	return out
}

func mulInt(a, b int64) int64 {
	high, low := bits.Mul64(uint64(abs(a)), uint64(abs(b)))
	if high != 0 || low > math.MaxInt64 || a == math.MinInt64 || b == math.MinInt64 {
		return overflow()
	}
	return a * b
}

func abs(v int64) int64 { return max(v, -v) }

func arithFloat(sign string, a, b float64) any {
	if (sign == "/" || sign == "//" || sign == "%") && b == 0 {
		fail("float division by zero")
	}
	switch sign {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return a / b
	case "//":
		return math.Floor(a / b)
	case "%":
		m := math.Mod(a, b)
		if m != 0 && (m < 0) != (b < 0) {
			m += b
		}
		return m
	}
	if a == 0 && b < 0 {
		fail("0.0 cannot be raised to a negative power")
	}
	return math.Pow(a, b)
}
