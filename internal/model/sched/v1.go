package sched

import "slices"

// decideV1 is one call of vLLM's V1 Scheduler.schedule: running requests in
// order, then, if nothing was preempted, waiting ones from the head.
func (s *Scheduler) decideV1(st *Step) {
	threshold := s.threshold()
	budget, prefill := s.scheduleRunning(st, s.cfg.MaxBatchedTokens, threshold)
	s.countAdapters(st)
	if len(st.Preempted) == 0 {
		s.admit(st, budget, threshold, prefill)
	}
	s.advance(st)
}

// threshold is what a long prompt is cut to in this step, 0 for no cut: it is
// off when there is one request, and, adaptive, at least a fair share.
func (s *Scheduler) threshold() int {
	t, n := s.cfg.LongPrefillThreshold, len(s.running)+s.waiting.len()
	if t == 0 || n <= 1 {
		return 0
	}
	if s.cfg.LongPrefillAdaptive {
		return max(t, s.cfg.MaxBatchedTokens/n)
	}
	return t
}

// scheduleRunning gives tokens to the running requests and returns the budget
// left and whether one of them computes its prompt.
func (s *Scheduler) scheduleRunning(st *Step, budget, threshold int) (left int, prefill bool) {
	s.inStep = 0
	for i := 0; i < len(s.running) && budget > 0; {
		r := s.running[i]
		if r.pending > 0 && r.Computed+2-r.pending >= len(r.Prompt)+r.MaxOutput {
			i++ // the steps in flight bring it to its last token for sure
			continue
		}
		n := len(r.Prompt) + len(r.Output) + r.spec + r.pending - r.Computed
		if threshold > 0 && threshold < n {
			n = threshold
		}
		n = min(n, budget, s.cfg.MaxModelLen-r.Computed-1)
		if n <= 0 || s.tooMany(r.adapter) {
			i++
			continue
		}
		if slots := min(r.Computed+n+s.lookahead, s.cfg.MaxModelLen); slots > len(r.blocks)*s.cfg.BlockSize {
			need := s.blocksFor(slots) - len(r.blocks)
			for need > s.pool.free {
				victim := s.victim()
				if victim < i {
					i--
				}
				v := s.running[victim]
				budget += s.refund(st, v)
				s.running = slices.Delete(s.running, victim, victim+1)
				s.preempt(v, false)
				st.Preempted = append(st.Preempted, v)
				if v == r {
					return budget, prefill
				}
			}
			r.blocks = s.pool.take(need, r.blocks)
		}
		total := len(r.Prompt) + len(r.Output)
		s.cacheTo(r, min(r.Computed+n, total))
		drafts := 0
		if r.spec > 0 {
			drafts = min(max(r.Computed+n-total-r.pending, 0), r.spec)
			r.spec = 0
		}
		st.Shares = append(st.Shares, Share{Request: r, Tokens: n, Context: r.Computed, Drafts: drafts})
		r.at = s.tick
		s.useAdapter(r.adapter)
		prefill = prefill || r.chunk
		budget -= n
		i++
	}
	return budget, prefill
}

// victim is the place in the running list of the request to preempt: the last,
// or by priority the first of those with the greatest priority and arrival.
func (s *Scheduler) victim() int {
	last := len(s.running) - 1
	if s.cfg.Policy == FCFS {
		return last
	}
	worst := 0
	for i, r := range s.running {
		w := s.running[worst]
		if r.Priority > w.Priority || r.Priority == w.Priority && r.Arrival > w.Arrival {
			worst = i
		}
	}
	return worst
}

// refund takes back what a victim was given in this step.
func (s *Scheduler) refund(st *Step, v *Request) int {
	if v.at != s.tick {
		return 0
	}
	for k := len(st.Shares) - 1; k >= 0; k-- {
		if st.Shares[k].Request == v {
			n := st.Shares[k].Tokens
			st.Shares = slices.Delete(st.Shares, k, k+1)
			return n
		}
	}
	return 0
}

// countAdapters counts the different adapters of the step so far, without those
// of victims.
func (s *Scheduler) countAdapters(st *Step) {
	if s.cfg.MaxAdapters == 0 {
		return
	}
	s.inStep = 0
	s.tick++
	for i := range st.Shares {
		s.useAdapter(st.Shares[i].Request.adapter)
	}
}

func (s *Scheduler) useAdapter(id int32) {
	if id > 0 && s.cfg.MaxAdapters > 0 && s.seen[id] != s.tick {
		s.seen[id] = s.tick
		s.inStep++
	}
}

// tooMany reports whether the step has no room for another adapter. Among running
// requests that happens only where one was passed over for a step and another
// admitted, with speculation near the model length; vLLM fails there.
func (s *Scheduler) tooMany(id int32) bool {
	return id > 0 && s.cfg.MaxAdapters > 0 && s.inStep >= s.cfg.MaxAdapters && s.seen[id] != s.tick
}

// setAside takes the first waiting request aside, if it cannot run in this step
// whatever room there is: its adapter does not fit, or output from before its
// preemption is still in flight.
func (s *Scheduler) setAside(r *Request) bool {
	if !(r.stale > 0 && !r.drop || s.tooMany(r.adapter)) {
		return false
	}
	s.skipped = append(s.skipped, s.waiting.pop())
	if !r.aside {
		r.aside = true
		s.deferred++
	}
	return true
}

// attend ends that r counts as set aside.
func (s *Scheduler) attend(r *Request) {
	if r.aside {
		r.aside = false
		s.deferred--
	}
}

// admit moves waiting requests to the running list while they fit. The first
// that does not fit ends it.
func (s *Scheduler) admit(st *Step, budget, threshold int, prefill bool) {
	s.resumed, s.resumedHits, s.skipped = s.resumed[:0], s.resumedHits[:0], s.skipped[:0]
	running := len(st.Shares)
	for budget > 0 && s.waiting.len() > 0 && len(s.running) < s.cfg.MaxSeqs {
		r := s.waiting.first()
		if s.setAside(r) {
			continue
		}
		hit := s.lookUp(r)
		n := r.tokens() - hit
		// vLLM fills a decode up to the others' width, so that one graph serves all
		padded := s.cfg.Drafts > 0 && n == 1 && !prefill && (running > 0 || hit > 0) &&
			hit+2+s.cfg.Drafts <= s.cfg.MaxModelLen && (threshold == 0 || threshold > s.cfg.Drafts)
		if padded {
			n = 1 + s.cfg.Drafts
			if n > budget {
				break
			}
		}
		if threshold > 0 && threshold < n {
			n = threshold
		}
		if !s.cfg.ChunkedPrefill && n > budget {
			break
		}
		n = min(n, budget)
		if !s.fits(r, hit, n) {
			break
		}
		s.start(st, s.waiting.pop(), hit, n, padded)
		budget -= n
	}
	s.putBack(st)
}

// putBack returns those that were set aside to the head of the queue, in their
// order, and lists the resumed behind the new.
func (s *Scheduler) putBack(st *Step) {
	for i := len(s.skipped) - 1; i >= 0; i-- {
		s.waiting.unshift(s.skipped[i])
	}
	st.Resumed, st.Hits = append(st.Resumed, s.resumed...), append(st.Hits, s.resumedHits...)
}

// lookUp finds the longest run of cached blocks at the start of r, in hitBlocks,
// and returns its tokens. At least one token is left to compute.
func (s *Scheduler) lookUp(r *Request) int {
	s.hitBlocks = s.hitBlocks[:0]
	if !s.pool.caching {
		return 0
	}
	most := (r.tokens() - 1) / s.cfg.BlockSize
	for k := range most {
		if k >= len(r.hashes) {
			s.hashTo(r, k+1)
		}
		b := s.pool.find(r.hashes[k])
		if b == 0 {
			break
		}
		s.hitBlocks = append(s.hitBlocks, b)
	}
	if n := len(s.hitBlocks); s.cfg.DraftHead && n > 0 {
		s.hitBlocks = s.hitBlocks[:n-1]
	}
	return len(s.hitBlocks) * s.cfg.BlockSize
}

// fits reports whether there are blocks for r's admission: for all its tokens,
// if the full prompt is reserved, and for the n it would compute now.
func (s *Scheduler) fits(r *Request, hit, n int) bool {
	watermark := 0
	if len(s.running) > 0 {
		watermark = s.watermark
	}
	extra := s.pool.idle(s.hitBlocks) + watermark
	have := len(s.hitBlocks)
	if s.cfg.ReserveFullPrompt {
		full := min(r.tokens(), s.cfg.MaxModelLen)
		if max(s.blocksFor(full)-have, 0)+extra > s.pool.free {
			return false
		}
	}
	slots := min(hit+n+s.lookahead, s.cfg.MaxModelLen)
	return max(s.blocksFor(slots)-have, 0)+extra <= s.pool.free
}

// start admits r: it takes the blocks that were hit and those of n more tokens.
func (s *Scheduler) start(st *Step, r *Request, hit, n int, padded bool) {
	s.attend(r)
	s.pool.touch(s.hitBlocks)
	if r.blocks == nil {
		r.blocks = pop(&s.spareBlocks)
	}
	if r.Output == nil {
		r.Output = make([]int, 0, min(r.MaxOutput, 64))
	}
	r.blocks = append(r.blocks[:0], s.hitBlocks...)
	r.cached = len(r.blocks)
	if need := s.blocksFor(min(hit+n+s.lookahead, s.cfg.MaxModelLen)) - len(r.blocks); need > 0 {
		r.blocks = s.pool.take(need, r.blocks)
	}
	s.cacheTo(r, min(hit+n, r.tokens()))
	s.recordHit(r, hit)
	if r.status == waiting {
		r.Cached = hit
		st.New, st.Hits = append(st.New, r), append(st.Hits, hit)
	} else {
		s.resumed, s.resumedHits = append(s.resumed, r), append(s.resumedHits, hit)
	}
	s.running = append(s.running, r)
	r.status, r.Computed, r.at = running, hit, s.tick
	s.useAdapter(r.adapter)
	share := Share{Request: r, Tokens: n, Context: hit, padded: padded}
	if padded {
		share.Drafts = s.cfg.Drafts
	}
	st.Shares = append(st.Shares, share)
}

func (s *Scheduler) recordHit(r *Request, hit int) {
	if !s.pool.caching {
		return
	}
	if p := &s.prefix; r.Preemptions > 0 {
		p.PreemptedRequests++
		p.PreemptedQueries += r.tokens()
		p.PreemptedHits += hit
	} else {
		p.Requests++
		p.Queries += r.tokens()
		p.Hits += hit
	}
}

// advance counts the step's tokens as computed and notes who samples.
func (s *Scheduler) advance(st *Step) {
	for i := range st.Shares {
		sh := &st.Shares[i]
		r := sh.Request
		r.Computed += sh.Tokens
		r.flight += sh.Tokens
		r.chunk = r.Computed < r.tokens()+r.pending
		sh.Samples = !r.chunk
		if s.cfg.Async && !r.chunk {
			r.pending += 1 + sh.Drafts
			r.spec = s.cfg.Drafts
		}
	}
}
