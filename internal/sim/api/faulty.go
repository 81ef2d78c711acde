package api

import (
	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/fault"
	"tokmeter/internal/sim/text"
)

// decide draws what goes wrong with the request.
func (s *API) decide(a *answer) *call.Error {
	set, err := s.in.Settings().Faults.With(a.call.Header.Get(fault.Header))
	if err != nil {
		return call.BadRequest("", "%s: %v", fault.Header, err)
	}
	if len(set) == 0 || len(a.items) == 0 {
		return nil
	}
	hash := text.Hash(a.items[0].IDs)
	a.decision = set.Decide(s.in.Options.Seed, fault.Key{Prompt: hash, Ordinal: s.ordinal(hash), Uptime: s.in.Uptime()})
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
		a.call.Reset()
		return false, true
	case d.Status != 0:
		header, body := d.Answer(a.api.in.MaxLen)
		var lines []string
		if header != "" {
			lines = append(lines, header[:len(header)-2])
		}
		return a.call.ReplyBytes(d.Status, "application/json", body, lines...), true
	}
	return false, false
}

// ordinal counts the requests of one prompt.
func (s *API) ordinal(hash uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[uint64]int{}
	}
	n := s.seen[hash]
	s.seen[hash] = n + 1
	return n
}
