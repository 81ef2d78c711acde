package metrics

import (
	"slices"

	"tokmeter/internal/record"
)

// A scan takes every record of a pass, in order of Index, and may ask for
// another pass.
type scan interface {
	take(*entry)
	// turn ends a pass and reports whether the scan needs one more.
	turn() (again bool)
}

// An entry is a record on its way past the scans.
type entry struct {
	*record.Record
	ok     bool  // by the view of the plan
	counts []int // tokens of each event of a successful request; nil under compat
}

// read passes the records before the scans until none of them needs more.
func read(recs record.Pass, v View, scans ...scan) error {
	var counts []int
	for len(scans) > 0 {
		for r, err := range recs {
			if err != nil {
				return err
			}
			e := entry{Record: r, ok: v.OK(r)}
			if e.ok && !v.compat {
				counts = tokensPerEvent(counts[:0], r)
				e.counts = counts
			}
			for _, s := range scans {
				s.take(&e)
			}
		}
		scans = slices.DeleteFunc(scans, func(s scan) bool { return !s.turn() })
	}
	return nil
}

// tokensPerEvent appends how many tokens each event of r carried. Tokens that
// the server counted but that no event accounts for are spread evenly over the
// events whose count is not known; each of these has at least one.
func tokensPerEvent(dst []int, r *record.Record) []int {
	known, unknown := 0, 0
	for i := range r.Events {
		n := perEvent(r, i)
		dst = append(dst, n)
		known += n
		if n == 0 {
			unknown++
		}
	}
	if unknown == 0 {
		return dst
	}
	rest := r.OutputTokens.N - r.Unstreamed - known
	for i, n := range dst {
		if n == 0 {
			dst[i] = max(rest/unknown, 1)
			rest -= dst[i]
			unknown--
		}
	}
	return dst
}

func perEvent(r *record.Record, i int) int {
	if i >= len(r.PerEvent) {
		return 0
	}
	return int(r.PerEvent[i])
}
