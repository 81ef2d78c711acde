package dataset

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxToken is the longest string or number that is read, in bytes. It bounds
// the memory that a file of one endless string can take.
const maxToken = 256 << 20

// maxDepth is how deep values may nest; Python's json gives up near it too.
const maxDepth = 900

// A syntaxError is what is wrong with JSON and where, in bytes from the start.
type syntaxError struct {
	at   int64
	what string
	cut  bool // the text ends too early
	err  error
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.what, e.at) }

// A scanner reads JSON as a stream: it can skip a value, or hand out a string,
// without holding more than one token of it. Its grammar is that of Python's
// json module: NaN, Infinity and -Infinity are numbers. Text must be UTF-8.
//
// A scanner stops at its first error, which err keeps; later calls do nothing.
type scanner struct {
	r    io.Reader
	buf  []byte
	pos  int   // next byte of buf to be looked at
	keep int   // first byte of buf that must survive a refill; -1 for none
	base int64 // offset of buf[0] in the input
	eof  bool
	err  error
}

func newScanner(r io.Reader) *scanner {
	return &scanner{r: r, buf: make([]byte, 0, 1<<17), keep: -1}
}

// scanBytes is a scanner of text that is in memory; base is its offset.
func scanBytes(text []byte, base int64) *scanner {
	return &scanner{buf: text, keep: -1, base: base, eof: true}
}

// offset is where the next byte stands in the input.
func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

func (s *scanner) fail(format string, args ...any) {
	if s.err == nil {
		s.err = &syntaxError{at: s.offset(), what: fmt.Sprintf(format, args...)}
	}
}

func (s *scanner) failCut(inside string) {
	if s.err == nil {
		what := "the file"
		if s.r == nil {
			what = "the line"
		}
		s.err = &syntaxError{at: s.offset(), what: what + " ends inside " + inside, cut: true}
	}
}

// fill makes at least one more byte available at buf[pos:]; false means that
// there is none.
func (s *scanner) fill() bool {
	if s.eof || s.err != nil {
		return false
	}
	from := s.pos
	if s.keep >= 0 {
		from = s.keep
	}
	n := copy(s.buf[:cap(s.buf)], s.buf[from:])
	s.base += int64(from)
	s.pos -= from
	if s.keep >= 0 {
		s.keep = 0
	}
	s.buf = s.buf[:n]
	if n == cap(s.buf) {
		if n >= maxToken {
			s.fail("a token of more than %d MB", maxToken>>20)
			return false
		}
		s.buf = append(make([]byte, 0, 2*n), s.buf...)
	}
	for range 100 {
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		if err != nil {
			s.eof = true
			if !errors.Is(err, io.EOF) {
				s.err = &syntaxError{at: s.base + int64(len(s.buf)), what: systemText(err), err: err}
			}
			return n > 0 && s.err == nil
		}
		if n > 0 {
			return true
		}
	}
	s.err = &syntaxError{at: s.offset(), what: io.ErrNoProgress.Error(), err: io.ErrNoProgress}
	return false
}

// peek returns the next byte that is not white space, without taking it; 0
// means the end of the text or an error.
func (s *scanner) peek() byte {
	for s.err == nil {
		for ; s.pos < len(s.buf); s.pos++ {
			switch c := s.buf[s.pos]; c {
			case ' ', '\t', '\n', '\r':
			case 0:
				s.fail("a NUL byte")
				return 0
			default:
				return c
			}
		}
		if !s.fill() {
			return 0
		}
	}
	return 0
}

// skipBOM passes over a byte order mark at the start of the text.
func (s *scanner) skipBOM() {
	for len(s.buf)-s.pos < 3 && s.fill() {
	}
	if b := s.buf[s.pos:]; len(b) >= 3 && b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf {
		s.pos += 3
	}
}

// take passes over c, which must come next.
func (s *scanner) take(c byte, where string) bool {
	switch got := s.peek(); {
	case s.err != nil:
		return false
	case got == 0:
		s.failCut(where)
		return false
	case got != c:
		s.fail("want %q in %s, found %s", c, where, s.found())
		return false
	}
	s.pos++
	return true
}

// found describes the next byte.
func (s *scanner) found() string {
	r, _ := utf8.DecodeRune(s.buf[s.pos:])
	return fmt.Sprintf("%q", r)
}

// object reads an object: member is called for every key, in order, and must
// take the value, by reading or by skipping it. The key is gone when it returns.
func (s *scanner) object(member func(key string)) {
	if !s.take('{', "an object") {
		return
	}
	if s.peek() == '}' {
		s.pos++
		return
	}
	for s.err == nil {
		if c := s.peek(); c != '"' && c != 0 {
			s.fail("want a key in quotes, found %s", s.found())
			return
		}
		key := s.str()
		if !s.take(':', "an object") {
			return
		}
		member(key)
		switch c := s.peek(); {
		case s.err != nil:
		case c == ',':
			s.pos++
		case c == '}':
			s.pos++
			return
		case c == 0:
			s.failCut("an object")
		default:
			s.fail("want a comma or '}' in an object, found %s", s.found())
		}
	}
}

// array reads an array: element is called before every element, with its
// number from 0, and must take it.
func (s *scanner) array(element func(i int)) {
	if !s.take('[', "an array") {
		return
	}
	if s.peek() == ']' {
		s.pos++
		return
	}
	for i := 0; s.err == nil; i++ {
		element(i)
		switch c := s.peek(); {
		case s.err != nil:
		case c == ',':
			s.pos++
		case c == ']':
			s.pos++
			return
		case c == 0:
			s.failCut("an array")
		default:
			s.fail("want a comma or ']' in an array, found %s", s.found())
		}
	}
}

// str reads a string and returns its text.
func (s *scanner) str() string {
	raw, plain := s.rawString()
	if s.err != nil {
		return ""
	}
	if plain {
		return string(raw[1 : len(raw)-1])
	}
	return unquote(raw[1 : len(raw)-1])
}

// rawString passes over a string and returns it as it stands, quotes included;
// plain says that it has no escapes. It points into the buffer.
func (s *scanner) rawString() (raw []byte, plain bool) {
	if !s.take('"', "a string") {
		return nil, false
	}
	s.keep = s.pos - 1
	defer func() { s.keep = -1 }()
	plain = true
	high := false
	for s.err == nil {
		for s.pos < len(s.buf) {
			c := s.buf[s.pos]
			switch {
			case c == '"':
				s.pos++
				raw = s.buf[s.keep:s.pos]
				if high && !utf8.Valid(raw) {
					s.fail("a string that is not UTF-8 text ends")
				}
				return raw, plain
			case c == '\\':
				plain = false
				s.pos++
				s.escape()
				if s.err != nil {
					return nil, false
				}
			case c < 0x20:
				s.fail("a control character (0x%02x) in a string: it must be written as \\u%04x", c, c)
				return nil, false
			default:
				high = high || c >= 0x80
				s.pos++
			}
		}
		if !s.fill() {
			s.failCut("a string")
		}
	}
	return nil, false
}

// escape passes over what follows a backslash.
func (s *scanner) escape() {
	c, ok := s.next()
	switch {
	case !ok:
		s.failCut("a string")
	case c == 'u':
		for range 4 {
			h, ok := s.next()
			if !ok {
				s.failCut("a string")
				return
			}
			if !isHex(h) {
				s.pos--
				s.fail("a \\u that is not followed by four hexadecimal digits")
				return
			}
		}
	case c == '"', c == '\\', c == '/', c == 'b', c == 'f', c == 'n', c == 'r', c == 't':
	default:
		s.pos--
		s.fail("the invalid escape \\%c", c)
	}
}

// next takes one byte, white space too.
func (s *scanner) next() (byte, bool) {
	if s.pos == len(s.buf) && !s.fill() {
		return 0, false
	}
	s.pos++
	return s.buf[s.pos-1], true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
