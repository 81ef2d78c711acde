package jinja

import (
	"slices"
	"strings"
)

// A loop is the variable of that name inside a for loop.
type loop struct {
	items   []any
	i       int
	depth   int64
	changed *list // arguments of the last changed()
	again   func(r *run, items []any, depth int64) string
}

// field is an attribute of the loop.
func (l *loop) field(key string) any {
	n, i := int64(len(l.items)), int64(l.i)
	switch key {
	case "index":
		return i + 1
	case "index0":
		return i
	case "revindex":
		return n - i
	case "revindex0":
		return n - i - 1
	case "first":
		return i == 0
	case "last":
		return i == n-1
	case "length":
		return n
	case "depth":
		return l.depth + 1
	case "depth0":
		return l.depth
	case "previtem":
		if i > 0 {
			return l.items[i-1]
		}
		return undefined{"there is no previous item"}
	case "nextitem":
		if i+1 < n {
			return l.items[i+1]
		}
		return undefined{"there is no next item"}
	case "cycle":
		return &function{key, func(_ *run, a args) any {
			if len(a.pos) == 0 {
				fail("no items for cycling given")
			}
			return a.pos[l.i%len(a.pos)]
		}}
	case "changed":
		return &function{key, func(_ *run, a args) any {
			now := &list{items: a.pos, shape: tuple}
			was := l.changed
			l.changed = now
			return was == nil || !equal(was, now)
		}}
	}
	return undefined{missing(l, key)}
}

// recurse is a call of loop(…) in a recursive loop.
func (l *loop) recurse(r *run, a args) any {
	if l.again == nil {
		fail("the loop must have the 'recursive' marker to be called")
	}
	if len(a.pos) != 1 {
		fail("loop() takes one argument")
	}
	return l.again(r, iterate(r, a.pos[0]), l.depth+1)
}

func (p *parser) forLoop() stmt {
	to := p.target("in")
	p.expectName("in")
	seq := p.tuple(p.or, false, "recursive")
	var test expr
	if p.skipName("if") {
		test = p.expression()
	}
	recursive := p.skipName("recursive")
	p.expect(endBlock)
	p.loops++
	body := p.body("endfor", "else")
	p.loops--
	var otherwise []stmt
	if p.skipName("else") {
		p.expect(endBlock)
		otherwise = p.body("endfor")
	}
	p.expectName("endfor")
	p.expect(endBlock)

	var each func(r *run, s *scope, items []any, depth int64, out *strings.Builder)
	each = func(r *run, s *scope, items []any, depth int64, out *strings.Builder) {
		if test != nil {
			items = kept(r, s, items, to, test)
		}
		if len(items) == 0 {
			r.exec(otherwise, s.child(), out)
			return
		}
		l := &loop{items: items, depth: depth}
		if recursive {
			l.again = func(r *run, items []any, depth int64) string {
				var b strings.Builder
				each(r, s, items, depth, &b)
				return b.String()
			}
		}
		for i, v := range items {
			l.i = i
			inner := s.child()
			inner.vars["loop"] = l
			to(r, inner, v)
			if r.exec(body, inner, out) == breakLoop {
				return
			}
		}
	}
	return func(r *run, s *scope, out *strings.Builder) signal {
		each(r, s, iterate(r, seq(r, s)), 0, out)
		return next
	}
}

// kept are the items that pass the condition of a loop.
func kept(r *run, s *scope, items []any, to target, test expr) []any {
	var out []any
	for _, v := range items {
		inner := s.child()
		to(r, inner, v)
		if truth(test(r, inner)) {
			out = append(out, v)
		}
	}
	return out
}

// A macro is what {% macro %} and {% call %} define.
type macro struct {
	name     string
	params   []string
	defaults []expr // nil for a parameter without
	body     []stmt
	uses     map[string]bool // varargs, kwargs, caller: taken only where the body names them
}

// signature parses (a, b=1).
func (p *parser) signature(m *macro) {
	p.expectOp("(")
	for !p.isOp(")") {
		if len(m.params) > 0 {
			p.expectOp(",")
			if p.isOp(")") {
				break
			}
		}
		m.params = append(m.params, p.ident())
		var fallback expr
		if p.skipOp("=") {
			fallback = p.expression()
		} else if n := len(m.defaults); n > 0 && m.defaults[n-1] != nil {
			p.fail("non-default argument follows default argument")
		}
		m.defaults = append(m.defaults, fallback)
	}
	p.expectOp(")")
}

func (p *parser) macro() stmt {
	m := &macro{name: p.ident()}
	p.signature(m)
	p.expect(endBlock)
	p.apart(m, "endmacro")
	return func(_ *run, s *scope, _ *strings.Builder) signal {
		s.vars[m.name] = m.function(s)
		return next
	}
}

// apart parses the body of a macro, which the loops around it can't be left
// from.
func (p *parser) apart(m *macro, end string) {
	loops, from := p.loops, p.at
	p.loops = 0
	m.body = p.block(end)
	p.loops = loops
	m.uses = map[string]bool{}
	for _, t := range p.tokens[from:p.at] {
		if t.kind == name {
			m.uses[t.text] = true
		}
	}
}

func (p *parser) callBlock() stmt {
	m := &macro{name: "caller"}
	if p.isOp("(") {
		p.signature(m)
	}
	callee := p.primary()
	for p.isOp(".") || p.isOp("[") {
		p.fail("only macros by name can be called by a call block")
	}
	if !p.isOp("(") {
		p.fail("expected a call, got %q", p.now())
	}
	list := p.arguments()
	p.expect(endBlock)
	p.apart(m, "endcall")
	return func(r *run, s *scope, out *strings.Builder) signal {
		a := evaluate(r, s, list)
		if a.named == nil {
			a.named = NewDict()
		}
		a.named.set("caller", m.function(s))
		write(out, toStr(r.call(callee(r, s), a)))
		return next
	}
}

// function is the macro as a value, in the scope that it was defined in.
func (m *macro) function(s *scope) *function {
	return &function{m.name, func(r *run, a args) any {
		inner := s.child()
		m.bind(r, inner, a)
		return r.bounded(r.capture(m.body, inner))
	}}
}

// bind gives the parameters their values. What is left over is varargs, kwargs
// and caller.
func (m *macro) bind(r *run, s *scope, a args) {
	extra := NewDict()
	caller := any(undefined{"no caller defined"})
	named := map[string]any{}
	if a.named != nil {
		for i, k := range a.named.keys {
			switch k := k.(string); {
			case k == "caller" && m.uses[k]:
				caller = a.named.values[i]
			case slices.Contains(m.params, k):
				named[k] = a.named.values[i]
			case m.uses["kwargs"]:
				extra.set(k, a.named.values[i])
			default:
				fail("macro '%s' takes no keyword argument '%s'", m.name, k)
			}
		}
	}
	if len(a.pos) > len(m.params) && !m.uses["varargs"] {
		fail("macro '%s' takes not more than %d argument(s)", m.name, len(m.params))
	}
	for i, p := range m.params {
		v, isNamed := named[p]
		switch {
		case i < len(a.pos) && isNamed:
			fail("macro '%s' got two values for the argument '%s'", m.name, p)
		case i < len(a.pos):
			v = a.pos[i]
		case isNamed:
		case m.defaults[i] != nil:
			v = m.defaults[i](r, s)
		default:
			v = undefined{"parameter '" + p + "' was not provided"}
		}
		s.vars[p] = v
	}
	s.vars["varargs"] = &list{items: a.pos[min(len(a.pos), len(m.params)):], shape: tuple}
	s.vars["kwargs"] = extra
	s.vars["caller"] = caller
}
