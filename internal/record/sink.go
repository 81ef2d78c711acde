package record

import (
	"cmp"
	"errors"
	"slices"
	"sync"
)

// Memory is a Sink that keeps the records of a run. The zero value is ready.
type Memory struct {
	mu   sync.Mutex
	recs []*Record
}

// Add keeps r. It never fails.
func (m *Memory) Add(r *Record) error {
	m.mu.Lock()
	m.recs = append(m.recs, r)
	m.mu.Unlock()
	return nil
}

// Close does nothing; the records stay.
func (m *Memory) Close() error { return nil }

// Records returns the records so far in order of Index. The slice is the
// caller's own, the records are shared.
func (m *Memory) Records() []*Record {
	m.mu.Lock()
	recs := slices.Clone(m.recs)
	m.mu.Unlock()
	sortByIndex(recs)
	return recs
}

func sortByIndex(recs []*Record) {
	slices.SortStableFunc(recs, func(a, b *Record) int { return cmp.Compare(a.Index, b.Index) })
}

// Tee returns a Sink that hands every record to all of sinks, in their order.
// An error of one does not keep a record from the others; errors are joined.
// A nil sink is left out.
func Tee(sinks ...Sink) Sink {
	var t tee
	for _, s := range sinks {
		if s != nil {
			t = append(t, s)
		}
	}
	return t
}

type tee []Sink

func (t tee) Add(r *Record) error {
	var errs []error
	for _, s := range t {
		if err := s.Add(r); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (t tee) Close() error {
	var errs []error
	for _, s := range t {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
