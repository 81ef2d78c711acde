package replay

import "tokmeter/internal/model/sched"

// News is what a step made that clients are to be told: tokens, and ends.
type news struct {
	tokens []told
	ended  []*slot
}

// A told is how many tokens a request got.
type told struct {
	slot *slot
	n    int
}

func (w *news) empty() bool { return len(w.tokens) == 0 && len(w.ended) == 0 }

// gather takes up what a step made once it is committed.
func (w *news) gather(st *sched.Step, done []*sched.Request) {
	for i := range st.Shares {
		q := st.Shares[i].Request
		s, ok := q.Owner.(*slot)
		if !ok || len(q.Output) == s.made {
			continue
		}
		w.tokens = append(w.tokens, told{s, len(q.Output) - s.made})
		s.made = len(q.Output)
	}
	for _, q := range done {
		w.ended = append(w.ended, q.Owner.(*slot))
	}
}

// tell hands out news at a time in seconds from the start, and empties them.
func (r *run) tell(w *news, at float64) {
	for _, x := range w.tokens {
		t := &r.result.Timings[x.slot.index]
		if x.slot.told == 0 {
			t.First = at
		}
		if r.o.Token != nil {
			r.o.Token(x.slot.index, at, x.n)
		}
		t.Last = at
		x.slot.told += x.n
		r.result.Duration = at
	}
	for _, s := range w.ended {
		t := &r.result.Timings[s.index]
		t.Output, t.Cached, t.Preemptions = len(s.req.Output), s.req.Cached, s.req.Preemptions
		if r.o.Ended != nil {
			r.o.Ended(s.index, *t)
		}
		r.leave(at)
	}
	w.tokens, w.ended = w.tokens[:0], w.ended[:0]
}
