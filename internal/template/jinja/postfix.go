package jinja

import "strconv"

// postfix parses what follows a value: attributes, items, slices and calls.
func (p *parser) postfix(e expr) expr {
	for {
		inner := e
		switch {
		case p.skipOp("."):
			switch t := p.next(); t.kind {
			case name:
				e = evaluating(func(r *run, s *scope) any { return attribute(inner(r, s), t.text) })
			case integer:
				n, err := strconv.ParseInt(t.text, 10, 64)
				if err != nil {
					p.fail("the number %s leaves 64 bits", t.text)
				}
				e = evaluating(func(r *run, s *scope) any { return item(inner(r, s), n) })
			default:
				p.fail("expected a name or number after the dot, got %q", t)
			}
		case p.skipOp("["):
			e = p.subscript(inner)
		case p.isOp("("):
			e = p.call(inner)
		default:
			return e
		}
	}
}

// subscript parses [key] or [from:to:by] after its bracket.
func (p *parser) subscript(inner expr) expr {
	var bounds [3]expr
	i := 0
	if !p.isOp(":") {
		bounds[0] = p.expression()
		if p.skipOp("]") {
			key := bounds[0]
			return evaluating(func(r *run, s *scope) any {
				v := inner(r, s)
				return item(v, key(r, s))
			})
		}
	}
	for p.skipOp(":") {
		if i++; i > 2 {
			p.fail("a slice has at most three parts")
		}
		if !p.isOp(":") && !p.isOp("]") {
			bounds[i] = p.expression()
		}
	}
	p.expectOp("]")
	return evaluating(func(r *run, s *scope) any {
		v := inner(r, s)
		var b [3]any
		for i, e := range bounds {
			if e != nil {
				b[i] = e(r, s)
			}
		}
		return slice(r, v, b[0], b[1], b[2])
	})
}

// An argument of a call, before it is computed.
type argument struct {
	name  string // "" for one by position
	value expr
}

// arguments parses (…) of a call.
func (p *parser) arguments() []argument {
	p.expectOp("(")
	var out []argument
	named := false
	for !p.isOp(")") {
		if len(out) > 0 {
			p.expectOp(",")
			if p.isOp(")") {
				break
			}
		}
		if p.isOp("*") || p.isOp("**") {
			p.fail("arguments with %s are not known", p.now())
		}
		a := argument{}
		if p.now().kind == name && p.look().kind == op && p.look().text == "=" {
			a.name = p.ident()
			p.next()
			named = true
		} else if named {
			p.fail("an argument by position follows one by name")
		}
		a.value = p.expression()
		out = append(out, a)
	}
	p.expectOp(")")
	return out
}

func evaluate(r *run, s *scope, list []argument) args {
	var a args
	for _, x := range list {
		v := x.value(r, s)
		if x.name == "" {
			a.pos = append(a.pos, v)
			continue
		}
		if a.named == nil {
			a.named = NewDict()
		}
		a.named.set(x.name, v)
	}
	return a
}

func (p *parser) call(callee expr) expr {
	list := p.arguments()
	return func(r *run, s *scope) any {
		f := callee(r, s)
		return r.call(f, evaluate(r, s, list))
	}
}

// call calls whatever can be called.
func (r *run) call(f any, a args) any {
	defer r.enter()()
	r.step(10)
	switch f := f.(type) {
	case *function:
		return f.call(r, a)
	case *loop:
		return f.recurse(r, a)
	case undefined:
		fail("%s", f.why)
	}
	fail("'%s' object is not callable", typeName(f))
	return nil
}

// filtered parses the filters and tests after a value.
func (p *parser) filtered(e expr) expr {
	for {
		switch {
		case p.isOp("|"):
			e = p.filters(e)
		case p.skipName("is"):
			e = p.test(e)
		case p.isOp("("):
			e = p.call(e)
		default:
			return e
		}
	}
}

// filters parses one or more |name(…).
func (p *parser) filters(e expr) expr {
	for p.skipOp("|") {
		e = p.filter(e)
	}
	return e
}

// filter parses a name with arguments.
func (p *parser) filter(inner expr) expr {
	name := p.ident()
	line, f := p.now().line, filterNamed(name)
	if f == nil { // an error where it is used, as in jinja2: some templates name filters of other programs
		f = func(*run, any, args) any {
			fail("line %d: no filter named '%s' is known", line, name)
			return nil
		}
	}
	var list []argument
	if p.isOp("(") {
		list = p.arguments()
	}
	return func(r *run, s *scope) any {
		v := inner(r, s)
		r.step(10)
		return f(r, v, evaluate(r, s, list))
	}
}

// test parses what follows `is`.
func (p *parser) test(inner expr) expr {
	negated := p.skipName("not")
	name := p.ident()
	line, f := p.now().line, testNamed(name)
	if f == nil {
		f = func(*run, any, args) bool {
			fail("line %d: no test named '%s' is known", line, name)
			return false
		}
	}
	var list []argument
	switch t := p.now(); {
	case p.isOp("("):
		list = p.arguments()
	case p.isName("else") || p.isName("or") || p.isName("and"):
	case p.isName("is"):
		p.fail("tests can't be chained with is")
	case t.kind == token{}.kind, t.kind == endVar, t.kind == endBlock:
	case t.kind != op || t.text == "[" || t.text == "{":
		// A name that goes on the surrounding expression, such as if, is no argument
		// to Python either: it is a syntax error there.
		list = []argument{{value: p.postfix(p.primary())}}
	}
	return evaluating(func(r *run, s *scope) any {
		v := inner(r, s)
		return f(r, v, evaluate(r, s, list)) != negated
	})
}
