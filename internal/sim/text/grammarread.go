package text

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// newGrammar reads a grammar in GBNF or in Lark, told apart as vLLM does: ::= is
// in the one alone.
func newGrammar(s string) (*grammar, error) {
	if len(s) > maxGrammar {
		return nil, fmt.Errorf("a grammar of %d bytes is too long, want at most %d", len(s), maxGrammar)
	}
	r := &grammarReader{in: s, lark: !strings.Contains(s, "::="), rules: map[string]*part{}}
	g := &grammar{rules: r.rules, start: "root"}
	if r.lark {
		g.start = "start"
	}
	if err := r.read(); err != nil {
		return nil, fmt.Errorf("line %d: %w", 1+strings.Count(s[:min(r.at, len(s))], "\n"), err)
	}
	return g, g.check()
}

// A grammarReader reads rules one after the other.
type grammarReader struct {
	in    string
	at    int
	lark  bool
	rules map[string]*part
}

func (r *grammarReader) read() error {
	for {
		r.space()
		if r.at >= len(r.in) {
			return nil
		}
		if r.lark && r.in[r.at] == '%' {
			r.directive()
			continue
		}
		name, ok := r.head()
		if !ok {
			return fmt.Errorf("want a rule, such as %s, not %.20q", map[bool]string{true: `start: "a" | "b"`, false: `root ::= "a" | "b"`}[r.lark], r.in[r.at:])
		}
		p, err := r.alternatives(0)
		if err != nil {
			return fmt.Errorf("the rule %s: %w", name, err)
		}
		r.rules[name] = p
	}
}

// space skips what has no meaning.
func (r *grammarReader) space() {
	for r.at < len(r.in) {
		switch c := r.in[r.at]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			r.at++
		case c == '#' || r.lark && strings.HasPrefix(r.in[r.at:], "//"):
			r.line()
		default:
			return
		}
	}
}

func (r *grammarReader) line() string {
	rest, _, _ := strings.Cut(r.in[r.at:], "\n")
	r.at += len(rest)
	return rest
}

// common is the terminals of Lark's library that grammars import.
var common = map[string]string{
	"DIGIT": `[0-9]`, "HEXDIGIT": `[0-9a-fA-F]`, "INT": `[1-9][0-9]{0,4}|0`, "SIGNED_INT": `-?[1-9][0-9]{0,4}`, "NUMBER": `[1-9][0-9]{0,3}(\.[0-9]{1,3})?`,
	"SIGNED_NUMBER": `-?[1-9][0-9]{0,3}(\.[0-9]{1,3})?`, "FLOAT": `[1-9][0-9]{0,3}\.[0-9]{1,3}`, "DECIMAL": `[1-9][0-9]{0,3}\.[0-9]{1,3}`,
	"LETTER": `[a-zA-Z]`, "LCASE_LETTER": `[a-z]`, "UCASE_LETTER": `[A-Z]`, "WORD": `[a-z]{2,9}`, "CNAME": `[a-z_][a-z0-9_]{1,9}`,
	"ESCAPED_STRING": `"[a-z ]{1,20}"`, "STRING": `"[a-z ]{1,20}"`, "WS": `[ ]`, "WS_INLINE": `[ ]`, "NEWLINE": `\n`, "CR": `\r`, "LF": `\n`,
}

// directive reads %import common.NAME [-> NAME]; %ignore and others only say how
// a text is read.
func (r *grammarReader) directive() {
	words := strings.Fields(r.line())
	if len(words) < 2 || words[0] != "%import" {
		return
	}
	module, names, _ := strings.Cut(words[1], ".")
	if names == "" {
		names = strings.Trim(strings.Join(words[2:], " "), "()")
	}
	if module != "common" {
		return
	}
	for _, name := range strings.Split(names, ",") {
		name = strings.TrimSpace(name)
		if p, err := newPattern(common[name]); err == nil && common[name] != "" {
			if len(words) == 4 && words[2] == "->" {
				name = words[3]
			}
			r.rules[name] = &part{kind: match, pattern: p}
		}
	}
}

var (
	gbnfHead = regexp.MustCompile(`^([A-Za-z_][\w.-]*)\s*::=`)
	larkHead = regexp.MustCompile(`^[?!]*([A-Za-z_]\w*)(?:\.-?\d+)?\s*:`)
	gbnfName = regexp.MustCompile(`^[A-Za-z_][\w-]*`)
	larkName = regexp.MustCompile(`^[A-Za-z_]\w*`)
)

// head reads what stands before the body of a rule.
func (r *grammarReader) head() (name string, ok bool) {
	m := map[bool]*regexp.Regexp{true: larkHead, false: gbnfHead}[r.lark].FindStringSubmatch(r.in[r.at:])
	if m == nil {
		return "", false
	}
	r.at += len(m[0])
	return m[1], true
}

// headNext reports whether the next rule begins here.
func (r *grammarReader) headNext() bool {
	at := r.at
	_, ok := r.head()
	r.at = at
	return ok || r.lark && r.at < len(r.in) && r.in[r.at] == '%'
}

// take skips a character if it is there.
func (r *grammarReader) take(c byte) bool {
	r.space()
	if r.at < len(r.in) && r.in[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *grammarReader) alternatives(depth int) (*part, error) {
	if depth > 100 {
		return nil, errors.New("nested deeper than 100")
	}
	p := &part{kind: either}
	for {
		sub, err := r.sequence(depth)
		if err != nil {
			return nil, err
		}
		p.subs = append(p.subs, sub)
		if !r.take('|') {
			break
		}
	}
	return p, nil
}

func (r *grammarReader) sequence(depth int) (*part, error) {
	p := &part{kind: row}
	for {
		r.space()
		if r.at >= len(r.in) || strings.IndexByte("|)", r.in[r.at]) >= 0 || r.lark && r.in[r.at] == ']' || r.headNext() {
			return p, nil
		}
		if r.lark && strings.HasPrefix(r.in[r.at:], "->") { // the name of an alternative
			r.at += 2
			r.space()
			r.at += len(larkName.FindString(r.in[r.at:]))
			continue
		}
		sub, err := r.atom(depth)
		if err != nil {
			return nil, err
		}
		if sub, err = r.times(sub); err != nil {
			return nil, err
		}
		p.subs = append(p.subs, sub)
	}
}

func (r *grammarReader) atom(depth int) (*part, error) {
	switch c := r.in[r.at]; {
	case c == '"' || c == '\'':
		text, err := r.quoted(c)
		if r.lark && r.at < len(r.in) && r.in[r.at] == 'i' {
			r.at++
		}
		return &part{kind: literal, text: text}, err
	case c == '(':
		r.at++
		return r.closed(')', depth)
	case c == '[' && r.lark:
		r.at++
		sub, err := r.closed(']', depth)
		return &part{kind: repeat, subs: []*part{sub}, max: 1}, err
	case c == '[':
		return r.class()
	case c == '/' && r.lark:
		return r.regex()
	case c == '.' && !r.lark:
		r.at++
		return pattern1(`.`)
	}
	name := map[bool]*regexp.Regexp{true: larkName, false: gbnfName}[r.lark].FindString(r.in[r.at:])
	if name == "" {
		return nil, fmt.Errorf("%.20q is not understood", r.in[r.at:])
	}
	r.at += len(name)
	return &part{kind: rule, text: name}, nil
}

// closed reads alternatives up to a bracket.
func (r *grammarReader) closed(end byte, depth int) (*part, error) {
	sub, err := r.alternatives(depth + 1)
	if err == nil && !r.take(end) {
		err = fmt.Errorf("a bracket without its %c", end)
	}
	return sub, err
}

func pattern1(s string) (*part, error) {
	p, err := newPattern(s)
	return &part{kind: match, pattern: p}, err
}

// quoted reads a literal.
func (r *grammarReader) quoted(quote byte) (string, error) {
	var out []byte
	for r.at++; r.at < len(r.in); r.at++ {
		switch c := r.in[r.at]; {
		case c == quote:
			r.at++
			return string(out), nil
		case c == '\\':
			v, _, rest, err := strconv.UnquoteChar(r.in[r.at:], quote)
			if err != nil && r.at+1 < len(r.in) { // as it stands
				v, rest = rune(r.in[r.at+1]), r.in[r.at+2:]
			}
			out = utf8.AppendRune(out, v)
			r.at = len(r.in) - len(rest) - 1
		default:
			out = append(out, c)
		}
	}
	return "", errors.New("a text has no end")
}

// class reads [a-z], whose notation is that of patterns.
func (r *grammarReader) class() (*part, error) {
	from := r.at
	for r.at++; r.at < len(r.in); r.at++ {
		switch r.in[r.at] {
		case '\\':
			r.at++
		case ']':
			r.at++
			return pattern1(hexEscapes.ReplaceAllString(r.in[from:r.at], `\x{$1$2}`))
		}
	}
	return nil, errors.New("a [ has no ]")
}

var hexEscapes = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})`)

// regex reads /…/flags.
func (r *grammarReader) regex() (*part, error) {
	from := r.at + 1
	for r.at++; r.at < len(r.in); r.at++ {
		switch r.in[r.at] {
		case '\\':
			r.at++
		case '/':
			text := strings.ReplaceAll(r.in[from:r.at], `\/`, "/")
			r.at++
			flags := r.at
			for r.at < len(r.in) && unicode.IsLetter(rune(r.in[r.at])) {
				r.at++
			}
			if kept := strings.Map(func(c rune) rune {
				if strings.ContainsRune("ims", c) {
					return c
				}
				return -1
			}, r.in[flags:r.at]); kept != "" {
				text = "(?" + kept + ":" + text + ")"
			}
			return pattern1(text)
		}
	}
	return nil, errors.New("a / has no end")
}

var (
	braces = regexp.MustCompile(`^\{\s*(\d{0,4})\s*(,?)\s*(\d{0,4})\s*\}`)
	tilde  = regexp.MustCompile(`^[ \t]*~[ \t]*(\d{1,4})\s*(\.\.)?[ \t]*(\d{0,4})`)
)

// times reads how often a part is repeated.
func (r *grammarReader) times(p *part) (*part, error) {
	for {
		rest := r.in[r.at:]
		least, most := 0, -1
		m := braces.FindStringSubmatch(rest)
		if r.lark {
			m = tilde.FindStringSubmatch(rest)
		}
		switch {
		case m != nil:
			least, _ = strconv.Atoi(m[1])
			if m[2] == "" {
				most = least
			} else if m[3] != "" {
				most, _ = strconv.Atoi(m[3])
			}
			if most >= 0 && most < least {
				return nil, fmt.Errorf("%s is no number of times", m[0])
			}
			r.at += len(m[0])
		case strings.HasPrefix(rest, "?"):
			most = 1
			r.at++
		case strings.HasPrefix(rest, "*"):
			r.at++
		case strings.HasPrefix(rest, "+"):
			least = 1
			r.at++
		default:
			return p, nil
		}
		p = &part{kind: repeat, subs: []*part{p}, min: least, max: most}
	}
}
