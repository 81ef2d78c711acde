package tokenize

import "unicode/utf8"

// A digitScanner finds up to three numbers at a time.
type digitScanner struct{ classes *runeTable }

func (s *digitScanner) find(text string, from int) (start, end int, ok bool) {
	for i := from; i < len(text); {
		class, size := s.classes.at(text, i)
		if class&classNumber != 0 {
			return i, s.classes.digits(text, i, 3), true
		}
		i += size
	}
	return 0, 0, false
}

// A cjkScanner finds runs of Chinese characters, hiragana and katakana, in the
// range that DeepSeek names.
type cjkScanner struct{}

func isDeepseekCJK(r rune) bool {
	return r >= 0x4e00 && r <= 0x9fa5 || r >= 0x3040 && r <= 0x30ff
}

func (cjkScanner) find(text string, from int) (start, end int, ok bool) {
	for i := from; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if !isDeepseekCJK(r) {
			i += size
			continue
		}
		start = i
		for i += size; i < len(text); i += size {
			if r, size = utf8.DecodeRuneInString(text[i:]); !isDeepseekCJK(r) {
				break
			}
		}
		return start, i, true
	}
	return 0, 0, false
}

// A deepseekScanner cuts what DeepSeek's third pattern matches; it leaves some
// characters out (numbers and controls before no letter).
type deepseekScanner struct{ classes *runeTable }

func (s *deepseekScanner) find(text string, from int) (start, end int, ok bool) {
	for i := from; i < len(text); {
		if e := s.end(text, i); e > i {
			return i, e, true
		}
		_, size := s.classes.at(text, i)
		i += size
	}
	return 0, 0, false
}

func isASCIILetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

func isASCIIPunct(b byte) bool {
	return b > ' ' && b < 0x7f && !isASCIILetter(b) && (b < '0' || b > '9')
}

// end returns i where the pattern does not match.
func (s *deepseekScanner) end(text string, i int) int {
	t := s.classes
	if isASCIIPunct(text[i]) && i+1 < len(text) && isASCIILetter(text[i+1]) {
		e := i + 2
		for e < len(text) && isASCIILetter(text[e]) {
			e++
		}
		return e
	}
	const word = classLetter | classMark
	class, size := t.at(text, i)
	if class&word != 0 {
		return t.run(text, i+size, word)
	}
	next, nextSize := t.at(text, i+size)
	if class&(classPunct|classLine) == 0 && next&word != 0 {
		return t.run(text, i+size+nextSize, word)
	}
	if class&classPunct != 0 || text[i] == ' ' && next&classPunct != 0 {
		return t.run(text, t.run(text, i+size, classPunct), classLine)
	}
	if class&classSpace != 0 {
		return t.spaces(text, i)
	}
	return i
}
