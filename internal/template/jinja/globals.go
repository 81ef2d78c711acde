package jinja

// global is a function that every template knows, nil where there is none.
func global(name string) any {
	switch name {
	case "range":
		return &function{name, func(r *run, a args) any { return pythonRange(r, a) }}
	case "namespace":
		return &function{name, func(_ *run, a args) any { return &namespace{makeDict(a)} }}
	case "dict":
		return &function{name, func(_ *run, a args) any { return makeDict(a) }}
	case "raise_exception":
		return method(name, "message", func(_ *run, a []any) any {
			fail("%s", toStr(a[0]))
			return nil
		})
	case "strftime_now":
		return method(name, "format", func(r *run, a []any) any { return strftime(r.now(), asStr(a[0], "format")) })
	case "joiner":
		return method(name, "sep=None", func(_ *run, a []any) any { return joiner(a[0]) })
	case "cycler":
		return &function{name, func(_ *run, a args) any { return cycler(a.pos) }}
	case "lipsum":
		return &function{name, func(*run, args) any {
			fail("lipsum is random and can't be used here")
			return nil
		}}
	}
	return nil
}

func makeDict(a args) *Dict {
	d := NewDict()
	for _, p := range a.pos {
		from, ok := p.(*Dict)
		if !ok {
			fail("a dict can't be made of a '%s' here", typeName(p))
		}
		for i, k := range from.keys {
			d.set(k, from.values[i])
		}
	}
	if a.named != nil {
		for i, k := range a.named.keys {
			d.set(k, a.named.values[i])
		}
	}
	return d
}

func pythonRange(r *run, a args) any {
	if len(a.pos) == 0 || len(a.pos) > 3 || a.named != nil {
		fail("range takes 1 to 3 arguments")
	}
	from, to, by := int64(0), asInt(a.pos[0], "range"), int64(1)
	if len(a.pos) > 1 {
		from, to = to, asInt(a.pos[1], "range")
	}
	if len(a.pos) > 2 {
		by = asInt(a.pos[2], "range")
	}
	if by == 0 {
		fail("range() arg 3 must not be zero")
	}
	out := newList(nil)
	for i := from; by > 0 && i < to || by < 0 && i > to; i += by {
		if len(out.items) == maxRange {
			fail("Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", maxRange)
		}
		out.items = append(out.items, i)
		if by > 0 && i > to-by || by < 0 && i < to-by {
			break // the next step may leave 64 bits
		}
	}
	r.step(len(out.items))
	return out
}

func joiner(sep any) any {
	if sep == nil {
		sep = ", "
	}
	used := false
	return &function{"joiner", func(*run, args) any {
		if !used {
			used = true
			return ""
		}
		return sep
	}}
}

// cycler is a namespace whose methods walk through its items.
func cycler(items []any) any {
	if len(items) == 0 {
		fail("at least one item has to be provided")
	}
	at := 0
	ns := &namespace{NewDict()}
	ns.vars.set("current", items[0])
	move := func(to int) { at = to % len(items); ns.vars.set("current", items[at]) }
	ns.vars.set("next", method("next", "", func(*run, []any) any {
		v := items[at]
		move(at + 1)
		return v
	}))
	ns.vars.set("reset", method("reset", "", func(*run, []any) any { move(0); return nil }))
	return ns
}
