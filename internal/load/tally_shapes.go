package load

// leastWords is how many events with text it takes to tell by their shape whether
// they are tokens.
const leastWords = 5

// shapes are what the texts of events look like. Events that carry several tokens
// each have white space between words, in some of them at least; single tokens
// have it at one end only.
type shapes struct {
	words   int  // of letters alone, with white space at one end
	several bool // some text has white space between other characters
}

func (s *shapes) add(text []byte) {
	from, to := 0, len(text)
	for from < to && isBlankByte(text[from]) {
		from++
	}
	for to > from && isBlankByte(text[to-1]) {
		to--
	}
	letters := to > from
	for _, b := range text[from:to] {
		if isBlankByte(b) {
			s.several = true
			return
		}
		letters = letters && (b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z')
	}
	if letters && to-from < len(text) {
		s.words++
	}
}

// single reports whether the texts are single tokens, as far as their shape tells:
// none has two words, and at least half of them are whole ones. Text of a
// language without white space, code and numbers tell nothing.
func (s *shapes) single(texts int) bool {
	return texts >= leastWords && !s.several && 2*s.words >= texts
}

func isBlankByte(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }
