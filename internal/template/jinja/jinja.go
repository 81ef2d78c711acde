// Package jinja renders templates in the Jinja language as Python's jinja2 does
// with the settings that transformers gives it for chat templates: trim_blocks,
// lstrip_blocks, the loop controls, the immutable sandbox, and transformers' own
// tojson, raise_exception, strftime_now and generation blocks.
//
// It promises jinja2's text for what it knows, to the byte, down to how Python
// writes numbers and lists. What it does not know (a filter, a test, a method, a
// statement) is an error that names it when it is reached: nothing is guessed and
// nothing is silently left out. A template is foreign code: it can touch nothing,
// and its steps, its depth and its output are bounded.
package jinja

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Bounds for foreign templates. Real ones have up to a few ten thousand bytes
// and need a few thousand steps.
const (
	maxSource = 1 << 20
	maxDepth  = 500
	maxSteps  = 5_000_000
	maxOutput = 64 << 20
	maxRange  = 100_000 // jinja2's sandbox
)

// A Template is a compiled template. It may be rendered by several goroutines.
type Template struct{ body []stmt }

// Compile reads a template. The error names the line.
func Compile(source string) (t *Template, err error) {
	if len(source) > maxSource {
		return nil, fmt.Errorf("a template of %d bytes is larger than %d", len(source), maxSource)
	}
	defer catch(&err)
	p := &parser{tokens: lex(source)}
	return &Template{body: p.template()}, nil
}

// Render executes the template with variables, which are nil, bool, int, int64,
// float64, string, []any, map[string]any (its keys in alphabetical order) or
// *Dict. now is the clock behind strftime_now. The error is what the template
// raised or what it did that can't be done.
func (t *Template) Render(vars map[string]any, now func() time.Time) (text string, err error) {
	r := &run{now: now, steps: maxSteps}
	s := &scope{vars: map[string]any{}}
	defer catch(&err)
	for name, v := range vars {
		s.vars[name] = fromGo(v, 0)
	}
	var out strings.Builder
	if r.exec(t.body, s, &out) != next {
		fail("break or continue outside of a loop")
	}
	return out.String(), nil
}

// failure is how an error travels through the evaluation, as in text/template:
// it is raised by fail and caught by catch, and leaves the package as an error.
type failure struct{ err error }

func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

func catch(err *error) {
	switch f := recover().(type) {
	case nil:
	case failure:
		*err = f.err
	default:
		panic(f)
	}
}

var errLoop = errors.New("the template takes too many steps")

// A run is one rendering.
type run struct {
	now   func() time.Time
	steps int
	depth int
}

// step counts work, so that a hostile template ends.
func (r *run) step(n int) {
	if r.steps -= n; r.steps < 0 {
		panic(failure{errLoop})
	}
}

// enter counts nesting; the caller defers what it returns.
func (r *run) enter() func() {
	if r.depth++; r.depth > maxDepth {
		fail("nested more than %d deep", maxDepth)
	}
	return func() { r.depth-- }
}

// A scope holds variables; what it does not have is looked for in its parent.
type scope struct {
	vars   map[string]any
	parent *scope
}

func (s *scope) child() *scope { return &scope{vars: map[string]any{}, parent: s} }

func (s *scope) lookup(name string) any {
	for at := s; at != nil; at = at.parent {
		if v, ok := at.vars[name]; ok {
			return v
		}
	}
	if f := global(name); f != nil {
		return f
	}
	if name == "self" {
		fail("self is not known here")
	}
	return undefined{"'" + name + "' is undefined"}
}
