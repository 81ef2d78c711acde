package tokenize

// A wordScanner cuts as Llama 3 (three digits at a time), Qwen 2 and 3 (one) and
// Qwen 3.5 (one, and marks count as letters).
type wordScanner struct {
	classes *runeTable
	digits  int
	letters uint8
}

// find always matches at from: the pattern leaves no character out.
func (s *wordScanner) find(text string, from int) (start, end int, ok bool) {
	if from >= len(text) {
		return 0, 0, false
	}
	return from, s.end(text, from), true
}

func (s *wordScanner) end(text string, i int) int {
	t := s.classes
	if text[i] == '\'' {
		if e := contraction(text, i); e > i {
			return e
		}
	}
	class, size := t.at(text, i)
	if class&s.letters != 0 {
		return t.run(text, i+size, s.letters)
	}
	if class&classNumber != 0 {
		return t.digits(text, i, s.digits)
	}
	next, nextSize := t.at(text, i+size)
	if class&classLine == 0 && next&s.letters != 0 {
		return t.run(text, i+size+nextSize, s.letters)
	}
	word := s.letters | classNumber | classSpace
	if class&word == 0 || text[i] == ' ' && nextSize > 0 && next&word == 0 {
		e := t.runNot(text, i+size, word)
		return t.run(text, e, classLine)
	}
	return t.spaces(text, i)
}

// A caseScanner cuts as o200k (three digits at a time, contractions stay with
// their word) and Tekken (one digit, no contractions): words end where lower
// case meets upper case.
type caseScanner struct {
	classes      *runeTable
	digits       int
	contractions bool
}

func (s *caseScanner) find(text string, from int) (start, end int, ok bool) {
	if from >= len(text) {
		return 0, 0, false
	}
	return from, s.end(text, from), true
}

const (
	upperRun = classUpper | classCase | classMark
	lowerRun = classLower | classCase | classMark
)

func (s *caseScanner) end(text string, i int) int {
	t := s.classes
	class, size := t.at(text, i)
	prefix := class&(classLetter|classNumber|classLine) == 0
	word := i
	if prefix {
		word = i + size
	}
	if e := s.lower(text, word); e > word {
		return s.tail(text, e)
	}
	if prefix && class&classMark != 0 {
		if e := s.lower(text, i); e > i {
			return s.tail(text, e)
		}
	}
	if e := t.run(text, word, upperRun); e > word {
		return s.tail(text, t.run(text, e, lowerRun))
	}
	if class&classNumber != 0 {
		return t.digits(text, i, s.digits)
	}
	const plain = classLetter | classNumber | classSpace
	next, nextSize := t.at(text, i+size)
	if class&plain == 0 || text[i] == ' ' && nextSize > 0 && next&plain == 0 {
		e := t.runNot(text, i+size, plain)
		for e < len(text) && (text[e] == '\r' || text[e] == '\n' || text[e] == '/') {
			e++
		}
		return e
	}
	return t.spaces(text, i)
}

// lower ends the match of [upper]*[lower]+ at i, or returns i. The upper run
// gives characters back until one of them goes for lower case.
func (s *caseScanner) lower(text string, i int) int {
	t := s.classes
	both, e := i, i
	for e < len(text) {
		class, size := t.at(text, e)
		if class&upperRun == 0 {
			if class&lowerRun != 0 {
				return t.run(text, e, lowerRun)
			}
			break
		}
		e += size
		if class&lowerRun != 0 {
			both = e
		}
	}
	return both
}

func (s *caseScanner) tail(text string, i int) int {
	if s.contractions {
		return contraction(text, i)
	}
	return i
}

// A gpt2Scanner cuts as GPT-2 and the ByteLevel pre-tokenizer.
type gpt2Scanner struct{ classes *runeTable }

func (s *gpt2Scanner) find(text string, from int) (start, end int, ok bool) {
	if from >= len(text) {
		return 0, 0, false
	}
	return from, s.end(text, from), true
}

func (s *gpt2Scanner) end(text string, i int) int {
	t := s.classes
	if text[i] == '\'' && i+1 < len(text) {
		switch text[i+1] {
		case 's', 't', 'm', 'd':
			return i + 2
		case 'r', 'v':
			if i+2 < len(text) && text[i+2] == 'e' {
				return i + 3
			}
		case 'l':
			if i+2 < len(text) && text[i+2] == 'l' {
				return i + 3
			}
		}
	}
	class, size := t.at(text, i)
	j := i
	if text[i] == ' ' {
		if next, nextSize := t.at(text, i+1); nextSize > 0 && next&classSpace == 0 {
			class, size, j = next, nextSize, i+1
		}
	}
	switch {
	case class&classLetter != 0:
		return t.run(text, j+size, classLetter)
	case class&classNumber != 0:
		return t.run(text, j+size, classNumber)
	case class&classSpace == 0:
		return t.runNot(text, j+size, classLetter|classNumber|classSpace)
	}
	return t.spacesPlain(text, i)
}
