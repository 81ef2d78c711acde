package dataset

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"

	"tokmeter/internal/excerpt"
)

// number is a number as Python's json reads it.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// word takes a number or a bare word such as true or NaN.
func (s *scanner) word() string {
	if s.peek() == 0 {
		s.failCut("a value")
		return ""
	}
	s.keep = s.pos
	defer func() { s.keep = -1 }()
	for {
		for ; s.pos < len(s.buf); s.pos++ {
			if c := s.buf[s.pos]; !isWord(c) {
				return s.checkWord(string(s.buf[s.keep:s.pos]))
			}
		}
		if !s.fill() {
			return s.checkWord(string(s.buf[s.keep:s.pos]))
		}
	}
}

func (s *scanner) checkWord(w string) string {
	switch w {
	case "true", "false", "null", "NaN", "Infinity", "-Infinity":
		return w
	case "":
		s.fail("want a value, found %s", s.found())
		return ""
	}
	if c := w[0]; (c == '-' || c >= '0' && c <= '9') && (isCount(w) || number.MatchString(w)) {
		return w
	}
	s.fail("%q is not a value", excerpt.Cut(w, 40))
	return ""
}

// isCount reports whether a word is a whole number without a sign: token ids, for
// which a regular expression is slow.
func isCount(w string) bool {
	for i := range len(w) {
		if w[i] < '0' || w[i] > '9' {
			return false
		}
	}
	return len(w) == 1 || w[0] != '0'
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.' || c == '_'
}

// skip passes over one value of any kind.
func (s *scanner) skip() { s.skipIn(0) }

func (s *scanner) skipIn(depth int) {
	if depth > maxDepth {
		s.fail("values nested more than %d deep", maxDepth)
		return
	}
	switch s.peek() {
	case '"':
		s.rawString()
	case '{':
		s.object(func(string) { s.skipIn(depth + 1) })
	case '[':
		s.array(func(int) { s.skipIn(depth + 1) })
	default:
		s.word()
	}
}

// kind names the next value for a message, without taking it.
func (s *scanner) kind() string {
	switch c := s.peek(); {
	case c == '"':
		return "a string"
	case c == '{':
		return "an object"
	case c == '[':
		return "an array"
	case c == 'n':
		return "null"
	case c == 't', c == 'f':
		return "true or false"
	case c == 0:
		return "nothing"
	}
	return "a number"
}

// want reports whether the next value is of the kind; otherwise it fails.
func (s *scanner) want(kind, name string) bool {
	switch k := s.kind(); {
	case s.err != nil:
	case k == "nothing":
		s.failCut(name)
	case k != kind:
		s.fail("%s is %s, want %s", name, k, kind)
	default:
		return true
	}
	return false
}

// A field is one value of a flat object, as much of it as readers need.
type field struct {
	kind string // as scanner.kind says
	text string // of a string; of anything else as it stands in the file
}

// int returns the value as a whole number: a JSON number, or a string of one,
// cut off at the point as Python's int does with a float.
func (f field) int() (int, bool) {
	if f.kind != "a number" && f.kind != "a string" {
		return 0, false
	}
	if n, err := strconv.Atoi(f.text); err == nil {
		return n, true
	}
	v, ok := f.float()
	if !ok || v != v || math.Abs(v) >= 1<<53 {
		return 0, false
	}
	return int(v), true
}

// float returns the value as a number.
func (f field) float() (float64, bool) {
	if f.kind != "a number" && f.kind != "a string" {
		return 0, false
	}
	v, err := strconv.ParseFloat(f.text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, false
	}
	return v, true
}

// field reads the next value. It works on text in memory alone: a stream moves
// its buffer under a nested value.
func (s *scanner) field() field {
	f := field{kind: s.kind()}
	switch f.kind {
	case "a string":
		f.text = s.str()
	case "an object", "an array":
		start := s.pos
		s.skip()
		f.text = string(s.buf[start:s.pos])
	default:
		f.text = s.word()
	}
	return f
}

// parseFields reads one line that holds a flat object; a key that comes twice
// has its last value, as in Python.
func parseFields(line []byte) (map[string]field, error) {
	s := scanBytes(line, 0)
	m := make(map[string]field, 8)
	if s.want("an object", "the line") {
		s.object(func(key string) { m[key] = s.field() })
	}
	if s.err == nil && s.peek() != 0 {
		s.fail("more text after the object")
	}
	return m, s.err
}

// elements reads the text of a JSON array, one call an element.
func elements(text string, element func(field)) {
	s := scanBytes([]byte(text), 0)
	s.array(func(int) { element(s.field()) })
}

// keys lists the keys of m in order.
func keys(m map[string]field) []string { return slices.Sorted(maps.Keys(m)) }

// shown is the value as a message shows it.
func (f field) shown() string {
	switch {
	case f.kind == "":
		return "missing"
	case f.kind == "a string":
		return listed([]string{f.text})
	case len(f.text) > 40:
		return f.kind
	}
	return f.text
}
