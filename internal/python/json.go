package python

import "strings"

// A JSONError is where and why json.loads refuses a text: the pos and msg of a
// JSONDecodeError.
type JSONError struct {
	At  int // in characters from the start of the text
	Why string
}

// CheckJSON returns what json.loads says of a text that is no JSON, and false
// where it would read it. NaN, Infinity and -Infinity are JSON to Python.
func CheckJSON(text string) (JSONError, bool) {
	p := jsonReader{text: []rune(text)}
	p.space()
	if !p.value(0) {
		return p.fault, true
	}
	p.space()
	if p.at < len(p.text) {
		return JSONError{p.at, "Extra data"}, true
	}
	return JSONError{}, false
}

// maxDepth bounds nesting, as Python's recursion limit does.
const maxDepth = 900

type jsonReader struct {
	text  []rune
	at    int
	fault JSONError
}

func (p *jsonReader) space() {
	for p.at < len(p.text) && strings.ContainsRune(" \t\n\r", p.text[p.at]) {
		p.at++
	}
}

func (p *jsonReader) peek() rune {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return -1
}

func (p *jsonReader) fail(at int, why string) bool {
	p.fault = JSONError{at, why}
	return false
}

func (p *jsonReader) value(depth int) bool {
	if depth > maxDepth {
		return p.fail(p.at, "Expecting value")
	}
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.str()
	}
	rest := string(p.text[p.at:min(len(p.text), p.at+9)])
	for _, word := range [...]string{"null", "true", "false", "NaN", "Infinity", "-Infinity"} {
		if strings.HasPrefix(rest, word) {
			p.at += len(word)
			return true
		}
	}
	return p.number()
}

func (p *jsonReader) digits() int {
	from := p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	return p.at - from
}

func (p *jsonReader) number() bool {
	from := p.at
	if p.peek() == '-' {
		p.at++
	}
	switch {
	case p.peek() == '0':
		p.at++
	case p.digits() == 0:
		p.at = from
		return p.fail(from, "Expecting value")
	}
	if end := p.at; p.peek() == '.' {
		p.at++
		if p.digits() == 0 {
			p.at = end
			return true
		}
	}
	if end := p.at; p.peek() == 'e' || p.peek() == 'E' {
		p.at++
		if c := p.peek(); c == '+' || c == '-' {
			p.at++
		}
		if p.digits() == 0 {
			p.at = end
		}
	}
	return true
}

func (p *jsonReader) str() bool {
	from := p.at
	p.at++
	for {
		switch c := p.peek(); {
		case c == -1:
			return p.fail(from, "Unterminated string starting at")
		case c == '"':
			p.at++
			return true
		case c < ' ':
			return p.fail(p.at, "Invalid control character at")
		case c == '\\':
			at := p.at
			p.at++
			switch e := p.peek(); {
			case e == -1:
				return p.fail(from, "Unterminated string starting at")
			case e == 'u':
				p.at++
				for range 4 {
					if !strings.ContainsRune("0123456789abcdefABCDEF", p.peek()) {
						return p.fail(at+1, `Invalid \uXXXX escape`)
					}
					p.at++
				}
			case strings.ContainsRune(`"\/bfnrt`, e):
				p.at++
			default:
				return p.fail(at, `Invalid \escape`)
			}
		default:
			p.at++
		}
	}
}

func (p *jsonReader) object(depth int) bool {
	const name = "Expecting property name enclosed in double quotes"
	p.at++
	p.space()
	if p.peek() == '}' {
		p.at++
		return true
	}
	for {
		if p.peek() != '"' {
			return p.fail(p.at, name)
		}
		if !p.str() {
			return false
		}
		p.space()
		if p.peek() != ':' {
			return p.fail(p.at, "Expecting ':' delimiter")
		}
		p.at++
		p.space()
		if !p.value(depth + 1) {
			return false
		}
		p.space()
		switch p.peek() {
		case '}':
			p.at++
			return true
		case ',':
			p.at++
			p.space()
		default:
			return p.fail(p.at, "Expecting ',' delimiter")
		}
	}
}

func (p *jsonReader) array(depth int) bool {
	p.at++
	p.space()
	if p.peek() == ']' {
		p.at++
		return true
	}
	for {
		if !p.value(depth + 1) {
			return false
		}
		p.space()
		switch p.peek() {
		case ']':
			p.at++
			return true
		case ',':
			p.at++
			p.space()
		default:
			return p.fail(p.at, "Expecting ',' delimiter")
		}
	}
}
