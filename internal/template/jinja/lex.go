package jinja

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tokmeter/internal/python"
)

type kind uint8

const (
	eof        kind = iota
	text            // outside of tags
	beginVar        // {{
	endVar          // }}
	beginBlock      // {%
	endBlock        // %}
	name
	str
	integer
	float
	op
)

type token struct {
	kind kind
	text string // of a string, what it means
	line int
}

func (t token) String() string {
	switch t.kind {
	case eof:
		return "end of template"
	case endVar:
		return "}}"
	case endBlock:
		return "%}"
	}
	return t.text
}

// A lexer cuts a source into tokens by the rules of jinja2's lexer.
type lexer struct {
	src       string
	pos, line int
	fresh     bool // the last token ended a line
	tokens    []token
}

func lex(source string) []token {
	source = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(source)
	l := &lexer{src: strings.TrimSuffix(source, "\n"), line: 1, fresh: true}
	for l.pos < len(l.src) {
		l.outside()
	}
	l.add(eof, "")
	return l.tokens
}

func (l *lexer) add(k kind, s string) { l.tokens = append(l.tokens, token{k, s, l.line}) }

func (l *lexer) fail(format string, args ...any) {
	fail("line %d: "+format, append([]any{l.line}, args...)...)
}

// take moves on by n bytes.
func (l *lexer) take(n int) string {
	s := l.src[l.pos : l.pos+n]
	l.line += strings.Count(s, "\n")
	l.pos += n
	if n > 0 {
		l.fresh = s[n-1] == '\n'
	}
	return s
}

// outside reads text up to a tag, and the tag.
func (l *lexer) outside() {
	rest := l.src[l.pos:]
	at := tagStart(rest)
	if at < 0 {
		l.add(text, l.take(len(rest)))
		return
	}
	kind := rest[at+1]
	sign := byte(0)
	if len(rest) > at+2 && (rest[at+2] == '-' || rest[at+2] == '+' && kind != '{') {
		sign = rest[at+2]
	}
	if s := l.before(rest[:at], kind, sign); s != "" {
		l.add(text, s)
	}
	l.take(at + 2)
	if sign != 0 {
		l.take(1)
	}
	switch {
	case kind == '#':
		l.comment()
	case kind == '{':
		l.add(beginVar, "{{")
		l.inside(endVar)
	case l.raw():
	default:
		l.add(beginBlock, "{%")
		l.inside(endBlock)
	}
}

func tagStart(s string) int {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '{')
		if i < 0 || from+i+1 >= len(s) {
			return -1
		}
		if from += i; strings.IndexByte("{%#", s[from+1]) >= 0 {
			return from
		}
		from++
	}
}

// before is what stays of the text before a tag: a minus takes all space away,
// lstrip_blocks the space between the start of the line and a block or comment.
func (l *lexer) before(s string, kind, sign byte) string {
	if sign == '-' {
		return strings.TrimRightFunc(s, python.IsSpace)
	}
	if sign == '+' || kind == '{' {
		return s
	}
	start := strings.LastIndexByte(s, '\n') + 1
	if (start > 0 || l.fresh) && strings.TrimFunc(s[start:], python.IsSpace) == "" {
		return s[:start]
	}
	return s
}

// closing takes the end of a block or comment, with the line end after it that
// trim_blocks drops. It reports whether the tag ends here.
func (l *lexer) closing(end string) bool {
	rest := l.src[l.pos:]
	switch {
	case strings.HasPrefix(rest, "-"+end):
		tail := rest[1+len(end):]
		l.take(1 + len(end) + len(tail) - len(strings.TrimLeftFunc(tail, python.IsSpace)))
	case strings.HasPrefix(rest, "+"+end) && end != "}}":
		l.take(1 + len(end))
	case strings.HasPrefix(rest, end):
		n := len(end)
		if end != "}}" && strings.HasPrefix(rest[n:], "\n") {
			n++
		}
		l.take(n)
	default:
		return false
	}
	return true
}

func (l *lexer) comment() {
	for l.pos < len(l.src) {
		if l.closing("#}") {
			return
		}
		l.take(1)
	}
	l.fail("a comment has no end")
}

// raw reads a raw block whose {% was just taken, if it is one.
func (l *lexer) raw() bool {
	rest, ok := strings.CutPrefix(strings.TrimLeftFunc(l.src[l.pos:], python.IsSpace), "raw")
	if !ok {
		return false
	}
	rest = strings.TrimLeftFunc(rest, python.IsSpace)
	switch {
	case strings.HasPrefix(rest, "-%}"):
		rest = strings.TrimLeftFunc(rest[3:], python.IsSpace)
	case strings.HasPrefix(rest, "%}"):
		rest = rest[2:]
	default:
		return false
	}
	l.take(len(l.src) - l.pos - len(rest))
	for from := 0; ; {
		i := strings.Index(rest[from:], "{%")
		if i < 0 {
			l.fail("a raw block has no end")
		}
		from += i
		after, sign := rest[from+2:], byte(0)
		if after != "" && (after[0] == '-' || after[0] == '+') {
			sign, after = after[0], after[1:]
		}
		after, ok := strings.CutPrefix(strings.TrimLeftFunc(after, python.IsSpace), "endraw")
		after = strings.TrimLeftFunc(after, python.IsSpace)
		if ok && (strings.HasPrefix(after, "%}") || strings.HasPrefix(after, "-%}") || strings.HasPrefix(after, "+%}")) {
			if s := l.before(rest[:from], '%', sign); s != "" {
				l.add(text, s)
			}
			l.take(len(rest) - len(after))
			return l.closing("%}")
		}
		from += 2
	}
}

// inside reads the tokens of a tag up to its end.
func (l *lexer) inside(end kind) {
	mark := "%}"
	if end == endVar {
		mark = "}}"
	}
	var open []byte
	for {
		rest := l.src[l.pos:]
		trimmed := strings.TrimLeftFunc(rest, python.IsSpace)
		l.take(len(rest) - len(trimmed))
		if trimmed == "" {
			l.fail("a tag has no end: expected %s", mark)
		}
		if len(open) == 0 && l.closing(mark) {
			l.add(end, mark)
			return
		}
		switch c := trimmed[0]; {
		case c == '\'' || c == '"':
			l.str(c)
		case c >= '0' && c <= '9':
			l.number()
		case c == '_' || c >= utf8.RuneSelf || c|0x20 >= 'a' && c|0x20 <= 'z':
			l.name()
		default:
			open = l.operator(open)
		}
	}
}

func (l *lexer) name() {
	rest := l.src[l.pos:]
	n := strings.IndexFunc(rest, func(c rune) bool { return c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	if n < 0 {
		n = len(rest)
	}
	if n == 0 {
		c, _ := utf8.DecodeRuneInString(rest)
		l.fail("unexpected character %q", c)
	}
	l.add(name, l.take(n))
}

func (l *lexer) operator(open []byte) []byte {
	rest := l.src[l.pos:]
	if len(rest) > 1 {
		switch rest[:2] {
		case "//", "**", "==", "!=", ">=", "<=":
			l.add(op, l.take(2))
			return open
		}
	}
	c := rest[0]
	switch c {
	case '(', '[', '{':
		if open = append(open, c+1+c>>6); len(open) > maxDepth { // the closing one: ) is ( + 1, ] is [ + 2, } is { + 2
			l.fail("nested more than %d deep", maxDepth)
		}
	case ')', ']', '}':
		if len(open) == 0 || open[len(open)-1] != c {
			l.fail("unexpected %q", c)
		}
		open = open[:len(open)-1]
	default:
		if strings.IndexByte("+-/*%~><=.:|,;", c) < 0 {
			l.fail("unexpected character %q", c)
		}
	}
	l.add(op, l.take(1))
	return open
}

// number reads an integer or float; both may hold underscores.
func (l *lexer) number() {
	rest := l.src[l.pos:]
	digits := func(i int) int {
		for i < len(rest) && (rest[i] >= '0' && rest[i] <= '9' || rest[i] == '_' && i+1 < len(rest) && rest[i+1] >= '0' && rest[i+1] <= '9') {
			i++
		}
		return i
	}
	if len(rest) > 1 && rest[0] == '0' && strings.IndexByte("xXoObB", rest[1]) >= 0 {
		l.fail("number %.4s…: only decimal numbers are known", rest)
	}
	n := digits(0)
	k := integer
	if n+1 < len(rest) && rest[n] == '.' && digits(n+1) > n+1 && !l.afterDot() {
		n, k = digits(n+1), float
	}
	if n < len(rest) && rest[n]|0x20 == 'e' && !l.afterDot() {
		exp := n + 1
		if exp < len(rest) && (rest[exp] == '+' || rest[exp] == '-') {
			exp++
		}
		if end := digits(exp); end > exp {
			n, k = end, float
		}
	}
	l.add(k, strings.ReplaceAll(l.take(n), "_", ""))
}

// afterDot reports whether the last token is the dot of a.0.
func (l *lexer) afterDot() bool {
	last := l.tokens[len(l.tokens)-1]
	return last.kind == op && last.text == "." && l.src[l.pos-1] == '.'
}

// str reads a string and its escapes, which are Python's.
func (l *lexer) str(quote byte) {
	rest := l.src[l.pos:]
	n := 1
	for n < len(rest) && rest[n] != quote {
		if rest[n] == '\\' {
			n++
		}
		n++
	}
	if n >= len(rest) {
		l.fail("a string has no end")
	}
	s := rest[1:n]
	l.add(str, l.unescape(s))
	l.take(n + 1)
}

func (l *lexer) unescape(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		c := s[i+1]
		s = s[i+2:]
		if at := strings.IndexByte("abfnrtv", c); at >= 0 {
			b.WriteByte("\a\b\f\n\r\t\v"[at])
			continue
		}
		switch c {
		case '\n':
		case '\\', '\'', '"':
			b.WriteByte(c)
		case 'x', 'u', 'U':
			n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if len(s) < n {
				l.fail("a string ends inside \\%c", c)
			}
			v, err := strconv.ParseUint(s[:n], 16, 32)
			if err != nil || v > unicode.MaxRune {
				l.fail("\\%c%s is no character", c, s[:n])
			}
			b.WriteRune(rune(v))
			s = s[n:]
		case 'N', '0', '1', '2', '3', '4', '5', '6', '7':
			l.fail("the escape \\%c in a string is not known", c)
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
}
