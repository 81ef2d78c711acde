package sim

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pyRepr is Python's repr of a string.
func pyRepr(s string) string {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	dst := []byte{quote}
	for _, r := range s {
		switch {
		case r == rune(quote) || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < ' ' || r == 0x7f:
			dst = append(dst, '\\', 'x', "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		case unicode.IsPrint(r):
			dst = utf8.AppendRune(dst, r)
		case r < 0x100:
			dst = append(dst, `\x`...)
			dst = append(dst, pyHex(r, 2)...)
		case r < 0x10000:
			dst = append(dst, `\u`...)
			dst = append(dst, pyHex(r, 4)...)
		default:
			dst = append(dst, `\U`...)
			dst = append(dst, pyHex(r, 8)...)
		}
	}
	return string(append(dst, quote))
}

func pyHex(r rune, digits int) string {
	s := strconv.FormatInt(int64(r), 16)
	return strings.Repeat("0", digits-len(s)) + s
}

// What vLLM takes out of error messages before it sends them: addresses, places
// in its code, paths of files.
var (
	address   = regexp.MustCompile(` at 0x[0-9a-fA-F]+>`)
	traceback = regexp.MustCompile(`\n?\s*File "[^"]+", line \d+, in \S+(\n\s+.*)?`)
	homePath  = regexp.MustCompile(`/(?:home|usr|opt|var|tmp|root|lib|mnt|srv)(?:/[\w.\-]+)+`)
	filePath  = regexp.MustCompile(`(?:/[\w\-]+)+/[\w\-]+\.\w+`)
)

// sanitize is what vLLM makes of an error message.
func sanitize(message string) string {
	message = address.ReplaceAllString(message, ">")
	message = traceback.ReplaceAllString(message, "")
	message = homePath.ReplaceAllString(message, "<path>")
	message = filePath.ReplaceAllString(message, "<path>")
	return strings.TrimSpace(message)
}

// A jsonFault is where and why Python's json refuses a text. At counts
// characters.
type jsonFault struct {
	at  int
	why string
}

// pyJSON returns what Python's json.loads says of a text that is no JSON, and
// false where it would read it.
func pyJSON(text string) (jsonFault, bool) {
	p := pyReader{text: []rune(text)}
	p.space()
	if !p.value(0) {
		return p.fault, true
	}
	p.space()
	if p.at < len(p.text) {
		return jsonFault{p.at, "Extra data"}, true
	}
	return jsonFault{}, false
}

// deepest bounds nesting, as Python's recursion limit does.
const deepest = 900

type pyReader struct {
	text  []rune
	at    int
	fault jsonFault
}

func (p *pyReader) space() {
	for p.at < len(p.text) && strings.ContainsRune(" \t\n\r", p.text[p.at]) {
		p.at++
	}
}

func (p *pyReader) peek() rune {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return -1
}

func (p *pyReader) fail(at int, why string) bool {
	p.fault = jsonFault{at, why}
	return false
}

func (p *pyReader) value(depth int) bool {
	if depth > deepest {
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

func (p *pyReader) digits() int {
	from := p.at
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.at++
	}
	return p.at - from
}

func (p *pyReader) number() bool {
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

func (p *pyReader) str() bool {
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

func (p *pyReader) object(depth int) bool {
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

func (p *pyReader) array(depth int) bool {
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
