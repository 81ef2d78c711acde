package tokenize

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A charClass is a set of characters: ranges and categories of Go's tables,
// or all but these.
type charClass struct {
	not        bool
	ranges     []runeRange
	categories []string // of Go's; ranges has what the library's hold besides
}

// write appends the class as regexp2 has it.
func (c *charClass) write(out []byte) []byte {
	if len(c.ranges) == 0 && len(c.categories) == 0 {
		if c.not {
			return append(out, `[\s\S]`...)
		}
		return append(out, `(?!)`...)
	}
	out = append(out, '[')
	if c.not {
		out = append(out, '^')
	}
	for _, r := range c.ranges {
		out = writeRune(out, r.lo)
		if r.hi > r.lo {
			out = writeRune(append(out, '-'), r.hi)
		}
	}
	for _, name := range c.categories {
		out = append(out, `\p{`+name+`}`...)
	}
	return append(out, ']')
}

func writeRune(out []byte, r rune) []byte {
	switch {
	case r < 0x20 || r == 0x7f || r >= 0xd800 && r < 0xe000:
		return fmt.Appendf(out, `\u%04x`, r)
	case r <= unicode.MaxASCII && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r):
		out = append(out, '\\')
	}
	return utf8.AppendRune(out, r)
}

// all gives the class as sorted ranges that do not touch.
func (c *charClass) all() []runeRange {
	ranges := slices.Clone(c.ranges)
	for _, name := range c.categories {
		ranges = append(ranges, goRanges(name)...)
	}
	ranges = tidyRanges(ranges)
	if c.not {
		ranges = invertRanges(ranges)
	}
	return ranges
}

func tidyRanges(ranges []runeRange) []runeRange {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b runeRange) int { return int(a.lo - b.lo) })
	out := ranges[:0]
	for _, r := range ranges {
		if n := len(out); n > 0 && r.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, r.hi)
		} else {
			out = append(out, r)
		}
	}
	return out
}

func invertRanges(tidy []runeRange) []runeRange {
	var out []runeRange
	next := rune(0)
	for _, r := range tidy {
		if r.lo > next {
			out = append(out, runeRange{next, r.lo - 1})
		}
		next = r.hi + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, runeRange{next, unicode.MaxRune})
	}
	return out
}

func subtractRanges(a, b []runeRange) []runeRange {
	// a and not b is not (not a or b).
	return invertRanges(tidyRanges(append(invertRanges(tidyRanges(a)), b...)))
}

func goRanges(category string) []runeRange {
	var out []runeRange
	table := unicode.Categories[category]
	for _, r := range table.R16 {
		for c := r.Lo; ; c += r.Stride {
			out = append(out, runeRange{rune(c), rune(c)})
			if c == r.Hi {
				break
			}
		}
	}
	for _, r := range table.R32 {
		for c := r.Lo; ; c += r.Stride {
			out = append(out, runeRange{rune(c), rune(c)})
			if c == r.Hi {
				break
			}
		}
	}
	return tidyRanges(out)
}

// classNames are the long names of the general categories.
var classNames = map[string]string{
	"letter": "l", "mark": "m", "number": "n", "punctuation": "p", "symbol": "s", "separator": "z", "other": "c",
	"uppercaseletter": "lu", "lowercaseletter": "ll", "titlecaseletter": "lt", "modifierletter": "lm", "otherletter": "lo",
	"decimalnumber": "nd", "punct": "p", "digit": "nd", "space": "space", "word": "word",
}

// property gives the class of \p{name}, as the library's engine knows it.
func property(name string) (*charClass, error) {
	key := strings.NewReplacer("_", "", " ", "", "-", "").Replace(strings.ToLower(name))
	if long, ok := classNames[key]; ok {
		key = long
	}
	switch key {
	case "space", "word":
		return namedClass(key), nil
	case "c":
		var rest []runeRange
		for section := range unicodeSections() {
			if strings.HasPrefix(section, "gc=") && section[3] != 'C' {
				r, _ := rangesOf(section)
				rest = append(rest, r...)
			}
		}
		return &charClass{ranges: invertRanges(tidyRanges(rest))}, nil
	}
	var ranges []runeRange
	category := ""
	for section := range unicodeSections() {
		prefix, value, ok := strings.Cut(section, "=")
		folded := strings.ToLower(strings.ReplaceAll(value, "_", ""))
		switch {
		case !ok:
			continue
		case prefix == "gc" && (folded == key || len(key) == 1 && folded[:1] == key):
			category = value[:len(key)]
		case prefix == "script" && folded == key:
		default:
			continue
		}
		r, _ := rangesOf(section)
		ranges = append(ranges, r...)
	}
	if ranges == nil {
		return nil, fmt.Errorf(`the property \p{%s}`, name)
	}
	if category != "" {
		// Go's own table is quicker where the library's only adds to it.
		base := goRanges(category)
		if len(subtractRanges(base, ranges)) == 0 {
			return &charClass{ranges: subtractRanges(ranges, base), categories: []string{category}}, nil
		}
	}
	return &charClass{ranges: tidyRanges(ranges)}, nil
}

func namedClass(section string) *charClass {
	ranges, _ := rangesOf(section)
	return &charClass{ranges: ranges}
}

// classEscape reads a backslash and what it names: a class, or one character.
func (t *translator) classEscape() (*charClass, rune, error) {
	if t.pos+1 >= len(t.in) {
		return nil, 0, fmt.Errorf("a backslash at the end")
	}
	c := t.in[t.pos+1]
	t.pos += 2
	var class *charClass
	switch c {
	case 'n', 'r', 't', 'f', 'v', 'a', 'e':
		return nil, map[rune]rune{'n': '\n', 'r': '\r', 't': '\t', 'f': '\f', 'v': '\v', 'a': '\a', 'e': 0x1b}[c], nil
	case 'x', 'u':
		r, err := t.hexEscape(c)
		return nil, r, err
	case 's', 'S':
		class = namedClass("space")
	case 'w', 'W':
		class = namedClass("word")
	case 'd', 'D':
		class = namedClass("gc=Nd")
	case 'h', 'H':
		class = &charClass{ranges: []runeRange{{'0', '9'}, {'A', 'F'}, {'a', 'f'}}}
	case 'p', 'P':
		end := t.pos
		for end < len(t.in) && t.in[end] != '}' {
			end++
		}
		if end == len(t.in) || !t.take("{") {
			return nil, 0, fmt.Errorf(`a \%c without {name}`, c)
		}
		name := string(t.in[t.pos:end])
		t.pos = end + 1
		bare := strings.TrimPrefix(name, "^")
		var err error
		if class, err = property(bare); err != nil {
			return nil, 0, err
		}
		if (c == 'P') != (bare != name) {
			return &charClass{ranges: invertRanges(class.all())}, 0, nil
		}
		return class, 0, nil
	default:
		if c > unicode.MaxASCII || unicode.IsLetter(c) || unicode.IsDigit(c) {
			return nil, 0, fmt.Errorf(`the escape \%c`, c)
		}
		return nil, c, nil
	}
	if unicode.IsUpper(c) {
		class = &charClass{ranges: invertRanges(class.all())}
	}
	return class, 0, nil
}

func (t *translator) hexEscape(kind rune) (rune, error) {
	digits, skip := 2, 0
	if kind == 'u' {
		digits = 4
	} else if t.peek("{") {
		digits = slices.Index(t.in[t.pos:], '}') - 1
		skip = 1
	}
	start := t.pos + skip
	if digits < 1 || start+digits > len(t.in) {
		return 0, fmt.Errorf(`a \%c without its digits`, kind)
	}
	n, err := strconv.ParseUint(string(t.in[start:start+digits]), 16, 32)
	if err != nil || n > unicode.MaxRune || kind == 'x' && skip == 0 && n > unicode.MaxASCII {
		return 0, fmt.Errorf(`the escape \%c%s`, kind, string(t.in[t.pos:min(len(t.in), t.pos+digits+skip)]))
	}
	t.pos = start + digits + skip
	return rune(n), nil
}

var posixClasses = map[string]string{"space": "space", "word": "word", "punct": "punct", "digit": "gc=Nd"}

// class reads a class whose [ was read.
func (t *translator) class(depth int) (*charClass, error) {
	if depth > 20 {
		return nil, fmt.Errorf("classes nested deeper than 20")
	}
	class := &charClass{not: t.take("^")}
	for first := true; ; first = false {
		switch {
		case t.pos >= len(t.in):
			return nil, fmt.Errorf("a [ without its ]")
		case t.peek("]") && !first:
			t.pos++
			if t.fold {
				if slices.ContainsFunc(class.ranges, func(r runeRange) bool { return r.hi > unicode.MaxASCII }) {
					return nil, fmt.Errorf("a class beyond ASCII without regard to case")
				}
				class.ranges = foldRanges(class.ranges)
			}
			return class, nil
		case t.take("&&"):
			right := &translator{in: t.in, pos: t.pos, fold: t.fold}
			rest, err := right.classRest(depth)
			if err != nil {
				return nil, err
			}
			t.pos = right.pos
			not := class.not
			class.not = false
			both := subtractRanges(class.all(), invertRanges(rest.all()))
			return &charClass{not: not, ranges: both}, nil
		case t.peek("[:"):
			end := strings.Index(string(t.in[t.pos:]), ":]")
			if end < 0 {
				return nil, fmt.Errorf("a [: without its :]")
			}
			name := string(t.in[t.pos+2:])
			name, _, _ = strings.Cut(name, ":]")
			section, ok := posixClasses[name]
			if !ok {
				return nil, fmt.Errorf("the class [:%s:]", name)
			}
			class.add(namedClass(section))
			t.pos += len([]rune(name)) + 4
		case t.take("["):
			inner, err := t.class(depth + 1)
			if err != nil {
				return nil, err
			}
			class.ranges = append(class.ranges, inner.all()...)
		default:
			if err := t.classItem(class); err != nil {
				return nil, err
			}
		}
	}
}

// classRest reads the right side of && up to and with the closing ].
func (t *translator) classRest(depth int) (*charClass, error) {
	if t.peek("^") || t.peek("]") {
		return nil, fmt.Errorf("a class with && before ^ or ]")
	}
	return t.class(depth + 1)
}

func (c *charClass) add(o *charClass) {
	c.ranges = append(c.ranges, o.ranges...)
	c.categories = append(c.categories, o.categories...)
}

// classItem reads one character, range or escape of a class.
func (t *translator) classItem(class *charClass) error {
	lo := t.in[t.pos]
	if lo == '\\' {
		inner, single, err := t.classEscape()
		if err != nil {
			return err
		}
		if inner != nil {
			class.add(inner)
			if t.peek("-") && t.pos+1 < len(t.in) && t.in[t.pos+1] != ']' {
				return fmt.Errorf("a class before a - in a class")
			}
			return nil
		}
		lo = single
	} else {
		t.pos++
	}
	hi := lo
	if t.peek("-") && t.pos+1 < len(t.in) && t.in[t.pos+1] != ']' {
		t.pos++
		switch hi = t.in[t.pos]; hi {
		case '[':
			return fmt.Errorf("a range that ends in [")
		case '\\':
			inner, single, err := t.classEscape()
			if err != nil {
				return err
			}
			if inner != nil {
				return fmt.Errorf("a range that ends in a class")
			}
			hi = single
		default:
			t.pos++
		}
		if hi < lo {
			return fmt.Errorf("the range %c-%c, which runs backwards", lo, hi)
		}
	}
	class.ranges = append(class.ranges, runeRange{lo, hi})
	return nil
}
