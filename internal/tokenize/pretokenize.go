package tokenize

import (
	"strings"
	"unicode/utf8"
)

// A cutter is one step of pre-tokenization. It hands each piece of the text to
// the step after number i; zero is that of normalizer.
type cutter interface {
	cut(e *encoding, i int, text string, zero int)
}

// within is the zero of the piece that begins at start.
func within(zero, start, end int) int { return min(max(0, zero-start), end-start) }

// How a split treats what its pattern matched.
const (
	removed = iota
	isolated
	withPrevious
	withNext
	contiguous
)

var behaviors = map[string]int{
	"Removed": removed, "Isolated": isolated, "MergedWithPrevious": withPrevious, "MergedWithNext": withNext, "Contiguous": contiguous,
}

// A splitter cuts at the matches of a pattern, or between them if inverted.
type splitter struct {
	finder   finder
	behavior int
	invert   bool
}

type span struct {
	start, end int
	match      bool
}

func (s *splitter) cut(e *encoding, i int, text string, zero int) {
	if s.behavior == isolated || s.behavior == removed {
		s.simple(e, i, text, zero)
		return
	}
	var spans []span
	pos := 0
	allMatches(s.finder, text, func(start, end int) bool {
		if pos != start {
			spans = append(spans, span{pos, start, s.invert})
		}
		spans = append(spans, span{start, end, !s.invert})
		pos = end
		return true
	})
	if pos != len(text) {
		spans = append(spans, span{pos, len(text), s.invert})
	}
	for _, p := range merge(spans, s.behavior) {
		e.piece(i+1, text[p.start:p.end], within(zero, p.start, p.end))
	}
}

// simple is cut for what needs no look at the neighbours.
func (s *splitter) simple(e *encoding, i int, text string, zero int) {
	gaps := s.behavior == isolated || !s.invert
	matches := s.behavior == isolated || s.invert
	pos := 0
	if _, slow := s.finder.(*patternFinder); slow || s.finder == literalFinder("") {
		allMatches(s.finder, text, func(start, end int) bool {
			if gaps {
				e.piece(i+1, text[pos:start], within(zero, pos, start))
			}
			if matches {
				e.piece(i+1, text[start:end], within(zero, start, end))
			}
			pos = end
			return true
		})
	} else {
		for pos < len(text) {
			start, end, ok := s.finder.find(text, pos)
			if !ok {
				break
			}
			if gaps && start > pos {
				e.piece(i+1, text[pos:start], within(zero, pos, start))
			}
			if matches {
				e.piece(i+1, text[start:end], within(zero, start, end))
			}
			pos = end
		}
	}
	if gaps {
		e.piece(i+1, text[pos:], within(zero, pos, len(text)))
	}
}

// merge joins spans as the behavior says.
func merge(spans []span, behavior int) []span {
	var out []span
	before := false
	switch behavior {
	case contiguous:
		for _, s := range spans {
			if s.match == before && len(out) > 0 {
				out[len(out)-1].end = s.end
			} else {
				out = append(out, s)
			}
			before = s.match
		}
	case withPrevious:
		for _, s := range spans {
			if s.match && !before && len(out) > 0 {
				out[len(out)-1].end = s.end
			} else {
				out = append(out, s)
			}
			before = s.match
		}
	case withNext:
		for n := len(spans) - 1; n >= 0; n-- {
			s := spans[n]
			if s.match && !before && len(out) > 0 {
				out[len(out)-1].start = s.start
			} else {
				out = append(out, s)
			}
			before = s.match
		}
		for a, b := 0, len(out)-1; a < b; a, b = a+1, b-1 {
			out[a], out[b] = out[b], out[a]
		}
	}
	return out
}

// A byteLevel cuts as GPT-2 and writes bytes as characters. mapped is false
// where the model takes the bytes as they are.
type byteLevel struct {
	prefixSpace, mapped bool
	split               *gpt2Scanner // nil: no cutting
}

func (b *byteLevel) cut(e *encoding, i int, text string, zero int) {
	if b.prefixSpace && text[0] != ' ' {
		text = " " + text
		if zero > 0 {
			zero++
		}
	}
	for pos := 0; pos < len(text); {
		end := len(text)
		if b.split != nil {
			end = b.split.end(text, pos)
		}
		part, z := text[pos:end], within(zero, pos, end)
		if b.mapped {
			part, z = byteChars{}.apply(part, z)
		}
		e.piece(i+1, part, z)
		pos = end
	}
}

// When a metaspace puts its character before a piece.
const (
	schemeAlways = iota
	schemeFirst
	schemeNever
)

var schemes = map[string]int{"always": schemeAlways, "first": schemeFirst, "never": schemeNever}

// A metaspace writes spaces as a character of their own and cuts before it.
type metaspace struct {
	mark   string
	scheme int
	split  bool
}

func (m *metaspace) cut(e *encoding, i int, text string, zero int) {
	if strings.IndexByte(text, ' ') >= 0 {
		zero += strings.Count(text[:zero], " ") * (len(m.mark) - 1)
		text = strings.ReplaceAll(text, " ", m.mark)
	}
	if !strings.HasPrefix(text, m.mark) && (m.scheme == schemeAlways || m.scheme == schemeFirst && zero > 0) {
		text = m.mark + text
		if zero > 0 {
			zero += len(m.mark)
		}
	}
	for pos := 0; pos < len(text); {
		end := len(text)
		if m.split {
			_, first := utf8.DecodeRuneInString(text[pos:])
			if n := strings.Index(text[pos+first:], m.mark); n >= 0 {
				end = pos + first + n
			}
		}
		e.piece(i+1, text[pos:end], within(zero, pos, end))
		pos = end
	}
}

// A wordRuns keeps runs of word characters and runs of other characters that
// are no white space.
type wordRuns struct{}

func (wordRuns) cut(e *encoding, i int, text string, zero int) {
	words := whitespaceWord()
	kind := func(r rune) int {
		switch {
		case words.get(r) != 0:
			return 1
		case isSpace(r):
			return 0
		}
		return 2
	}
	start, now := 0, 0
	for pos, r := range text {
		if k := kind(r); k != now {
			if now != 0 {
				e.piece(i+1, text[start:pos], within(zero, start, pos))
			}
			start, now = pos, k
		}
	}
	if now != 0 {
		e.piece(i+1, text[start:], within(zero, start, len(text)))
	}
}

// A fixedLength cuts every so many characters.
type fixedLength int

func (f fixedLength) cut(e *encoding, i int, text string, zero int) {
	start, n := 0, 0
	for pos := range text {
		if n == int(f) {
			e.piece(i+1, text[start:pos], within(zero, start, pos))
			start, n = pos, 0
		}
		n++
	}
	e.piece(i+1, text[start:], within(zero, start, len(text)))
}
