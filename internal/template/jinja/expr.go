package jinja

import (
	"strconv"
	"strings"
)

// An expr computes a value in a scope.
type expr func(r *run, s *scope) any

// A parser turns tokens into closures, by the grammar of jinja2's parser.
type parser struct {
	tokens []token
	at     int
	depth  int
	loops  int // for loops around, for break and continue
}

func (p *parser) now() token  { return p.tokens[p.at] }
func (p *parser) next() token { t := p.tokens[p.at]; p.at = min(p.at+1, len(p.tokens)-1); return t }
func (p *parser) look() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

func (p *parser) fail(format string, args ...any) {
	fail("line %d: "+format, append([]any{p.now().line}, args...)...)
}

func (p *parser) isOp(s string) bool   { t := p.now(); return t.kind == op && t.text == s }
func (p *parser) isName(s string) bool { t := p.now(); return t.kind == name && t.text == s }

func (p *parser) skipOp(s string) bool {
	if p.isOp(s) {
		p.next()
		return true
	}
	return false
}

func (p *parser) skipName(s string) bool {
	if p.isName(s) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expectOp(s string) {
	if !p.skipOp(s) {
		p.fail("expected %q, got %q", s, p.now())
	}
}

func (p *parser) expectName(s string) {
	if !p.skipName(s) {
		p.fail("expected %q, got %q", s, p.now())
	}
}

func (p *parser) ident() string {
	if p.now().kind != name {
		p.fail("expected a name, got %q", p.now())
	}
	return p.next().text
}

func (p *parser) enter() func() {
	if p.depth++; p.depth > maxDepth {
		p.fail("nested more than %d deep", maxDepth)
	}
	return func() { p.depth-- }
}

// evaluating wraps an expression, so that each evaluation counts.
func evaluating(e expr) expr {
	return func(r *run, s *scope) any {
		r.step(1)
		return e(r, s)
	}
}

func (p *parser) expression() expr {
	defer p.enter()()
	e := p.or()
	for p.skipName("if") {
		yes, test := e, p.or()
		no := func(*run, *scope) any { return undefined{"the inline if-expression has no else"} }
		if p.skipName("else") {
			no = p.expression()
		}
		e = func(r *run, s *scope) any {
			if truth(test(r, s)) {
				return yes(r, s)
			}
			return no(r, s)
		}
	}
	return e
}

func (p *parser) or() expr {
	left := p.and()
	for p.skipName("or") {
		a, b := left, p.and()
		left = func(r *run, s *scope) any {
			if v := a(r, s); truth(v) {
				return v
			}
			return b(r, s)
		}
	}
	return left
}

func (p *parser) and() expr {
	left := p.not()
	for p.skipName("and") {
		a, b := left, p.not()
		left = func(r *run, s *scope) any {
			if v := a(r, s); !truth(v) {
				return v
			}
			return b(r, s)
		}
	}
	return left
}

func (p *parser) not() expr {
	if !p.skipName("not") {
		return p.comparison()
	}
	defer p.enter()()
	e := p.not()
	return func(r *run, s *scope) any { return !truth(e(r, s)) }
}

type comparand struct {
	op    string
	right expr
}

func (p *parser) comparison() expr {
	left := p.sum()
	var rest []comparand
	for {
		switch t := p.now(); {
		case t.kind == op && strings.Contains(" == != < <= > >= ", " "+t.text+" "):
			p.next()
			rest = append(rest, comparand{t.text, p.sum()})
		case p.skipName("in"):
			rest = append(rest, comparand{"in", p.sum()})
		case p.isName("not") && p.look().kind == name && p.look().text == "in":
			p.next()
			p.next()
			rest = append(rest, comparand{"not in", p.sum()})
		case len(rest) == 0:
			return left
		default:
			return evaluating(func(r *run, s *scope) any {
				a := left(r, s)
				for _, c := range rest {
					b := c.right(r, s)
					if !holds(r, c.op, a, b) {
						return false
					}
					a = b
				}
				return true
			})
		}
	}
}

func holds(r *run, sign string, a, b any) bool {
	switch sign {
	case "==":
		return equal(a, b)
	case "!=":
		return !equal(a, b)
	case "in":
		return contains(r, b, a)
	case "not in":
		return !contains(r, b, a)
	case "<":
		return compare(a, b, sign) < 0
	case "<=":
		return compare(a, b, sign) <= 0
	case ">":
		return compare(a, b, sign) > 0
	}
	return compare(a, b, sign) >= 0
}

// binary parses operands joined by any of some operators, from left to right.
func (p *parser) binary(operand func() expr, signs string) expr {
	left := operand()
	for p.now().kind == op && strings.Contains(signs, " "+p.now().text+" ") {
		sign := p.next().text
		a, b := left, operand()
		left = evaluating(func(r *run, s *scope) any {
			x := a(r, s)
			return arith(r, sign, x, b(r, s))
		})
	}
	return left
}

func (p *parser) sum() expr     { return p.binary(p.concat, " + - ") }
func (p *parser) product() expr { return p.binary(p.power, " * / // % ") }
func (p *parser) power() expr {
	return p.binary(func() expr { return p.unary(true) }, " ** ")
}

func (p *parser) concat() expr {
	first := p.product()
	if !p.isOp("~") {
		return first
	}
	parts := []expr{first}
	for p.skipOp("~") {
		parts = append(parts, p.product())
	}
	return func(r *run, s *scope) any {
		var b strings.Builder
		for _, e := range parts {
			b.WriteString(toStr(e(r, s)))
		}
		return r.bounded(b.String())
	}
}

func (p *parser) unary(filters bool) expr {
	var e expr
	switch {
	case p.isOp("-") || p.isOp("+"):
		defer p.enter()()
		sign := p.next().text
		inner := p.unary(false)
		e = func(r *run, s *scope) any { return negate(sign, inner(r, s)) }
	default:
		e = p.primary()
	}
	e = p.postfix(e)
	if filters {
		e = p.filtered(e)
	}
	return e
}

func negate(sign string, v any) any {
	i, f, whole, ok := number(v)
	switch {
	case !ok:
		fail("bad operand type for unary %s: '%s'", sign, typeName(v))
	case sign == "+" && whole:
		return i
	case sign == "+":
		return f
	case whole:
		return arithInt("-", 0, i)
	}
	return -f
}

func literal(v any) expr { return func(*run, *scope) any { return v } }

func (p *parser) primary() expr {
	t := p.next()
	switch {
	case t.kind == name:
		switch t.text {
		case "true", "True":
			return literal(true)
		case "false", "False":
			return literal(false)
		case "none", "None":
			return literal(nil)
		}
		return func(r *run, s *scope) any { r.step(1); return s.lookup(t.text) }
	case t.kind == str:
		text := t.text
		for p.now().kind == str {
			text += p.next().text
		}
		return literal(text)
	case t.kind == integer:
		n, err := strconv.ParseInt(t.text, 10, 64)
		if err != nil {
			p.fail("the number %s leaves 64 bits", t.text)
		}
		return literal(n)
	case t.kind == float:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			p.fail("the number %s is too large", t.text)
		}
		return literal(f)
	case t.kind == op && t.text == "(":
		e := p.tuple(p.expression, true, "")
		p.expectOp(")")
		return e
	case t.kind == op && t.text == "[":
		return sequence(p.items("]"), plain)
	case t.kind == op && t.text == "{":
		return p.dict()
	}
	p.at--
	p.fail("unexpected %q", t)
	return nil
}

// items parses expressions up to a closing bracket.
func (p *parser) items(end string) []expr {
	var out []expr
	for !p.isOp(end) {
		if len(out) > 0 {
			p.expectOp(",")
		}
		if p.isOp(end) {
			break
		}
		out = append(out, p.expression())
	}
	p.expectOp(end)
	return out
}

func sequence(items []expr, s shape) expr {
	return evaluating(func(r *run, sc *scope) any {
		out := &list{shape: s}
		for _, e := range items {
			out.items = append(out.items, e(r, sc))
		}
		return out
	})
}

func (p *parser) dict() expr {
	var keys, values []expr
	for !p.isOp("}") {
		if len(keys) > 0 {
			p.expectOp(",")
		}
		if p.isOp("}") {
			break
		}
		keys = append(keys, p.expression())
		p.expectOp(":")
		values = append(values, p.expression())
	}
	p.expectOp("}")
	return evaluating(func(r *run, s *scope) any {
		d := NewDict()
		for i := range keys {
			k := keys[i](r, s)
			d.set(k, values[i](r, s))
		}
		return d
	})
}

// tuple parses one expression, or several split by commas as a tuple. It ends
// at a closing bracket, the end of the tag or a word.
func (p *parser) tuple(parse func() expr, parens bool, word string) expr {
	ends := func() bool {
		t := p.now()
		return t.kind == endVar || t.kind == endBlock || p.isOp(")") || word != "" && p.isName(word)
	}
	var items []expr
	comma := false
	for !ends() {
		items = append(items, parse())
		if !p.skipOp(",") {
			break
		}
		comma = true
	}
	switch {
	case comma || len(items) == 0 && parens:
		return sequence(items, tuple)
	case len(items) == 0:
		p.fail("expected an expression, got %q", p.now())
	}
	return items[0]
}
