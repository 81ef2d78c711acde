package sched

import "slices"

// decide2024 is one step of vLLM V0 as it was in mid-2024 (0.4 and 0.5,
// Scheduler._schedule_default). Prompts come first, and a step with prompts has
// nothing else: decoding stands still meanwhile. Only without any prompt to
// admit does every running request get its next token.
func (s *Scheduler) decide2024(st *Step) {
	s.admit2024(st)
	if len(st.Shares) == 0 {
		s.decode2024(st)
	}
	s.advance(st)
}

// admit2024 is _schedule_prefills: whole prompts from the head of the queue
// while they fit the token budget, the running requests and the blocks, of which
// 1 % stay free (BlockSpaceManagerV1.can_allocate). A request whose adapter does
// not fit among those that run is set aside. The output of a preempted request
// counts as prompt.
func (s *Scheduler) admit2024(st *Step) {
	budget := s.cfg.MaxBatchedTokens
	s.inStep = 0
	for _, r := range s.running {
		s.useAdapter(r.adapter)
	}
	s.resumed, s.resumedHits, s.skipped, s.hitBlocks = s.resumed[:0], s.resumedHits[:0], s.skipped[:0], s.hitBlocks[:0]
	for s.waiting.len() > 0 {
		r := s.waiting.first()
		n := r.tokens()
		if s.pool.free-s.blocksFor(n) < s.watermark {
			break
		}
		if s.setAside(r) {
			continue
		}
		if n > budget || len(s.running) >= s.cfg.MaxSeqs {
			break
		}
		s.start(st, s.waiting.pop(), 0, n, false)
		budget -= n
	}
	s.putBack(st)
}

// decode2024 is _schedule_running: each running request, by arrival, gets one
// token. One free block must be there for it, needed or not
// (BlockSpaceManagerV1.can_append_slots); else the last is preempted and will
// compute everything anew.
func (s *Scheduler) decode2024(st *Step) {
	slices.SortStableFunc(s.running, func(a, b *Request) int {
		switch {
		case a.Arrival < b.Arrival:
			return -1
		case a.Arrival > b.Arrival:
			return 1
		}
		return int(a.added) - int(b.added)
	})
	for i := 0; i < len(s.running); i++ {
		r := s.running[i]
		for s.pool.free < 1 {
			last := len(s.running) - 1
			v := s.running[last]
			s.running[last] = nil
			s.running = s.running[:last]
			s.preempt(v, false)
			st.Preempted = append(st.Preempted, v)
			if v == r {
				return
			}
		}
		if need := s.blocksFor(r.Computed+1) - len(r.blocks); need > 0 {
			r.blocks = s.pool.take(need, r.blocks)
		}
		st.Shares = append(st.Shares, Share{Request: r, Tokens: 1, Context: r.Computed})
	}
}
