package tokenize

import "unicode/utf8"

// A finder looks for the next match of a split pattern: find returns where the
// first match at or after from lies, or ok false. Text is valid UTF-8.
type finder interface {
	find(text string, from int) (start, end int, ok bool)
}

// The patterns that have a scanner of their own, as they stand in the files.
const (
	contractions = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
	wordTail     = `| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	caseTail     = `| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	caseLower    = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`
	caseUpper    = `|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`

	patternLlama3 = contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}` + wordTail
	patternQwen2  = contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}` + wordTail
	patternQwen35 = contractions + `|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	patternO200k  = caseLower + contractions + `?` + caseUpper + contractions + `?|\p{N}{1,3}` + caseTail
	patternTekken = caseLower + caseUpper + `|\p{N}` + caseTail
	patternGPT2   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

	patternDeepseekDigits = `\p{N}{1,3}`
	patternDeepseekCJK    = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
	patternDeepseekWords  = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
)

// scannerFor gives the scanner of a pattern that has one.
func scannerFor(pattern string) (finder, bool) {
	c := classes()
	switch pattern {
	case patternLlama3:
		return &wordScanner{c, 3, classLetter}, true
	case patternQwen2:
		return &wordScanner{c, 1, classLetter}, true
	case patternQwen35:
		return &wordScanner{c, 1, classLetter | classMark}, true
	case patternO200k:
		return &caseScanner{c, 3, true}, true
	case patternTekken:
		return &caseScanner{c, 1, false}, true
	case patternGPT2:
		return &gpt2Scanner{c}, true
	case patternDeepseekDigits:
		return &digitScanner{c}, true
	case patternDeepseekCJK:
		return cjkScanner{}, true
	case patternDeepseekWords:
		return &deepseekScanner{c}, true
	}
	return nil, false
}

// at gives the class and the length of the character at i, 0 and 0 at the end.
func (t *runeTable) at(text string, i int) (class uint8, size int) {
	if i >= len(text) {
		return 0, 0
	}
	if b := text[i]; b < utf8.RuneSelf {
		return t[0][b], 1
	}
	r, size := utf8.DecodeRuneInString(text[i:])
	return t.get(r), size
}

// run goes over characters of any of the classes.
func (t *runeTable) run(text string, i int, any uint8) int {
	for i < len(text) {
		class, size := t.at(text, i)
		if class&any == 0 {
			break
		}
		i += size
	}
	return i
}

// runNot goes over characters of none of the classes.
func (t *runeTable) runNot(text string, i int, none uint8) int {
	for i < len(text) {
		class, size := t.at(text, i)
		if class&none != 0 {
			break
		}
		i += size
	}
	return i
}

// digits goes over at most limit numbers.
func (t *runeTable) digits(text string, i, limit int) int {
	for ; limit > 0; limit-- {
		class, size := t.at(text, i)
		if class&classNumber == 0 {
			break
		}
		i += size
	}
	return i
}

// spaces ends the match of \s*[\r\n]+|\s+(?!\S)|\s+ at i, where white space is.
func (t *runeTable) spaces(text string, i int) int {
	line, last, end := -1, i, i
	for end < len(text) {
		class, size := t.at(text, end)
		if class&classSpace == 0 {
			break
		}
		last = end
		end += size
		if class&classLine != 0 {
			line = end
		}
	}
	switch {
	case line >= 0:
		return line
	case end == len(text) || last == i:
		return end
	}
	return last
}

// spacesPlain ends the match of \s+(?!\S)|\s+ at i, where white space is.
func (t *runeTable) spacesPlain(text string, i int) int {
	last, end := i, i
	for end < len(text) {
		class, size := t.at(text, end)
		if class&classSpace == 0 {
			break
		}
		last = end
		end += size
	}
	if end == len(text) || last == i {
		return end
	}
	return last
}

// contraction ends the match of (?i:'s|'t|'re|'ve|'m|'ll|'d) at i, or returns
// i. The long s goes for an s, as it does in the library.
func contraction(text string, i int) int {
	if i+1 >= len(text) || text[i] != '\'' {
		return i
	}
	a := text[i+1] | 0x20
	switch a {
	case 's', 't', 'm', 'd':
		return i + 2
	case 'r', 'v', 'l':
		if i+2 < len(text) {
			if b := text[i+2] | 0x20; (a == 'l' && b == 'l') || (a != 'l' && b == 'e') {
				return i + 3
			}
		}
	}
	if i+2 < len(text) && text[i+1:i+3] == "ſ" {
		return i + 3
	}
	return i
}
