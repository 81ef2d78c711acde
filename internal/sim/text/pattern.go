package text

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// A pattern is a regular expression that texts can be made for.
type pattern struct {
	tree   *syntax.Regexp
	search *regexp.Regexp // anywhere in a text
	whole  *regexp.Regexp // the whole of it
	size   int            // instructions of its program
}

// Limits of patterns.
const (
	maxPattern = 4 << 10 // bytes
	maxProgram = 8 << 10 // instructions
	maxText    = 8 << 10 // bytes of a text that is made for one
	maxParts   = 1 << 16 // parts that are written for one text
)

// newPattern reads a pattern of the syntax that Go and Python share: no look
// around and no references back.
func newPattern(s string) (*pattern, error) {
	if len(s) > maxPattern {
		return nil, fmt.Errorf("a pattern of %d bytes is too long, want at most %d", len(s), maxPattern)
	}
	search, err := regexp.Compile(s)
	if err != nil {
		var e *syntax.Error
		if errors.As(err, &e) {
			return nil, fmt.Errorf("the pattern is not supported: %s: %.80q", e.Code, e.Expr)
		}
		return nil, errors.New("the pattern is not supported")
	}
	whole, err := regexp.Compile(`^(?:` + s + `)$`)
	if err != nil {
		return nil, errors.New("the pattern is not supported")
	}
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		return nil, errors.New("the pattern is not supported")
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil || len(prog.Inst) > maxProgram {
		return nil, errors.New("the pattern is too large")
	}
	return &pattern{tree, search, whole, len(prog.Inst)}, nil
}

func (p *pattern) find(s string) bool { return p.search.MatchString(s) }

// cost is the work of matching s, in about the steps of a checker.
func (p *pattern) cost(s string) int { return 1 + len(s)*p.size/64 }

// make writes a text that the pattern matches as a whole, of at least least
// characters where it can be, and takes its work from steps. It fails for
// patterns with conditions, such as \b, that a text made without regard to them
// seldom meets.
func (p *pattern) make(rng *rand.Rand, least int, steps *int) (string, bool) {
	for try := range 32 {
		g := textMaker{rng: rng, more: 3}
		if least > 0 {
			g.more = max(3, least*(1+try%4))
		}
		g.add(p.tree, 0)
		s := string(g.out)
		if *steps -= p.cost(s) + g.parts/64; *steps < 0 {
			return "", false
		}
		if p.whole.MatchString(s) && utf8.ValidString(s) {
			return s, true
		}
	}
	return "", false
}

type textMaker struct {
	rng   *rand.Rand
	more  int // repeats beyond the least
	parts int // written so far
	out   []byte
}

// full reports whether the text is as large as it may be.
func (g *textMaker) full() bool { return len(g.out) > maxText || g.parts > maxParts }

func (g *textMaker) add(re *syntax.Regexp, depth int) {
	if g.parts++; g.full() || depth > 1000 {
		return
	}
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			g.out = utf8.AppendRune(g.out, r)
		}
	case syntax.OpCharClass:
		g.class(re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		g.out = append(g.out, "abcdefghijklmnopqrstuvwxyz "[g.rng.IntN(27)])
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			g.add(sub, depth+1)
		}
	case syntax.OpAlternate:
		g.add(re.Sub[g.rng.IntN(len(re.Sub))], depth+1)
	case syntax.OpStar:
		g.repeat(re.Sub[0], 0, -1, depth)
	case syntax.OpPlus:
		g.repeat(re.Sub[0], 1, -1, depth)
	case syntax.OpQuest:
		g.repeat(re.Sub[0], 0, 1, depth)
	case syntax.OpRepeat:
		g.repeat(re.Sub[0], re.Min, re.Max, depth)
	}
}

func (g *textMaker) repeat(sub *syntax.Regexp, least, most, depth int) {
	n := least + g.rng.IntN(g.more+1)
	if most >= 0 {
		n = min(n, most)
	}
	for i := 0; i < n && !g.full(); i++ {
		g.add(sub, depth+1)
	}
}

// class writes a character of a class, a printable one of ASCII if it has any.
func (g *textMaker) class(ranges []rune) {
	var lo, hi rune
	seen := 0
	for pass := 0; pass < 2 && seen == 0; pass++ {
		for i := 0; i+1 < len(ranges); i += 2 {
			a, b := ranges[i], ranges[i+1]
			if pass == 0 {
				a, b = max(a, ' '), min(b, '~')
			}
			if a > b {
				continue
			}
			if seen++; g.rng.IntN(seen) == 0 {
				lo, hi = a, b
			}
		}
	}
	if seen == 0 {
		return
	}
	g.out = utf8.AppendRune(g.out, lo+rune(g.rng.Int64N(int64(hi-lo)+1)))
}
