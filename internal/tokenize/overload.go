package tokenize

import (
	"fmt"
	"time"
)

// A tokenizer's file is foreign: its patterns may search for hours and its
// replacements may fill the memory.
const (
	// matchTime is how long one search of a pattern may take.
	matchTime = 10 * time.Second
	// maxGrown is the size to which a text may grow by replacements, in bytes.
	maxGrown = 64 << 20
)

// An overload travels as a panic from a component to the method of Tokenizer
// that was called.
type overload struct{ err error }

func overloadf(format string, args ...any) { panic(overload{fmt.Errorf(format, args...)}) }

// bounded refuses a text that grew too far.
func bounded(room string, size int) {
	if size > maxGrown {
		overloadf("%s: a text grows to more than %d MiB", room, maxGrown>>20)
	}
}

// overloaded takes what recover gave and keeps the first overload.
func (t *Tokenizer) overloaded(r any) {
	o, ok := r.(overload)
	if !ok {
		panic(r)
	}
	t.failed.CompareAndSwap(nil, &o.err)
}

// Err is the first text that was too much for the tokenizer's own patterns or
// replacements, nil where there was none. From then on no text has ids and no
// ids have a text, so that whoever uses the tokenizer comes to an end soon.
func (t *Tokenizer) Err() error {
	if err := t.failed.Load(); err != nil {
		return *err
	}
	return nil
}
