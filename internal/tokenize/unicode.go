package tokenize

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// The tables say what the tokenizers library knows of each code point. They
// are data of their own, not Go's, because the library's parts follow several
// versions of Unicode (9 for normal forms, 16 for patterns) and Go's follow
// the Go release. tables/gen.py writes them.
//
//go:embed tables/unicode.txt
var unicodeText string

// unicodeSections splits the tables once by name; the parts are parsed when
// they are first asked for.
var unicodeSections = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(unicodeText) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		m[name] = rest
	}
	return m
})

// A runeRange is the code points from lo to hi, both included.
type runeRange struct{ lo, hi rune }

// hexRune reads a code point of the embedded tables. They are part of the
// program, so that a broken one is a fault of the build.
func hexRune(s string) rune {
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		panic(fmt.Sprintf("tokenize: broken Unicode table: %q", s))
	}
	return rune(n)
}

// rangesOf gives the ranges of a section in rising order; ok is false when
// there is no such section.
func rangesOf(name string) (ranges []runeRange, ok bool) {
	text, ok := unicodeSections()[name]
	for word := range strings.FieldsSeq(text) {
		lo, hi, two := strings.Cut(word, "-")
		r := runeRange{hexRune(lo), hexRune(lo)}
		if two {
			r.hi = hexRune(hi)
		}
		ranges = append(ranges, r)
	}
	return ranges, ok
}

// pairsOf calls f for each "a=b" of a section.
func pairsOf(name string, f func(key, value string)) {
	for word := range strings.FieldsSeq(unicodeSections()[name]) {
		key, value, _ := strings.Cut(word, "=")
		f(key, value)
	}
}

// hexText is the text of "a+b+c".
func hexText(s string) string {
	var out []rune
	for part := range strings.SplitSeq(s, "+") {
		out = append(out, hexRune(part))
	}
	return string(out)
}

const (
	pageBits  = 8
	pageSize  = 1 << pageBits
	pageCount = 0x110000 >> pageBits
)

// A runeTable holds a small number for every code point; 0 is the default.
type runeTable [pageCount]*[pageSize]uint8

func newRuneTable() *runeTable {
	var t runeTable
	empty := new([pageSize]uint8)
	for i := range t {
		t[i] = empty
	}
	return &t
}

func (t *runeTable) set(ranges []runeRange, value uint8) {
	empty := t[pageCount-1]
	full := map[uint8]*[pageSize]uint8{}
	for _, r := range ranges {
		for c := r.lo; c <= r.hi; {
			page := c >> pageBits
			if c&(pageSize-1) == 0 && c+pageSize-1 <= r.hi && t[page] == empty && page != pageCount-1 {
				if full[value] == nil {
					full[value] = new([pageSize]uint8)
					for i := range full[value] {
						full[value][i] = value
					}
				}
				t[page] = full[value]
				c += pageSize
				continue
			}
			p := *t[page]
			end := min(r.hi, c|(pageSize-1))
			for ; c <= end; c++ {
				p[c&(pageSize-1)] = value
			}
			t[page] = &p
		}
	}
}

// get is the number of r, which must be a code point.
func (t *runeTable) get(r rune) uint8 { return t[r>>pageBits][r&(pageSize-1)] }

// setOf is a table with 1 for the code points of the named section.
func setOf(name string) *runeTable {
	t := newRuneTable()
	ranges, _ := rangesOf(name)
	t.set(ranges, 1)
	return t
}

var (
	whitespaceWord = sync.OnceValue(func() *runeTable { return setOf("whitespace.word") })
	numericChars   = sync.OnceValue(func() *runeTable { return setOf("digits") })
	punctuation    = sync.OnceValue(func() *runeTable { return setOf("punctuation") })
	bertDropped    = sync.OnceValue(func() *runeTable { return setOf("bert.drop") })
	bertAccents    = sync.OnceValue(func() *runeTable { return setOf("bert.accent") })
	accentMarks    = sync.OnceValue(func() *runeTable { return setOf("accent") })
	lowerCase      = sync.OnceValue(func() map[rune]string {
		m := map[rune]string{}
		pairsOf("lower", func(k, v string) { m[hexRune(k)] = hexText(v) })
		return m
	})
)

// The classes of the split patterns, as bits of a code point's class byte.
const (
	classUpper  = 1 << iota // Lu, Lt
	classLower              // Ll
	classCase               // Lm, Lo: letters that go with upper and with lower case
	classMark               // M
	classNumber             // N
	classPunct              // P, S
	classSpace              // \s
	classLine               // \r and \n, which are also classSpace

	classLetter = classUpper | classLower | classCase
)

// classes gives every code point its class byte, as the pattern engine of the
// library has it.
var classes = sync.OnceValue(func() *runeTable {
	t := newRuneTable()
	for _, part := range []struct {
		names string
		class uint8
	}{
		{"Lu Lt", classUpper}, {"Ll", classLower}, {"Lm Lo", classCase}, {"Mn Mc Me", classMark},
		{"Nd Nl No", classNumber}, {"Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So", classPunct},
	} {
		for name := range strings.FieldsSeq(part.names) {
			ranges, _ := rangesOf("gc=" + name)
			t.set(ranges, part.class)
		}
	}
	spaces, _ := rangesOf("space")
	t.set(spaces, classSpace)
	t.set([]runeRange{{'\n', '\n'}, {'\r', '\r'}}, classSpace|classLine)
	return t
})

// isSpace is Unicode's White_Space, which never changes.
func isSpace(r rune) bool { return classes().get(r)&classSpace != 0 }
