package load

import "tokmeter/internal/record"

// settle decides which events carried tokens and how many, and fills the
// counts and moments of the record.
func (t *tally) settle() {
	t.refuse()
	var s sums
	for m := range t.marks.all() {
		s.add(m)
	}
	r := t.rec
	r.UsageAlone = t.alone.Present
	r.OutputTokens = t.total(&s)
	r.PromptTokens = t.prompt()
	u := t.usage()
	r.CachedTokens, r.CachedTold = u.Cached, u.HasCached
	v := t.verdict(&s)
	t.fill(v, v.events(&t.marks))
}

// sums are the totals over the events of an answer.
type sums struct {
	texts, blanks, finals int // choices with text; without, before the end and at it
	counted, ids          int // tokens by running usage, token ids
}

func (s *sums) add(m *mark) {
	switch {
	case m.is&isText != 0:
		s.texts += int(m.units)
	case m.is&isBlank != 0 && m.is&isFinal != 0:
		s.finals += int(m.units)
	case m.is&isBlank != 0:
		s.blanks += int(m.units)
	}
	s.counted += int(m.counted)
	s.ids += int(m.ids)
}

// prompt is the number of prompt tokens and where it comes from.
func (t *tally) prompt() record.Count {
	switch {
	case t.alone.Prompt > 0:
		return record.Count{N: t.alone.Prompt, From: record.FromUsage}
	case t.attached.Prompt > 0:
		return record.Count{N: t.attached.Prompt, From: record.FromUsage}
	case t.promptIDs > 0:
		return record.Count{N: t.promptIDs, From: record.FromTokenIDs}
	case t.rec.WantPrompt > 0:
		return record.Count{N: t.rec.WantPrompt, From: record.FromAsked}
	}
	return record.Count{}
}

// A verdict says which events carried tokens.
type verdict struct {
	by     basis
	blanks int // how many of the blanks before the end are tokens, the first ones
	finals int // how many of the blanks at the end are tokens, the first ones
	each   bool
}

// A basis is what the count in an event is taken from.
type basis uint8

const (
	byTotal   basis = iota // one a text where each is set, else not known
	byRunning              // the running usage
	byIDs                  // the token ids
)

// verdict chooses the basis. Where the total leaves no choice, every event of
// it has one token; where it does, the counts in the events are not known.
func (t *tally) verdict(s *sums) verdict {
	total, came := t.rec.OutputTokens, t.rec.OutputTokens.N-t.rec.Unstreamed
	switch {
	case s.counted > 0 && s.counted == came && !t.noUsage:
		return verdict{by: byRunning}
	case s.ids > 0 && s.ids <= came && !t.noIDs:
		return verdict{by: byIDs}
	case total.N == 0, total.From == record.FromEvents:
		return verdict{}
	}
	need := came - s.texts
	v := verdict{
		blanks: min(max(need, 0), s.blanks),
		finals: min(max(need-s.blanks, 0), s.finals),
	}
	v.each = need == 0 || need == s.blanks || need == s.blanks+s.finals
	return v
}

// tokens returns whether the event carried tokens and how many (0: not known).
// It uses up the blanks of v.
func (v *verdict) tokens(m *mark) (n uint16, carries bool) {
	switch v.by {
	case byRunning:
		return m.counted, m.counted > 0
	case byIDs:
		return m.ids, m.ids > 0
	}
	switch left := &v.blanks; {
	case m.is&isText != 0:
	case m.is&isBlank == 0:
		return 0, false
	default:
		if m.is&isFinal != 0 {
			left = &v.finals
		}
		if *left == 0 {
			return 0, false
		}
		*left = max(*left-int(m.units), 0)
	}
	if v.each {
		return m.units, true
	}
	return 0, true
}

// events counts the events that carry tokens.
func (v verdict) events(all *marks) (n int) {
	for m := range all.all() {
		if _, carries := v.tokens(m); carries {
			n++
		}
	}
	return n
}

// fill writes the n events that carry tokens, and the others, into the record.
func (t *tally) fill(v verdict, n int) {
	r := t.rec
	r.Events, r.PerEvent, r.Bare = nil, nil, nil
	if n > 0 {
		r.Events, r.PerEvent = make([]record.Stamp, 0, n), make([]uint16, 0, n)
	}
	if t.marks.n > n {
		r.Bare = make([]record.Stamp, 0, t.marks.n-n)
	}
	thinks := false
	for m := range t.marks.all() {
		thinks = thinks || m.is&(isText|isAnswer) == isText
	}
	for m := range t.marks.all() {
		k, carries := v.tokens(m)
		if !carries {
			r.Bare = append(r.Bare, m.at)
			continue
		}
		r.Events, r.PerEvent = append(r.Events, m.at), append(r.PerEvent, k)
		// A blank beside reasoning may be a part of either, so only text
		// begins the answer there.
		if r.FirstAnswer == 0 && (!thinks || m.is&isAnswer != 0) {
			r.FirstAnswer = m.at
		}
	}
	if n > 0 {
		r.FirstToken, r.LastToken = r.Events[0], r.Events[n-1]
	}
}
