package record

import "errors"

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
