package text

import "math/rand/v2"

// maxSentence is the number of units in the longest sentence and what ends it.
const maxSentence = 64

// A prose writes sentences, each when the one before it was said.
type prose struct {
	v       *Voice
	rng     rand.PCG
	accents bool
	begin   *[classes]span // of the sentence that comes
	left    int            // sentences in this paragraph
	queue   [maxSentence]uint16
	n, at   int    // units in the queue, and the one that is being said
	tok     uint32 // tokens of that unit that were said
}

func newProse(v *Voice, seed, key uint64, accents bool) prose {
	p := prose{v: v, accents: accents, begin: &v.first}
	p.rng.Seed(seed, key)
	return p
}

// next is the next token.
func (p *prose) next() *Token {
	if p.at == p.n {
		p.at, p.n = 0, 0
		p.sentence()
	}
	u := p.v.units[p.queue[p.at]]
	t := &p.v.tokens[u.from+p.tok]
	p.tok++
	if u.from+p.tok == u.to {
		p.at, p.tok = p.at+1, 0
	}
	return t
}

// below draws an integer in [0,n), for small n.
func (p *prose) below(n int) int { return int(p.rng.Uint64() >> 32 * uint64(n) >> 32) }

func (p *prose) one(s span) uint16 { return s.from + uint16(p.below(int(s.to-s.from))) }

func (p *prose) push(u uint16) {
	if p.n < maxSentence {
		p.queue[p.n] = u
		p.n++
	}
}

// say puts a word of c into the sentence.
func (p *prose) say(c class) {
	if p.n > 0 {
		if c >= comma && c <= pause && p.v.units[p.queue[p.n-1]].frail && !p.v.calm.empty() {
			p.push(p.one(p.v.calm))
		}
		p.push(p.one(p.v.mid[c]))
	} else {
		p.push(p.one(p.begin[c]))
	}
}

func (p *prose) sentence() {
	if !p.v.plain {
		p.push(uint16(p.below(len(p.v.units))))
		return
	}
	if p.left == 0 {
		p.left = 3 + p.below(5)
	}
	if p.below(5) == 0 {
		p.say(opener)
		p.say(comma)
	}
	p.clause()
	for range p.below(3) {
		p.say(comma)
		p.say(joint)
		p.clause()
	}
	p.begin = &p.v.begin
	if p.left--; p.left > 0 {
		p.say(stop)
		return
	}
	p.say(pause)
	if p.v.mid[pause] != p.v.mid[stop] {
		p.begin = &p.v.para
	}
}

func (p *prose) clause() {
	many := p.subject()
	switch p.below(6) {
	case 0:
		p.say(acted)
		if p.below(2) == 0 {
			p.say(manner)
		}
		p.say(preposition)
		p.noun()
	case 1:
		if many {
			p.say(wasMany)
		} else {
			p.say(wasOne)
		}
		p.say(adjective)
	case 2:
		p.say(modal)
		p.say(act)
		p.noun()
	default:
		p.say(actedOn)
		p.noun()
		if p.below(3) == 0 {
			p.say(preposition)
			p.noun()
		}
		if p.below(4) == 0 {
			p.say(manner)
		}
	}
}

func (p *prose) subject() (many bool) {
	switch p.below(8) {
	case 0:
		p.say(pronoun)
		return false
	case 1:
		p.say(pronounMany)
		return true
	}
	return p.noun()
}

// noun says a noun with what belongs to it and reports whether it is plural.
func (p *prose) noun() (many bool) {
	many = p.below(3) == 0
	det := -1
	switch {
	case many:
		p.say(detMany)
	case p.below(3) == 0:
		det = p.n
		p.say(article)
	default:
		p.say(detOne)
	}
	after := p.n
	if p.below(5) < 2 {
		p.say(adjective)
	}
	switch {
	case p.accents && p.below(2) == 0 && !p.v.mid[accented].empty():
		p.say(accented)
		if p.below(3) == 0 && !p.v.mid[symbolics].empty() {
			p.say(symbolics)
		}
	case many:
		p.say(nounMany)
	default:
		p.say(nounOne)
	}
	if det >= 0 && after < p.n {
		p.agree(det, p.v.units[p.queue[after]].vowel)
	}
	return many
}

// agree makes the article at i fit the word after it.
func (p *prose) agree(i int, vowel bool) {
	s := p.v.mid[article]
	if i == 0 {
		s = p.begin[article]
	}
	for u := s.from; u < s.to; u++ {
		if p.v.units[u].an == vowel {
			p.queue[i] = u
		}
	}
}
