package tokenize

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// A translator reads a pattern in the syntax of Oniguruma, the library's
// engine, and writes the same pattern for regexp2. The two differ in their
// tables, classes and flags, so that nothing is passed on unread: what has no
// exact equal is refused.
type translator struct {
	in   []rune
	pos  int
	out  []byte
	fold bool // inside (?i:…)
}

// maxPattern is the length up to which patterns are read.
const maxPattern = 10_000

// translate gives the regexp2 pattern for an Oniguruma pattern.
func translate(pattern string) (string, error) {
	t := &translator{in: []rune(pattern)}
	if len(t.in) > maxPattern {
		return "", fmt.Errorf("it is longer than %d characters", maxPattern)
	}
	if err := t.alternatives(0); err != nil {
		return "", err
	}
	if t.pos < len(t.in) {
		return "", fmt.Errorf("a ) without its (")
	}
	return string(t.out), nil
}

func (t *translator) peek(s string) bool {
	return strings.HasPrefix(string(t.in[t.pos:min(len(t.in), t.pos+len(s))]), s)
}

func (t *translator) take(s string) bool {
	if !t.peek(s) {
		return false
	}
	t.pos += len(s)
	return true
}

func (t *translator) alternatives(depth int) error {
	if depth > 100 {
		return fmt.Errorf("groups nested deeper than 100")
	}
	for t.pos < len(t.in) && t.in[t.pos] != ')' {
		if t.take("|") {
			t.out = append(t.out, '|')
			continue
		}
		if err := t.term(depth); err != nil {
			return err
		}
	}
	return nil
}

// term reads one atom with what repeats it.
func (t *translator) term(depth int) error {
	before := len(t.out)
	if err := t.atom(depth); err != nil {
		return err
	}
	atom := string(t.out[before:])
	for first := true; ; first = false {
		quantifier, possessive, err := t.quantifier()
		if err != nil {
			return err
		}
		if quantifier == "" {
			break
		}
		if !first {
			atom = "(?:" + atom + ")"
		}
		atom += quantifier
		if possessive {
			atom = "(?>" + atom + ")"
		}
	}
	t.out = append(t.out[:before], atom...)
	return nil
}

// quantifier reads ?, *, + or {n,m}, with the ? of laziness; possessive says
// that a + followed.
func (t *translator) quantifier() (q string, possessive bool, err error) {
	if t.pos >= len(t.in) {
		return "", false, nil
	}
	switch c := t.in[t.pos]; c {
	case '?', '*', '+':
		t.pos++
		if t.take("?") {
			return string(c) + "?", false, nil
		}
		return string(c), t.take("+"), nil
	case '{':
		q, ok := t.interval()
		if !ok {
			return "", false, fmt.Errorf("a { that begins no {n,m} (write \\{)")
		}
		if t.peek("?") {
			if !strings.Contains(q, ",") {
				return "", false, fmt.Errorf("%s? (its meaning differs between engines)", q)
			}
			t.pos++
			q += "?"
		}
		return q, false, nil
	}
	return "", false, nil
}

func (t *translator) interval() (string, bool) {
	end := t.pos + 1
	for end < len(t.in) && t.in[end] != '}' {
		end++
	}
	if end == len(t.in) {
		return "", false
	}
	lo, hi, two := strings.Cut(string(t.in[t.pos+1:end]), ",")
	a, errA := strconv.Atoi(lo)
	b, errB := strconv.Atoi(hi)
	switch {
	case lo == "" && two && errB == nil:
		a = 0
	case errA != nil || a < 0 || two && hi != "" && errB != nil:
		return "", false
	}
	if a > 1000 || b > 1000 || two && hi != "" && b < a {
		return "", false
	}
	t.pos = end + 1
	if !two {
		return fmt.Sprintf("{%d}", a), true
	}
	if hi == "" {
		return fmt.Sprintf("{%d,}", a), true
	}
	return fmt.Sprintf("{%d,%d}", a, b), true
}

func (t *translator) atom(depth int) error {
	switch c := t.in[t.pos]; c {
	case '(':
		return t.group(depth)
	case '[':
		t.pos++
		class, err := t.class(0)
		if err != nil {
			return err
		}
		t.out = class.write(t.out)
		return nil
	case '\\':
		return t.escape()
	case '.':
		t.out = append(t.out, `[^\n]`...)
	case '^':
		t.out = append(t.out, `(?:(?<=\n)|\A)`...)
	case '$':
		t.out = append(t.out, `(?=\n|\z)`...)
	case '?', '*', '+', '{':
		return fmt.Errorf("a %c with nothing before it", c)
	default:
		t.pos++
		return t.literal(c)
	}
	t.pos++
	return nil
}

// literal writes one character, in all its cases inside (?i:…).
func (t *translator) literal(c rune) error {
	if !t.fold || c < unicode.MaxASCII && !unicode.IsLetter(c) {
		t.out = writeRune(t.out, c)
		return nil
	}
	if c > unicode.MaxASCII {
		return fmt.Errorf("%q without regard to case", c)
	}
	if t.pos < len(t.in) {
		pair := strings.ToLower(string([]rune{c, t.in[t.pos]}))
		switch pair {
		case "ss", "ff", "fi", "fl", "st":
			return fmt.Errorf("%q without regard to case (a ligature may match it)", pair)
		}
	}
	class := charClass{ranges: foldRanges([]runeRange{{c, c}})}
	t.out = class.write(t.out)
	return nil
}

// foldRanges adds the other cases of every ASCII letter in the ranges.
func foldRanges(ranges []runeRange) []runeRange {
	out := ranges
	for _, r := range ranges {
		for c := r.lo; c <= min(r.hi, unicode.MaxASCII); c++ {
			for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
				out = append(out, runeRange{f, f})
			}
		}
	}
	return out
}

var groupKinds = [...]string{"?:", "?=", "?!", "?<=", "?<!", "?>"}

func (t *translator) group(depth int) error {
	t.pos++
	kind, fold := "?:", t.fold
	if t.peek("?") {
		switch {
		case t.take("?i:"):
			fold = true
		case t.take("?-i:"):
			fold = false
		default:
			kind = ""
			for _, k := range groupKinds {
				if t.take(k) {
					kind = k
					break
				}
			}
			if kind == "" {
				return fmt.Errorf("the group (%s", string(t.in[t.pos:min(len(t.in), t.pos+4)]))
			}
		}
	}
	t.out = append(t.out, "("+kind...)
	outer := t.fold
	t.fold = fold
	err := t.alternatives(depth + 1)
	t.fold = outer
	if err != nil {
		return err
	}
	if !t.take(")") {
		return fmt.Errorf("a ( without its )")
	}
	t.out = append(t.out, ')')
	return nil
}

// escape reads what a backslash begins, outside a class.
func (t *translator) escape() error {
	if t.pos+1 >= len(t.in) {
		return fmt.Errorf("a backslash at the end")
	}
	switch c := t.in[t.pos+1]; c {
	case 'A', 'z', 'Z':
		t.out = append(t.out, `\`+string(c)...)
		t.pos += 2
		return nil
	case 'b', 'B':
		word := string(namedClass("word").write(nil))
		pattern := `(?:(?<=W)(?!W)|(?<!W)(?=W))`
		if c == 'B' {
			pattern = `(?:(?<=W)(?=W)|(?<!W)(?!W))`
		}
		t.out = append(t.out, strings.ReplaceAll(pattern, "W", word)...)
		t.pos += 2
		return nil
	}
	class, single, err := t.classEscape()
	if err != nil {
		return err
	}
	if class == nil {
		return t.literal(single)
	}
	t.out = class.write(t.out)
	return nil
}
