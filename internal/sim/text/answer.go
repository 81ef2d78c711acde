package text

import (
	"math"
	"math/rand/v2"
	"strings"
)

// An Answer is one sequence on its way. It is used by one goroutine at a time.
type Answer struct {
	v      *Voice
	ask    Ask
	prose  prose
	length int // tokens after which the model ends it; 0: never
	said   int // tokens that were sampled
	script int // tokens of the script that were said

	step    []Token // since the last Delta
	ended   bool    // the last token of step ends the sequence
	counted int     // tokens given out by Delta

	hold     holder
	out      int    // bytes of text given out by Delta
	thought  int    // bytes of text that are reasoning, once they are all said
	thinking bool   // they are not
	calls    []bool // of the script: whether their beginning was given out
}

// Answer starts the sequence that a asks for.
func (v *Voice) Answer(a Ask) *Answer {
	key := mix(a.Prompt ^ mix(uint64(a.Index)+1))
	an := &Answer{
		v: v, ask: a, prose: newProse(v, a.Seed, key, a.Accents), thinking: a.Thinking > 0,
		hold: newHolder(a.Stop, a.IncludeStop, a.MinTokens),
	}
	if a.Length.Mean > 0 && !a.IgnoreEOS {
		rng := rand.New(rand.NewPCG(a.Seed, key+1))
		an.length = max(a.Length.draw(rng), a.MinTokens, 1)
	}
	if a.Script != nil {
		an.calls = make([]bool, len(a.Script.calls))
	}
	return an
}

// draw is a length of the rule, in tokens.
func (l Length) draw(rng *rand.Rand) int {
	x := l.Mean * math.Exp(l.Sigma*rng.NormFloat64()-l.Sigma*l.Sigma/2)
	return int(math.Min(math.Max(math.Round(x), 1), 1<<30))
}

// Hash mixes a prompt's ids to the number that Ask.Prompt wants.
func Hash(ids []int) uint64 {
	h := uint64(len(ids)) + 0x9e3779b97f4a7c15
	for _, id := range ids {
		h = (h ^ uint64(id)) * 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	return h
}

// mix spreads the bits of x (the finalizer of splitmix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Next samples the next token and says whether it ends the sequence, as the
// engine does: it may be called several times before Delta. After the end it
// goes on with tokens without text.
func (a *Answer) Next() (id int, end bool) {
	t, end := a.sample()
	a.said++
	a.step = append(a.step, *t)
	a.ended = end
	return t.ID, end
}

func (a *Answer) sample() (t *Token, end bool) {
	v := a.v
	if a.said < a.ask.Thinking {
		if a.said == a.ask.Thinking-1 && v.think >= 0 {
			a.prose = newProse(v, a.ask.Seed, mix(a.ask.Prompt)+uint64(a.ask.Index), a.ask.Accents)
			return &Token{ID: v.think}, false
		}
		return a.prose.next(), false
	}
	if s := a.ask.Script; s != nil {
		if a.script < len(s.tokens) {
			a.script++
			last := a.script == len(s.tokens)
			return &s.tokens[a.script-1], last && v.eos < 0 && a.mayEnd()
		}
		return &v.blank, a.mayEnd()
	}
	if a.length > 0 {
		switch left := a.length - a.said; {
		case left <= 1 && v.eos >= 0:
			return &v.blank, true
		case left <= 1:
			return a.prose.next(), true
		case left == 2 && v.eos >= 0 && v.plain && a.said > a.ask.Thinking:
			return &v.tokens[v.units[v.mid[stop].from].from], false
		}
	}
	return a.prose.next(), false
}

// mayEnd reports whether the next token may end a script.
func (a *Answer) mayEnd() bool { return !a.ask.IgnoreEOS && a.said+1 > a.ask.MinTokens }

// Delta returns what the tokens since the last call add to the answer. finished
// says that no token follows, for whatever reason: held text comes out then.
func (a *Answer) Delta(finished bool) Delta {
	d := Delta{Tokens: a.step}
	for i := range a.step {
		t := &a.step[i]
		if a.ended && i == len(a.step)-1 && t.ID == a.v.eos {
			t.Text = ""
		}
		if a.thinking && a.counted+i == a.ask.Thinking {
			a.thinking, a.thought = false, a.hold.total
		}
		if a.hold.add(t.Text, a.counted+i+1) {
			d.Stop, d.Stopped = a.hold.found, true
			d.Tokens = a.step[:i+1]
			break
		}
	}
	text := a.hold.take(finished || d.Stopped)
	if len(a.ask.Stop) == 0 {
		text = spell(d.Tokens)
	}
	a.counted += len(d.Tokens)
	a.step = a.step[:0]
	a.cut(&d, text)
	return d
}

// spell joins the texts of tokens.
func spell(tokens []Token) string {
	if len(tokens) == 1 {
		return tokens[0].Text
	}
	var b strings.Builder
	for i := range tokens {
		b.WriteString(tokens[i].Text)
	}
	return b.String()
}

// cut divides text, which follows what was given out, into reasoning, content
// and calls.
func (a *Answer) cut(d *Delta, text string) {
	if a.thinking {
		d.Reasoning = text
		a.out += len(text)
		return
	}
	if a.out < a.thought {
		n := min(len(text), a.thought-a.out)
		d.Reasoning, text = text[:n], text[n:]
		a.out += n
	}
	from := a.out - a.thought
	a.out += len(text)
	if len(a.calls) == 0 {
		d.Text = text
		return
	}
	to := a.out - a.thought
	for i, c := range a.ask.Script.calls {
		start := !a.calls[i] && to >= c.ready
		lo, hi := max(from, c.from), min(to, c.to)
		if !start && (lo >= hi || !a.calls[i]) {
			continue
		}
		delta := CallDelta{Index: i, Start: start}
		if start {
			delta.ID, delta.Name = c.id, c.name
			a.calls[i] = true
		}
		if lo < hi {
			delta.Arguments = text[lo-from : hi-from]
		}
		d.Calls = append(d.Calls, delta)
	}
	d.Silent = len(d.Calls) == 0 && d.Reasoning == ""
}

// Tokens is how many tokens the answer has, those after a stop string not
// counted: what usage reports.
func (a *Answer) Tokens() int { return a.counted }

// ReasoningTokens is how many of them are reasoning.
func (a *Answer) ReasoningTokens() int { return min(a.counted, a.ask.Thinking) }

// A Logprob is one row of a token's log probabilities.
type Logprob struct {
	Token
	Value float64 // natural logarithm of the probability
}

// Logprobs appends to dst the sampled token's log probability and, after it,
// those of k-1 other tokens, falling. The sampled token is always the likeliest.
// pos is its position in the answer. Probabilities are made up; they sum to no
// more than 1.
func (a *Answer) Logprobs(dst []Logprob, pos int, t Token, k int) []Logprob {
	h := mix(a.ask.Seed ^ mix(a.ask.Prompt^uint64(pos)<<20^uint64(a.ask.Index)))
	p := 0.35 + 0.6*float64(h>>11)/(1<<53)
	dst = append(dst, Logprob{t, math.Log(p)})
	others := a.v.others
	rest := math.Min(p, 1-p)
	at := int(h % uint64(len(others)))
	for n := 0; n < len(others) && k > 1; n++ {
		o := others[at]
		at = (at + 1) % len(others)
		if o.ID == t.ID || o.Text == t.Text {
			continue
		}
		rest /= 2
		dst = append(dst, Logprob{o, math.Log(math.Max(rest, 1e-300))})
		k--
	}
	return dst
}
