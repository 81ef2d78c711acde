package load

import (
	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
)

// usage is what the server said of the whole answer: in an event of its own, or
// in the last one with a choice.
func (t *tally) usage() protocol.Usage {
	if t.alone.Present {
		return t.alone
	}
	return t.attached
}

// said is the server's count of output tokens, 0 for none: usage in an event of
// its own covers all choices; usage in the events of choices covers one choice
// each. Where it fell it counts something else than the answer so far.
func (t *tally) said() (n int) {
	if n = t.alone.Completion; n > 0 {
		return n
	}
	for i := range t.choices {
		if t.choices[i].fell {
			return 0
		}
		n += t.choices[i].used
	}
	return n
}

// total is the number of output tokens and where it comes from. It notes in the
// record what the server counted less or more than it sent.
func (t *tally) total(s *sums) record.Count {
	switch n := t.said(); {
	case n > 0:
		return t.byUsage(s, n)
	case s.ids > 0 && !t.noIDs:
		return record.Count{N: s.ids, From: record.FromTokenIDs}
	case s.texts > 0:
		return record.Count{N: s.texts, From: record.FromEvents}
	}
	return record.Count{}
}

// byUsage judges the server's count by what came. There are never fewer tokens
// than events with text that the model wrote one by one: a count below that
// leaves something out, which is the reasoning where the details or the sum with
// the prompt say so.
func (t *tally) byUsage(s *sums, said int) record.Count {
	r, u := t.rec, t.usage()
	n, both := said, 0 // output tokens by the sum with the prompt's
	if u.Total > 0 && u.Prompt > 0 {
		both = u.Total - u.Prompt
	}
	if n < s.texts || t.thought {
		switch {
		case both > n && both >= s.texts:
			n = both
		case (n < s.texts || n < u.Reasoning) && n+u.Reasoning >= s.texts:
			n += u.Reasoning
		}
	}
	switch {
	case n < s.texts:
		r.Said = said
		return record.Count{N: s.texts, From: record.FromEvents}
	case n == said:
		n, r.Unstreamed = t.unstreamed(s, n, both)
	}
	if n > said {
		r.Said = said
	}
	// A token has a byte of text, stands in an event without any, or ends a choice;
	// where the events are single words, each is a token, unless usage says how many
	// each has.
	bare := s.blanks + s.finals + len(t.choices)
	alone := t.shapes.single(s.texts) && s.ids == 0 && s.counted != n && t.apart != n
	if came := n - r.Unstreamed; came > len(t.text)+t.beside+bare || alone && came > s.texts+bare {
		r.Unstreamed = n - s.texts
	}
	return record.Count{N: n, From: record.FromUsage}
}

// unstreamed is how many tokens the details or the sum with the prompt say were
// counted and never sent, and the count with them: reasoning that nobody saw is
// in the server's count n, or beside it.
func (t *tally) unstreamed(s *sums, n, both int) (total, unseen int) {
	u := t.usage()
	unseen = u.Rejected
	if !t.thought {
		unseen += u.Reasoning
	}
	switch {
	case !t.thought && both > n:
		return both, both - n
	case unseen > n-s.texts:
		return n + unseen, unseen
	}
	return n, unseen
}
