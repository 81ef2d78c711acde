package sched

// Schedule decides the next step. Without a request that can be given tokens its
// Shares are empty. After it comes Commit, once the step is over; a second
// Schedule before that returns the same step.
//
// With Config.Async each step after the first was decided when the one before it
// began, as vLLM does: requests added and tokens sampled since then come into
// the step after it, and a request that its sampler ended has one more share,
// which is thrown away.
func (s *Scheduler) Schedule() *Step {
	if s.open {
		return &s.steps[s.cur]
	}
	s.open = true
	if !s.cfg.Async {
		s.decide(s.cur, nil)
		return &s.steps[s.cur]
	}
	other := 1 - s.cur
	if s.ahead && len(s.steps[other].Shares) > 0 {
		s.cur = other
	} else {
		// an empty step takes no time: the next is decided with all that is known
		var lost []*Request
		if s.ahead {
			lost = s.steps[other].Preempted
		}
		s.decide(s.cur, lost)
	}
	s.decide(1-s.cur, nil)
	s.ahead = true
	return &s.steps[s.cur]
}

// decide fills a step. Preempted begins with those of a step that came to nothing.
func (s *Scheduler) decide(which int, preempted []*Request) {
	s.tick++
	st := &s.steps[which]
	st.Shares, st.New, st.Resumed, st.Hits = st.Shares[:0], st.New[:0], st.Resumed[:0], st.Hits[:0]
	st.Preempted = st.Preempted[:0]
	if s.cfg.Profile == V02024 {
		s.decide2024(st)
	} else {
		s.decideV1(st)
	}
	if len(preempted) > 0 {
		st.Preempted = append(append([]*Request{}, preempted...), st.Preempted...)
	}
}

// Commit ends the step that Schedule returned: each request that samples gets
// its tokens, as many as drafts are right and one more, until it ends. It
// returns those that ended, in order of scheduling, whose blocks are free again;
// the list is valid until the next call. Without a step under way it does
// nothing.
func (s *Scheduler) Commit(m Sampler) (finished []*Request) {
	s.finished = s.finished[:0]
	if !s.open {
		return s.finished
	}
	s.open = false
	st := &s.steps[s.cur]
	left := false
	for i := range st.Shares {
		sh := &st.Shares[i]
		r := sh.Request
		r.flight -= sh.Tokens
		old := r.stale > 0
		if old {
			r.stale -= sh.Tokens
		}
		if r.status == done || old && r.drop || !sh.Samples {
			continue
		}
		was := r.status
		why := s.sample(m, r, sh, old)
		if why == Unfinished {
			continue
		}
		if was == running {
			left = true
		} else {
			s.waiting.remove(r)
		}
		s.end(r, why)
		s.finished = append(s.finished, r)
	}
	if left {
		s.dropDone()
	}
	return s.finished
}

// Busy reports whether there is anything to run: a request, or with Config.Async
// a step decided ahead that still computes for requests that have ended. A
// caller that goes on while Busy keeps the device as long as vLLM does; one that
// stops with its last request loses nothing but that step, which Add to an idle
// engine forgets.
func (s *Scheduler) Busy() bool {
	return len(s.running) > 0 || s.waiting.len() > 0 || s.ahead && len(s.steps[1-s.cur].Shares) > 0
}

// dropDone takes the ended requests out of the running list.
func (s *Scheduler) dropDone() {
	kept := s.running[:0]
	for _, r := range s.running {
		if r.status == running {
			kept = append(kept, r)
		}
	}
	clear(s.running[len(kept):])
	s.running = kept
}

// sample appends what the model says and returns whether that ends the request.
// A share from before a preemption gives its tokens but leaves the counts alone,
// which began anew.
func (s *Scheduler) sample(m Sampler, r *Request, sh *Share, old bool) Finish {
	tokens := 1
	if sh.Drafts > 0 {
		right := 0
		if !sh.padded {
			right = min(max(m.Accept(r, sh.Drafts), 0), sh.Drafts)
		}
		tokens += right
		if !old {
			if r.Computed > 0 {
				r.Computed -= sh.Drafts - right
			}
			if r.pending > 0 {
				r.pending -= sh.Drafts - right
			}
		}
	}
	why, k := Unfinished, 0
	for k < tokens && why == Unfinished {
		token, end := m.Sample(r)
		r.Output = append(r.Output, token)
		k++
		why = s.ended(r, end)
	}
	if !s.cfg.Async {
		r.spec = s.cfg.Drafts
		return why
	}
	if !old {
		r.pending -= k
	}
	if r.status == running {
		s.cacheTo(r, min(r.Computed-r.pending, r.tokens()))
	}
	return why
}

// ended says whether the token just sampled is a request's last (vLLM's
// check_stop; the sampler cannot end a request before MinOutput tokens).
func (s *Scheduler) ended(r *Request, end bool) Finish {
	switch {
	case end && len(r.Output) > r.MinOutput:
		return Stopped
	case len(r.Output) >= r.MaxOutput || r.tokens() >= s.cfg.MaxModelLen:
		return Length
	}
	return Unfinished
}
