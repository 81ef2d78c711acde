package tokenize

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// The normal forms are those of Unicode 9, which the library's own crate has:
// characters that came later stay as they are. golang.org/x/text would differ
// there, and it breaks up long runs of marks, which the library does not.
type normTables struct {
	class      *runeTable // canonical combining class
	noted      *runeTable // bit 1: decomposes canonically or is the second of a pair or a mark; bit 2: decomposes for compatibility
	canonical  map[rune]string
	compatible map[rune]string
	pair       map[[2]rune]rune
}

const (
	notedCanonical  = 1
	notedCompatible = 2
)

var normal = sync.OnceValue(func() *normTables {
	t := &normTables{newRuneTable(), newRuneTable(), map[rune]string{}, map[rune]string{}, map[[2]rune]rune{}}
	var canonical, compatible []runeRange
	pairsOf("norm.ccc", func(k, v string) {
		c := hexRune(k)
		t.class.set([]runeRange{{c, c}}, uint8(hexRune(v)))
		canonical = append(canonical, runeRange{c, c})
	})
	pairsOf("norm.canonical", func(k, v string) {
		c := hexRune(k)
		t.canonical[c] = hexText(v)
		canonical = append(canonical, runeRange{c, c})
	})
	pairsOf("norm.compatible", func(k, v string) {
		c := hexRune(k)
		t.compatible[c] = hexText(v)
		compatible = append(compatible, runeRange{c, c})
	})
	pairsOf("norm.compose", func(k, v string) {
		p := []rune(hexText(k))
		t.pair[[2]rune{p[0], p[1]}] = hexRune(v)
		canonical = append(canonical, runeRange{p[1], p[1]})
	})
	canonical = append(canonical, runeRange{hangulV, hangulV + hangulVCount - 1}, runeRange{hangulT, hangulT + hangulTCount - 1})
	for _, r := range compatible {
		t.noted.set([]runeRange{r}, notedCompatible)
	}
	for _, r := range canonical {
		for c := r.lo; c <= r.hi; c++ {
			t.noted.set([]runeRange{{c, c}}, t.noted.get(c)|notedCanonical)
		}
	}
	return t
})

const (
	hangulS      = 0xac00
	hangulL      = 0x1100
	hangulV      = 0x1161
	hangulT      = 0x11a7
	hangulLCount = 19
	hangulVCount = 21
	hangulTCount = 28
	hangulSCount = hangulLCount * hangulVCount * hangulTCount
)

// A normalForm is one of NFC, NFD, NFKC and NFKD.
type normalForm struct{ compose, compatible bool }

func (f normalForm) apply(text string, zero int) (string, int) {
	if !f.changes(text) {
		return text, zero
	}
	if zero > 0 && zero < len(text) {
		zero = len(f.of(text[:zero]))
		out := f.of(text)
		if f.compose {
			_, size := utf8.DecodeRuneInString(out)
			zero = max(zero, size)
		}
		return out, min(zero, len(out))
	}
	out := f.of(text)
	return out, min(zero, 1) * len(out)
}

// changes says whether the form could change the text; it may say yes too
// often.
func (f normalForm) changes(text string) bool {
	var t *normTables
	for _, r := range text {
		if r < 0xa0 || f.compose && !f.compatible && r < 0x300 {
			continue
		}
		if t == nil {
			t = normal()
		}
		n := t.noted.get(r)
		if n&notedCanonical != 0 || f.compatible && n != 0 || !f.compose && r >= hangulS && r < hangulS+hangulSCount {
			return true
		}
	}
	return false
}

func (f normalForm) of(text string) string {
	t := normal()
	out := make([]rune, 0, len(text))
	for _, r := range text {
		out = f.decompose(t, out, r)
	}
	t.order(out)
	if f.compose {
		out = t.composed(out)
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, r := range out {
		b.WriteRune(r)
	}
	return b.String()
}

func (f normalForm) decompose(t *normTables, out []rune, r rune) []rune {
	if r < 0xa0 {
		return append(out, r)
	}
	if s := r - hangulS; s >= 0 && s < hangulSCount {
		out = append(out, hangulL+s/(hangulVCount*hangulTCount), hangulV+s%(hangulVCount*hangulTCount)/hangulTCount)
		if last := s % hangulTCount; last > 0 {
			out = append(out, hangulT+last)
		}
		return out
	}
	if f.compatible {
		if d, ok := t.compatible[r]; ok {
			return append(out, []rune(d)...)
		}
	}
	if d, ok := t.canonical[r]; ok {
		return append(out, []rune(d)...)
	}
	return append(out, r)
}

// order sorts every run of marks by its class, keeping the order of equals.
func (t *normTables) order(s []rune) {
	for i := 0; i < len(s); {
		if t.class.get(s[i]) == 0 {
			i++
			continue
		}
		start := i
		for i < len(s) && t.class.get(s[i]) != 0 {
			i++
		}
		slices.SortStableFunc(s[start:i], func(a, b rune) int { return int(t.class.get(a)) - int(t.class.get(b)) })
	}
}

func (t *normTables) composed(s []rune) []rune {
	out := s[:0]
	starter, last := -1, -1
	for _, r := range s {
		class := int(t.class.get(r))
		if starter >= 0 && (last < class && last >= 0 || last == -1) {
			if c, ok := t.together(out[starter], r); ok {
				out[starter] = c
				continue
			}
		}
		out = append(out, r)
		if class == 0 {
			starter, last = len(out)-1, -1
		} else if starter >= 0 {
			last = class
		}
	}
	return out
}

// together is the character that a and b make, if any.
func (t *normTables) together(a, b rune) (rune, bool) {
	if l, v := a-hangulL, b-hangulV; l >= 0 && l < hangulLCount && v >= 0 && v < hangulVCount {
		return hangulS + (l*hangulVCount+v)*hangulTCount, true
	}
	if s, tail := a-hangulS, b-hangulT; s >= 0 && s < hangulSCount && s%hangulTCount == 0 && tail > 0 && tail < hangulTCount {
		return a + tail, true
	}
	c, ok := t.pair[[2]rune{a, b}]
	return c, ok
}
