package replay

import (
	"fmt"

	"tokmeter/internal/model/setup"
)

// RunFile is Run on the arrivals of a file. Requests that the engine could never
// serve are taken out of the file, and a note names the first of them; where no
// other is left that is the error, which wraps sched.ErrTooLong.
func RunFile(b *setup.Built, f *File, o Options) (*Result, error) {
	left := map[int]bool{}
	var first error
	o.Refused = func(index int, _ Timing, err error) {
		left[index] = true
		if first == nil {
			first = err
		}
	}
	r, err := Run(b, f.Arrivals, o)
	switch {
	case len(left) > 0 && len(left) == len(f.Arrivals):
		return nil, first
	case err != nil:
		return nil, err
	case len(left) == 0:
		return r, nil
	}
	f.Notes = append(f.Notes, fmt.Sprintf("%d of %d requests are left out, for the engine could never serve them: %v", len(left), len(f.Arrivals), first))
	f.Arrivals, r.Timings = without(f.Arrivals, left), without(r.Timings, left)
	if f.Measured != nil {
		f.Measured = without(f.Measured, left)
	}
	return r, nil
}

// without is the list less the entries of these indexes.
func without[T any](list []T, left map[int]bool) []T {
	kept := make([]T, 0, len(list)-len(left))
	for i, x := range list {
		if !left[i] {
			kept = append(kept, x)
		}
	}
	return kept
}
