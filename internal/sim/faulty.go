package sim

import (
	"tokmeter/internal/sim/fault"
	"tokmeter/internal/sim/text"
)

// decide draws what goes wrong with the request.
func (s *Server) decide(a *answer) *apiError {
	set, err := s.now.Load().Faults.With(a.call.Header.Get(fault.Header))
	if err != nil {
		return badRequest("", "%s: %v", fault.Header, err)
	}
	if len(set) == 0 || len(a.items) == 0 {
		return nil
	}
	hash := text.Hash(a.items[0].ids)
	a.decision = set.Decide(s.opts.Seed, fault.Key{Prompt: hash, Ordinal: s.ordinal(hash), Uptime: s.uptime()})
	if a.decision.Streams() {
		a.faults = fault.NewStream(a.decision)
	}
	return nil
}

// refuse answers a request that was drawn to be refused. done says that it was.
func (a *answer) refuse() (goesOn, done bool) {
	d := a.decision
	switch {
	case d.ResetFirst:
		a.call.reset()
		return false, true
	case d.Status != 0:
		header, body := d.Answer(a.s.maxLen)
		var lines []string
		if header != "" {
			lines = append(lines, header[:len(header)-2])
		}
		return a.call.replyBytes(d.Status, "application/json", body, lines...), true
	}
	return false, false
}

// ordinal counts the requests of one prompt.
func (s *Server) ordinal(hash uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[uint64]int{}
	}
	n := s.seen[hash]
	s.seen[hash] = n + 1
	return n
}
