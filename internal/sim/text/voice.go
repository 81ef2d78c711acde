package text

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tokmeter/internal/tokenize"
)

// A Voice is what one tokenizer's model can say. It never changes after it was
// made and may be used from many goroutines at once.
type Voice struct {
	tok    *tokenize.Tokenizer
	eos    int
	think  int // closes the reasoning; -1: no token does
	blank  Token
	tokens []Token // of all units, one after the other
	units  []unit
	mid    [classes]span // units that follow a word in a sentence
	begin  [classes]span // units that begin a sentence after another
	para   [classes]span // units that begin a paragraph
	first  [classes]span // units that begin an answer
	calm   span          // adverbs that may stand before every sign
	plain  bool          // there are words enough for sentences
	others []Token       // tokens with different texts, for alternatives
}

// A unit is a word or a sign: one token or, where it cannot be helped, several.
type unit struct {
	from, to uint32 // in Voice.tokens
	vowel    bool   // it begins with one
	an       bool   // it is the article "an"
	frail    bool   // it must not stand before a comma or a full stop
}

// A span is some of Voice.units.
type span struct{ from, to uint16 }

// NewVoice finds the words that tok says well: those that are one token, that
// the tokenizer makes again of their text, and where there are too few of a
// kind, longer ones. It never fails: a tokenizer without words says its tokens.
func NewVoice(tok *tokenize.Tokenizer) *Voice {
	v := &Voice{tok: tok, eos: findToken(tok, ends()), think: findToken(tok, []string{"</think>", "[/THINK]"})}
	v.plain = true
	l := newLexicon(tok)
	for c := range classes {
		v.mid[c] = v.add(l.best(c, place{left: "and", lead: " ", right: " and"}))
		v.begin[c] = v.add(l.best(c, place{left: "and.", lead: " ", right: " and", capital: true}))
		v.para[c] = v.add(l.best(c, place{left: "and.\n\n", right: " and", capital: true}))
		v.first[c] = v.add(l.best(c, place{right: " and", capital: true}))
		if v.mid[c].empty() && c != accented && c != symbolics && c != pause {
			v.plain = false
		}
	}
	for _, c := range openers() {
		if v.begin[c].empty() || v.first[c].empty() {
			v.plain = false
		}
		if v.para[c].empty() {
			v.mid[pause] = span{}
		}
	}
	if v.mid[pause].empty() {
		v.mid[pause] = v.mid[stop]
	}
	v.calm = v.add(slices.DeleteFunc(l.best(manner, place{left: "and", lead: " ", right: " and"}), func(f found) bool { return f.frail }))
	if !v.plain {
		v.sayTokens()
	}
	v.blank = v.findBlank()
	seen := map[string]bool{"": true}
	for _, t := range v.tokens {
		if !seen[t.Text] {
			seen[t.Text] = true
			v.others = append(v.others, t)
		}
	}
	return v
}

// EOS is the id of the end-of-sequence token, or -1 where the tokenizer has
// none; the answer's last token is an ordinary one then.
func (v *Voice) EOS() int { return v.eos }

// openers are the classes that begin sentences.
func openers() []class { return []class{detOne, detMany, article, pronoun, pronounMany, opener} }

// ends are the names under which models end an answer; that of a turn before
// that of a document.
func ends() []string {
	return []string{"<|eot_id|>", "<|im_end|>", "<|return|>", "<end_of_turn>", "<|end|>", "<｜end▁of▁sentence｜>",
		"<|end_of_text|>", "<|endoftext|>", "</s>", "<eos>", "[SEP]"}
}

func findToken(tok *tokenize.Tokenizer, names []string) int {
	for _, name := range names {
		if id, ok := tok.TokenToID(name); ok {
			return id
		}
	}
	return -1
}

func (s span) empty() bool { return s.from == s.to }

// add keeps the units and returns where they are.
func (v *Voice) add(found []found) span {
	s := span{from: uint16(len(v.units))}
	for _, f := range found {
		r, _ := utf8.DecodeRuneInString(strings.TrimSpace(f.word))
		v.units = append(v.units, unit{
			from: uint32(len(v.tokens)), to: uint32(len(v.tokens) + len(f.tokens)),
			vowel: strings.ContainsRune("aeiou", unicode.ToLower(r)) && !strings.HasPrefix(f.word, "us") && f.word != "one" || f.word == "honest",
			an:    strings.EqualFold(f.word, "an"),
			frail: f.frail,
		})
		v.tokens = append(v.tokens, f.tokens...)
	}
	s.to = uint16(len(v.units))
	return s
}

// maxTokens bounds the tokens of a voice without words.
const maxTokens = 4096

// sayTokens makes units of the vocabulary's tokens that decode to whole text,
// for a tokenizer that lacks the words of sentences.
func (v *Voice) sayTokens() {
	special := map[int]bool{}
	for _, id := range v.tok.SpecialIDs() {
		special[id] = true
	}
	v.tokens, v.units = nil, nil
	for id := 0; id < v.tok.VocabSize() && len(v.units) < maxTokens; id++ {
		text := v.tok.Decode([]int{id}, true)
		if special[id] || text == "" || strings.ContainsRune(text, utf8.RuneError) {
			continue
		}
		v.add([]found{{word: "x", tokens: []Token{{ID: id, Text: text}}}})
	}
	if len(v.units) == 0 {
		v.add([]found{{word: "x", tokens: []Token{{}}}})
	}
}

// findBlank finds the token that fills an answer up after its end where no end
// of sequence is known.
func (v *Voice) findBlank() Token {
	if v.eos >= 0 {
		return Token{ID: v.eos}
	}
	for _, s := range []string{"\n", " "} {
		if ids := v.tok.Encode(s, false); len(ids) == 1 && v.tok.Decode(ids, true) == s {
			return Token{ID: ids[0], Text: s}
		}
	}
	return v.tokens[0]
}

// Texts returns what each id adds to the text of those before it, as a stream
// of them shows it. Special tokens add nothing where skipSpecial is set.
func (v *Voice) Texts(ids []int, skipSpecial bool) []string {
	d := detokenizer{tok: v.tok, skip: skipSpecial}
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = d.next(id)
	}
	return out
}
