package tokenize

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// newFinder makes the finder of a "pattern": {"Regex": …} or {"String": …}.
func newFinder(p patternJSON) (finder, error) {
	switch {
	case p.String != nil && p.Regex != nil, p.String == nil && p.Regex == nil:
		return nil, fmt.Errorf("the pattern must be either a String or a Regex")
	case p.String != nil:
		return literalFinder(*p.String), nil
	}
	if f, ok := scannerFor(*p.Regex); ok {
		return f, nil
	}
	translated, err := translate(*p.Regex)
	if err != nil {
		return nil, fmt.Errorf("the pattern %s: not supported: %w", *p.Regex, err)
	}
	re, err := regexp2.Compile(translated, regexp2.None)
	if err != nil {
		return nil, fmt.Errorf("the pattern %s: %w", *p.Regex, err)
	}
	re.MatchTimeout = matchTime
	return (*patternFinder)(re), nil
}

type patternJSON struct {
	String *string
	Regex  *string
}

// A literalFinder finds a string; an empty one is everywhere.
type literalFinder string

func (f literalFinder) find(text string, from int) (start, end int, ok bool) {
	i := strings.Index(text[from:], string(f))
	if i < 0 {
		return 0, 0, false
	}
	return from + i, from + i + len(f), true
}

// A patternFinder runs a pattern that has no scanner. It works on runes, so
// that it finds all matches of a text at once.
type patternFinder regexp2.Regexp

func (f *patternFinder) find(text string, from int) (start, end int, ok bool) {
	for s, e := range f.all(text) {
		if s >= from {
			return s, e, true
		}
	}
	return 0, 0, false
}

// all gives every match in turn, as bytes. An empty match that touches the
// one before it does not count.
func (f *patternFinder) all(text string) func(yield func(start, end int) bool) {
	return func(yield func(start, end int) bool) {
		runes := []rune(text)
		bytes, at := 0, 0 // byte offset of rune number at
		offset := func(rune int) int {
			for ; at < rune; at++ {
				bytes += utf8.RuneLen(runes[at])
			}
			return bytes
		}
		last := -1
		for pos := 0; pos <= len(runes); {
			m, err := (*regexp2.Regexp)(f).FindRunesMatchStartingAt(runes, pos)
			if err != nil {
				re := (*regexp2.Regexp)(f)
				overloadf("the pattern %.200s: no end of the search in a text of %d characters after %s", re, len(runes), re.MatchTimeout)
			}
			if m == nil {
				return
			}
			end := m.Index + m.Length
			if m.Length == 0 && end == last {
				pos++
				continue
			}
			pos, last = end, end
			start := offset(m.Index)
			if !yield(start, offset(end)) {
				return
			}
		}
	}
}

// A runeFinder finds each character of a kind, one at a time.
type runeFinder func(r rune) bool

func (f runeFinder) find(text string, from int) (start, end int, ok bool) {
	for i, r := range text[from:] {
		if f(r) {
			return from + i, from + i + utf8.RuneLen(r), true
		}
	}
	return 0, 0, false
}

// allMatches calls yield for every match of f in turn.
func allMatches(f finder, text string, yield func(start, end int) bool) {
	if p, ok := f.(*patternFinder); ok {
		p.all(text)(yield)
		return
	}
	last := -1
	for pos := 0; pos <= len(text); {
		start, end, ok := f.find(text, pos)
		if !ok {
			return
		}
		if start == end && end == last {
			if pos == len(text) {
				return
			}
			_, size := utf8.DecodeRuneInString(text[pos:])
			pos += size
			continue
		}
		pos, last = end, end
		if !yield(start, end) {
			return
		}
	}
}
