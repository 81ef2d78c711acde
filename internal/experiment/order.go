package experiment

import (
	"slices"

	"tokmeter/internal/compare"
)

// A turn is a variant's time with its engine up: the runs of one round, or the
// search of the highest rate after the last one.
type turn struct {
	variant int
	round   int
	search  bool
	loads   []compare.Load
}

// turns lists them in the order in which one engine after the other has the
// machine: A B C D, D C B A, A B C D, …, so that a drift of the machine meets
// all variants alike. A round ends with the variant that the next one begins
// with: its engine stays up. Loads turn round in the same way, for a load that
// is always last would meet a warmer card.
func (s *Spec) turns() []turn {
	var out []turn
	loads := s.Loads
	pass := func(round int, search bool) {
		part := make([]turn, len(s.Variants))
		for i := range part {
			part[i] = turn{variant: i, round: round, search: search}
			if !search {
				part[i].loads = slices.Clone(loads)
			}
		}
		if round%2 == 1 {
			slices.Reverse(part)
			for i := range part {
				slices.Reverse(part[i].loads)
			}
		}
		out = append(out, part...)
	}
	for round := range s.Rounds {
		pass(round, false)
	}
	if len(s.Goals) > 0 {
		pass(s.Rounds, true)
	}
	return out
}
