package jinja

// A test answers `v is name`.
type test func(r *run, v any, a args) bool

// simple is a test without arguments.
func simple(f func(v any) bool) test {
	return func(_ *run, v any, a args) bool {
		bind("test", "", a)
		return f(v)
	}
}

// against is a test with one argument.
func against(f func(r *run, v, other any) bool) test {
	return func(r *run, v any, a args) bool { return f(r, v, bind("test", "other", a)[0]) }
}

func ordered(sign string) test {
	return against(func(r *run, v, o any) bool { return holds(r, sign, v, o) })
}

// testNamed finds a test, nil where it is not known.
func testNamed(name string) test {
	switch name {
	case "defined":
		return simple(func(v any) bool { _, u := v.(undefined); return !u })
	case "undefined":
		return simple(func(v any) bool { _, u := v.(undefined); return u })
	case "none":
		return simple(func(v any) bool { return v == nil })
	case "boolean":
		return simple(func(v any) bool { _, ok := v.(bool); return ok })
	case "true":
		return simple(func(v any) bool { return v == true })
	case "false":
		return simple(func(v any) bool { return v == false })
	case "integer":
		return simple(func(v any) bool { _, ok := v.(int64); return ok })
	case "float":
		return simple(func(v any) bool { _, ok := v.(float64); return ok })
	case "number":
		return simple(func(v any) bool { _, _, _, ok := number(v); return ok })
	case "string":
		return simple(func(v any) bool { _, ok := v.(string); return ok })
	case "mapping":
		return simple(func(v any) bool { _, ok := v.(*Dict); return ok })
	case "callable":
		return simple(func(v any) bool { _, ok := v.(*function); return ok })
	case "iterable":
		return simple(isIterable)
	case "sequence":
		return simple(func(v any) bool {
			l, isList := v.(*list)
			_, isUndefined := v.(undefined)
			return isIterable(v) && !isUndefined && (!isList || l.shape <= tuple)
		})
	case "odd", "even":
		want := map[string]int64{"odd": 1, "even": 0}[name]
		return func(r *run, v any, a args) bool {
			bind(name, "", a)
			return equal(arith(r, "%", v, int64(2)), want)
		}
	case "lower":
		return simple(func(v any) bool { return is(toStr(v), "islower") })
	case "upper":
		return simple(func(v any) bool { return is(toStr(v), "isupper") })
	case "divisibleby":
		return against(func(r *run, v, o any) bool { return equal(arith(r, "%", v, o), int64(0)) })
	case "sameas":
		return against(func(_ *run, v, o any) bool { return same(v, o) })
	case "in":
		return against(func(r *run, v, o any) bool { return contains(r, o, v) })
	case "eq", "==", "equalto":
		return ordered("==")
	case "ne", "!=":
		return ordered("!=")
	case "lt", "<", "lessthan":
		return ordered("<")
	case "le", "<=":
		return ordered("<=")
	case "gt", ">", "greaterthan":
		return ordered(">")
	case "ge", ">=":
		return ordered(">=")
	case "filter":
		return simple(func(v any) bool { s, ok := v.(string); return ok && filterNamed(s) != nil })
	case "test":
		return simple(func(v any) bool { s, ok := v.(string); return ok && testNamed(s) != nil })
	}
	return nil
}

func isIterable(v any) bool {
	switch v.(type) {
	case string, *list, *Dict, undefined:
		return true
	}
	return false
}

// same is Python's `is`, for which small numbers and equal texts are one.
func same(a, b any) bool {
	if typeName(a) != typeName(b) {
		return false
	}
	switch a.(type) {
	case nil, bool, int64, float64, string:
		return a == b
	case *list, *Dict, *function, *namespace:
		return a == b
	}
	return false
}
