package jinja

import (
	"slices"
	"strings"
)

// A signal says how a statement ended.
type signal uint8

const (
	next signal = iota
	breakLoop
	continueLoop
)

// A stmt writes text and changes its scope.
type stmt func(r *run, s *scope, out *strings.Builder) signal

func (r *run) exec(body []stmt, s *scope, out *strings.Builder) signal {
	for _, st := range body {
		r.step(1)
		if sig := st(r, s, out); sig != next {
			return sig
		}
	}
	return next
}

// write appends to the output within its bound.
func write(out *strings.Builder, s string) {
	if out.Len()+len(s) > maxOutput {
		fail("the text is larger than %d bytes", maxOutput)
	}
	out.WriteString(s)
}

// template parses to the end.
func (p *parser) template() []stmt {
	body := p.body()
	if p.now().kind != eof {
		p.fail("unexpected %q", p.now())
	}
	return body
}

// body parses up to one of the words that end it, which is the current token
// then, or to the end of the template.
func (p *parser) body(ends ...string) []stmt {
	defer p.enter()()
	var out []stmt
	for {
		switch t := p.now(); t.kind {
		case eof:
			if len(ends) > 0 {
				p.fail("expected %s, got the end of the template", strings.Join(ends, " or "))
			}
			return out
		case text:
			p.next()
			out = append(out, func(_ *run, _ *scope, out *strings.Builder) signal { write(out, t.text); return next })
		case beginVar:
			p.next()
			out = append(out, printing(p.tuple(p.expression, false, "")))
			p.expect(endVar)
		default:
			p.next()
			if p.now().kind == name && slices.Contains(ends, p.now().text) {
				return out
			}
			out = append(out, p.statement())
		}
	}
}

// block parses a body and the tag that ends it.
func (p *parser) block(end string) []stmt {
	body := p.body(end)
	p.expectName(end)
	p.expect(endBlock)
	return body
}

func (p *parser) expect(k kind) {
	if t := p.next(); t.kind != k {
		p.fail("expected the end of the tag, got %q", t)
	}
}

func printing(e expr) stmt {
	return func(r *run, s *scope, out *strings.Builder) signal {
		write(out, toStr(e(r, s)))
		return next
	}
}

// statement parses the tag whose {% was just taken, up to its %}, and its body.
func (p *parser) statement() stmt {
	switch word := p.ident(); word {
	case "for":
		return p.forLoop()
	case "if":
		return p.ifElse()
	case "set":
		return p.set()
	case "macro":
		return p.macro()
	case "call":
		return p.callBlock()
	case "with":
		return p.with()
	case "filter":
		e := p.filters(p.filter(held))
		p.expect(endBlock)
		body := p.block("endfilter")
		return func(r *run, s *scope, out *strings.Builder) signal {
			write(out, toStr(withText(e, r, s, r.capture(body, s.child()))))
			return next
		}
	case "generation":
		p.expect(endBlock)
		return scoped(p.block("endgeneration"))
	case "print":
		e := p.tuple(p.expression, false, "")
		p.expect(endBlock)
		return printing(e)
	case "break", "continue":
		if p.loops == 0 {
			p.fail("%s outside of a loop", word)
		}
		p.expect(endBlock)
		sig := map[string]signal{"break": breakLoop, "continue": continueLoop}[word]
		return func(*run, *scope, *strings.Builder) signal { return sig }
	default:
		p.fail("the tag %q is not known here", word)
	}
	return nil
}

func scoped(body []stmt) stmt {
	return func(r *run, s *scope, out *strings.Builder) signal { return r.exec(body, s.child(), out) }
}

// capture renders a body into a text.
func (r *run) capture(body []stmt, s *scope) string {
	var b strings.Builder
	r.exec(body, s, &b)
	return b.String()
}

func (p *parser) ifElse() stmt {
	type branch struct {
		test expr
		body []stmt
	}
	var branches []branch
	var otherwise []stmt
	for {
		test := p.tuple(p.expression, false, "")
		p.expect(endBlock)
		branches = append(branches, branch{test, p.body("elif", "else", "endif")})
		if p.skipName("elif") {
			continue
		}
		if p.skipName("else") {
			p.expect(endBlock)
			otherwise = p.body("endif")
		}
		p.expectName("endif")
		p.expect(endBlock)
		break
	}
	return func(r *run, s *scope, out *strings.Builder) signal {
		for _, b := range branches {
			if truth(b.test(r, s)) {
				return r.exec(b.body, s, out)
			}
		}
		return r.exec(otherwise, s, out)
	}
}

// A target is where an assignment puts a value.
type target func(r *run, s *scope, v any)

// target parses a name, ns.attr or several names split by commas.
func (p *parser) target(word string) target {
	var parts []target
	comma := false
	for !p.isOp("=") && p.now().kind != endBlock && !p.isOp("|") && !p.isOp(")") && (word == "" || !p.isName(word)) {
		parts = append(parts, p.oneTarget())
		if !p.skipOp(",") {
			break
		}
		comma = true
	}
	if len(parts) == 0 {
		p.fail("expected a name, got %q", p.now())
	}
	if !comma {
		return parts[0]
	}
	return func(r *run, s *scope, v any) {
		items := iterate(r, v)
		if len(items) != len(parts) {
			fail("%d values can't be unpacked into %d names", len(items), len(parts))
		}
		for i, t := range parts {
			t(r, s, items[i])
		}
	}
}

func (p *parser) oneTarget() target {
	if p.skipOp("(") {
		t := p.target("")
		p.expectOp(")")
		return t
	}
	n := p.ident()
	if slices.Contains([]string{"true", "false", "none", "True", "False", "None"}, n) {
		p.fail("can't assign to %q", n)
	}
	if !p.skipOp(".") {
		return func(_ *run, s *scope, v any) { s.vars[n] = v }
	}
	attr := p.ident()
	return func(_ *run, s *scope, v any) {
		ns, ok := s.lookup(n).(*namespace)
		if !ok {
			fail("cannot assign attribute on non-namespace object")
		}
		ns.vars.set(attr, v)
	}
}

func (p *parser) set() stmt {
	to := p.target("")
	if p.skipOp("=") {
		e := p.tuple(p.expression, false, "")
		p.expect(endBlock)
		return func(r *run, s *scope, _ *strings.Builder) signal {
			to(r, s, e(r, s))
			return next
		}
	}
	var filter expr
	if p.isOp("|") {
		filter = p.filters(held)
	}
	p.expect(endBlock)
	body := p.block("endset")
	return func(r *run, s *scope, _ *strings.Builder) signal {
		v := any(r.capture(body, s.child()))
		if filter != nil {
			v = withText(filter, r, s, v.(string))
		}
		to(r, s, v)
		return next
	}
}

// heldName is a variable that no template can name: the text of a block on its
// way into a filter.
const heldName = "{text}"

func held(_ *run, s *scope) any { return s.vars[heldName] }

func withText(filter expr, r *run, s *scope, text string) any {
	inner := s.child()
	inner.vars[heldName] = text
	return filter(r, inner)
}

func (p *parser) with() stmt {
	var targets []target
	var values []expr
	for p.now().kind != endBlock {
		if len(targets) > 0 {
			p.expectOp(",")
		}
		targets = append(targets, p.oneTarget())
		p.expectOp("=")
		values = append(values, p.expression())
	}
	p.expect(endBlock)
	body := p.block("endwith")
	return func(r *run, s *scope, out *strings.Builder) signal {
		inner := s.child()
		for i, t := range targets {
			t(r, inner, values[i](r, s))
		}
		return r.exec(body, inner, out)
	}
}
