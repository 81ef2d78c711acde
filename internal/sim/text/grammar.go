package text

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// A grammar is a set of rules that texts can be made by: those of a request, in
// the notation of GBNF (root ::= …) or of Lark (start: …), or those that a
// structural tag stands for.
type grammar struct {
	rules map[string]*part
	start string
}

// A part is a piece of a rule.
type part struct {
	kind    partKind
	text    string   // of a literal, or the name of a rule
	pattern *pattern // of a match
	schema  *Schema  // of a value
	subs    []*part  // of a row, of a choice, and the one that is repeated
	min     int
	max     int // -1 for no limit

	least float64 // parts in the shortest text of it; +Inf where none was found
}

type partKind uint8

const (
	literal partKind = iota
	match            // a text that the pattern matches as a whole
	inJSON           // a JSON value
	rule             // a text of the rule of that name
	row              // one of each, in order
	either           // one of them
	repeat           // one of it, min to max times
)

// Limits of grammars.
const (
	maxGrammar = 64 << 10 // bytes
	maxMade    = 1 << 16  // parts that are written for one text
	maxPasses  = 256      // over the rules, to find the shortest texts
	deepRule   = 12       // from here on the shortest way out is taken
)

// errEndless is why there is no text: each way leads on without end.
var errEndless = errors.New("every text of this grammar goes on without end")

// check sees that every rule that is named is there and finds the shortest texts.
func (g *grammar) check() error {
	if g.rules[g.start] == nil {
		return fmt.Errorf("there is no rule %q to begin with", g.start)
	}
	var unknown string
	for _, p := range g.rules {
		p.walk(func(p *part) {
			p.least = math.Inf(1)
			if p.kind == rule && g.rules[p.text] == nil {
				unknown = p.text
			}
		})
	}
	if unknown != "" {
		return fmt.Errorf("the rule %.60q is not there", unknown)
	}
	passes := 0
	for changed := true; changed; {
		if passes++; passes > maxPasses {
			return errors.New("its rules lead on too far")
		}
		changed = false
		for _, p := range g.rules {
			p.walk(func(p *part) {
				if least := g.shortest(p); least < p.least {
					p.least, changed = least, true
				}
			})
		}
	}
	if math.IsInf(g.rules[g.start].least, 1) {
		return errEndless
	}
	return nil
}

// walk calls f for p and what is in it, the inner ones first.
func (p *part) walk(f func(*part)) {
	for _, sub := range p.subs {
		sub.walk(f)
	}
	f(p)
}

// shortest is how many parts the shortest text of p has, by what is known of
// those in it.
func (g *grammar) shortest(p *part) float64 {
	switch p.kind {
	case rule:
		return 1 + g.rules[p.text].least
	case row:
		sum := 1.0
		for _, sub := range p.subs {
			sum += sub.least
		}
		return sum
	case either:
		least := math.Inf(1)
		for _, sub := range p.subs {
			least = min(least, sub.least)
		}
		return least
	case repeat:
		if p.min == 0 {
			return 1
		}
		return 1 + float64(p.min)*p.subs[0].least
	}
	return 1
}

// make writes a text of the grammar.
func (g *grammar) make(rng *rand.Rand) (string, error) {
	m := grammarMaker{g: g, rng: rng, steps: maxSteps}
	if err := m.add(g.rules[g.start], 0); err != nil {
		return "", err
	}
	return string(m.out), nil
}

type grammarMaker struct {
	g     *grammar
	rng   *rand.Rand
	out   []byte
	parts int
	steps int
}

// brief reports whether the text is to come to its end.
func (m *grammarMaker) brief(depth int) bool {
	return depth > deepRule || len(m.out) > maxText/4 || m.parts > maxMade/4
}

func (m *grammarMaker) add(p *part, depth int) error {
	if m.parts++; m.parts > maxMade || len(m.out) > maxText || depth > 10_000 {
		return errors.New("no text of this grammar is short enough")
	}
	switch p.kind {
	case literal:
		m.out = append(m.out, p.text...)
	case match:
		text, ok := p.pattern.make(m.rng, 0, &m.steps)
		if !ok {
			return errors.New("no text was found for a pattern of the grammar")
		}
		m.out = append(m.out, text...)
	case inJSON:
		text, err := p.schema.Make(m.rng)
		if err != nil {
			return err
		}
		m.out = append(m.out, text...)
	case rule:
		return m.add(m.g.rules[p.text], depth+1)
	case row:
		for _, sub := range p.subs {
			if err := m.add(sub, depth); err != nil {
				return err
			}
		}
	case either:
		return m.add(m.choose(p, depth), depth)
	case repeat:
		return m.repeat(p, depth)
	}
	return nil
}

// choose takes one of the ways that come to an end, the shortest where the text
// is long enough.
func (m *grammarMaker) choose(p *part, depth int) *part {
	shortest, n := p.subs[0], 0
	chosen := p.subs[0]
	for _, sub := range p.subs {
		if math.IsInf(sub.least, 1) {
			continue
		}
		if sub.least < shortest.least {
			shortest = sub
		}
		if n++; m.rng.IntN(n) == 0 {
			chosen = sub
		}
	}
	if m.brief(depth) {
		return shortest
	}
	return chosen
}

func (m *grammarMaker) repeat(p *part, depth int) error {
	n := p.min
	if !m.brief(depth) && !math.IsInf(p.subs[0].least, 1) {
		n += m.rng.IntN(4)
		if p.max >= 0 {
			n = min(n, p.max)
		}
	}
	for range n {
		if err := m.add(p.subs[0], depth+1); err != nil {
			return err
		}
	}
	return nil
}
