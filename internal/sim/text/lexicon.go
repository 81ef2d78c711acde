package text

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tokmeter/internal/tokenize"
)

// A place is where in a text a word stands: what is left and right of it decides
// which tokens it becomes.
type place struct {
	left, lead, right string
	capital           bool
}

// A found word has the tokens that it becomes in its place.
type found struct {
	word   string
	tokens []Token
	frail  bool // a comma or a full stop after it makes other tokens of it
}

// silent reports whether one of its tokens adds no text.
func (f found) silent() bool {
	return slices.ContainsFunc(f.tokens, func(t Token) bool { return t.Text == "" })
}

type lexicon struct{ tok *tokenize.Tokenizer }

func newLexicon(tok *tokenize.Tokenizer) lexicon { return lexicon{tok} }

// best returns the words of a class that are said best: those of one token where
// they are a fifth of the class, else all that the tokenizer makes again.
func (l lexicon) best(c class, p place) []found {
	switch c {
	case comma, stop, pause:
		p.lead, p.capital = "", false
		if c == pause {
			p.right = "The"
		}
	}
	list := words(c)
	var all, single []found
	for _, w := range list {
		f, ok := l.find(w, p)
		if !ok {
			continue
		}
		all = append(all, f)
		if len(f.tokens) == 1 {
			single = append(single, f)
		}
	}
	if c == accented || c == symbolics {
		return all
	}
	if loud := slices.DeleteFunc(slices.Clone(all), found.silent); len(loud) > 0 {
		all = loud
	}
	if len(single) > 0 && len(single)*5 >= len(list) {
		return single
	}
	return all
}

// find returns the tokens of w in its place, if there they can be told from
// those of its neighbours and spell what they should.
func (l lexicon) find(w string, p place) (found, bool) {
	word := w
	if p.capital {
		r, n := utf8.DecodeRuneInString(word)
		word = string(unicode.ToUpper(r)) + word[n:]
	}
	before := l.tok.Encode(p.left, false)
	tail := l.tok.Encode(p.left+p.lead+"x"+p.right, false)
	short := l.tok.Encode(p.left+p.lead+"x", false)
	if p.right == "The" { // stands after a line's end, where nothing is before it
		tail, short = l.tok.Encode("\nThe", false), l.tok.Encode("\n", false)
	}
	if len(tail) <= len(short) || !slices.Equal(tail[:len(short)], short) {
		return found{}, false
	}
	tail = tail[len(short):]
	ids := l.tok.Encode(p.left+p.lead+word+p.right, false)
	if len(ids) <= len(before)+len(tail) || !slices.Equal(ids[:len(before)], before) || !slices.Equal(ids[len(ids)-len(tail):], tail) {
		return found{}, false
	}
	ids = ids[len(before) : len(ids)-len(tail)]
	d := detokenizer{tok: l.tok, skip: true}
	for _, id := range before {
		d.next(id)
	}
	f := found{word: w}
	var all strings.Builder
	for _, id := range ids {
		t := Token{ID: id, Text: d.next(id)}
		f.tokens = append(f.tokens, t)
		all.WriteString(t.Text)
	}
	f.frail = l.changes(p.left+p.lead+word, ",") || l.changes(p.left+p.lead+word, ".")
	said := strings.TrimSpace(all.String())
	return f, strings.EqualFold(said, strings.TrimSpace(word)) && (p.left == "" || len(d.held) == 0)
}

// changes reports whether a sign after s makes other tokens of s, or s of it.
func (l lexicon) changes(s, sign string) bool {
	apart := len(l.tok.Encode(s, false)) + len(l.tok.Encode("x"+sign, false)) - len(l.tok.Encode("x", false))
	return len(l.tok.Encode(s+sign, false)) != apart
}

// A detokenizer turns ids into text as they come. Text that ends inside a
// character is held until the character is whole, as the decode stream of the
// tokenizers library holds it.
type detokenizer struct {
	tok    *tokenize.Tokenizer
	skip   bool
	ids    []int
	prefix string // the text of ids[:at]
	at     int
	held   []int // ids whose text is not out
}

// next returns what id adds to the text.
func (d *detokenizer) next(id int) string {
	d.ids = append(d.ids, id)
	whole := d.tok.Decode(d.ids, d.skip)
	d.held = append(d.held, id)
	if len(whole) <= len(d.prefix) || strings.HasSuffix(whole, "\uFFFD") {
		return ""
	}
	text, ok := strings.CutPrefix(whole, d.prefix)
	if !ok { // what came changed the text before it: start again with this id
		d.ids = append(d.ids[:0], id)
		text = d.tok.Decode(d.ids, d.skip)
		d.prefix, d.at, d.held = text, len(d.ids), d.held[:0]
		return text
	}
	n := len(d.ids) - d.at
	d.ids = append(d.ids[:0], d.ids[d.at:]...)
	d.prefix, d.at, d.held = d.tok.Decode(d.ids, d.skip), n, d.held[:0]
	return text
}
