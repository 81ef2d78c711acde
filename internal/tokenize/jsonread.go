package tokenize

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A jsonReader goes through a JSON text once. Vocabularies are read with it
// without a decoder's allocations; small parts are handed out raw.
type jsonReader struct {
	text string
	pos  int
}

func (r *jsonReader) fail(want string) error {
	got := "the end"
	if r.pos < len(r.text) {
		got = strconv.Quote(r.text[r.pos:min(len(r.text), r.pos+12)])
	}
	return fmt.Errorf("JSON at byte %d: want %s, got %s", r.pos, want, got)
}

func (r *jsonReader) space() {
	for r.pos < len(r.text) {
		switch r.text[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

// next skips white space and says whether c follows, which it takes.
func (r *jsonReader) next(c byte) bool {
	r.space()
	if r.pos < len(r.text) && r.text[r.pos] == c {
		r.pos++
		return true
	}
	return false
}

// object calls member for every key, at its value.
func (r *jsonReader) object(member func(key string) error) error {
	return r.list('{', '}', "an object", func() error {
		key, err := r.string()
		if err != nil {
			return err
		}
		if !r.next(':') {
			return r.fail("a colon")
		}
		return member(key)
	})
}

// array calls element at every element.
func (r *jsonReader) array(element func() error) error {
	return r.list('[', ']', "an array", element)
}

func (r *jsonReader) list(open, end byte, what string, item func() error) error {
	if !r.next(open) {
		return r.fail(what)
	}
	if r.next(end) {
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if r.next(end) {
			return nil
		}
		if !r.next(',') {
			return r.fail("a comma or the end of " + what)
		}
	}
}

func (r *jsonReader) string() (string, error) {
	if !r.next('"') {
		return "", r.fail("a string")
	}
	start := r.pos
	for ; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; {
		case c == '"':
			r.pos++
			return r.text[start : r.pos-1], nil
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return "", r.fail("no control character in a string")
		}
	}
	return "", r.fail("the end of a string")
}

// escaped goes on with a string in which an escape was met.
func (r *jsonReader) escaped(start int) (string, error) {
	out := []byte(r.text[start:r.pos])
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		switch {
		case c == '"':
			r.pos++
			return string(out), nil
		case c < ' ':
			return "", r.fail("no control character in a string")
		case c != '\\':
			out = append(out, c)
			r.pos++
			continue
		}
		if r.pos+1 >= len(r.text) {
			break
		}
		esc := r.text[r.pos+1]
		if i := strings.IndexByte(`"\/bfnrt`, esc); i >= 0 {
			out = append(out, "\"\\/\b\f\n\r\t"[i])
			r.pos += 2
			continue
		}
		c1, ok := r.unit(r.pos)
		if !ok {
			return "", r.fail("an escape that JSON has")
		}
		r.pos += 6
		if utf16.IsSurrogate(c1) {
			c2, ok := r.unit(r.pos)
			if c1 = utf16.DecodeRune(c1, c2); !ok || c1 == utf8.RuneError {
				return "", r.fail("the other half of a surrogate pair")
			}
			r.pos += 6
		}
		out = utf8.AppendRune(out, c1)
	}
	return "", r.fail("the end of a string")
}

// unit reads a \uHHHH.
func (r *jsonReader) unit(at int) (rune, bool) {
	if at+6 > len(r.text) || r.text[at] != '\\' || r.text[at+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(r.text[at+2:at+6], 16, 16)
	return rune(n), err == nil
}

// id reads a number that fits a token id.
func (r *jsonReader) id() (uint32, error) {
	r.space()
	start, n := r.pos, uint64(0)
	for r.pos < len(r.text) && r.text[r.pos] >= '0' && r.text[r.pos] <= '9' && r.pos-start < 11 {
		n = n*10 + uint64(r.text[r.pos]-'0')
		r.pos++
	}
	if r.pos == start || r.pos-start > 1 && r.text[start] == '0' || n > 1<<32-1 {
		r.pos = start
		return 0, r.fail("an id from 0 to 4294967295")
	}
	return uint32(n), nil
}

// raw takes a value as it stands, and checks that it is JSON without halves of
// surrogate pairs.
func (r *jsonReader) raw() (rawJSON, error) {
	r.space()
	start, depth := r.pos, 0
	for {
		r.space()
		if r.pos >= len(r.text) {
			return nil, r.fail("a value")
		}
		switch r.text[r.pos] {
		case '"':
			if _, err := r.string(); err != nil {
				return nil, err
			}
		case '{', '[':
			depth++
			r.pos++
			continue
		case '}', ']':
			depth--
			r.pos++
		case ',', ':':
			if depth == 0 {
				return nil, r.fail("a value")
			}
			r.pos++
			continue
		default:
			before := r.pos
			for r.pos < len(r.text) && strings.IndexByte(" \t\r\n,:]}[{\"", r.text[r.pos]) < 0 {
				r.pos++
			}
			if r.pos == before {
				return nil, r.fail("a value")
			}
		}
		if depth <= 0 {
			break
		}
	}
	value := rawJSON(r.text[start:r.pos])
	if !json.Valid(value) {
		r.pos = start
		return nil, r.fail("a value of JSON")
	}
	return value, nil
}
