// Package report writes what a run came to: the text block, the result file
// and the PyTorch records; and what an experiment came to: the precision table
// as text, Markdown, CSV, JSON and HTML.
//
// It promises vLLM's labels, widths, order, keys and types, so that whatever
// reads the output of `vllm bench serve` reads this too, and it adds what vLLM
// does not tell after or behind that. It never computes a number: each comes
// from metrics.Summary, metrics.View or compare.Table. A write that fails is an error, and a
// result file is either whole or not there.
package report

import (
	"time"

	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// A Run is everything that the result file tells of.
type Run struct {
	Plan    plan.Plan
	Summary metrics.Summary
	Records []*record.Record // in any order
	Date    time.Time        // local time of the result; it names the file
	// RateChanges are the moments at which a ramp reached the next whole rate.
	RateChanges []metrics.RateChange
	// Args are the command line's options in vLLM's names and order, for the
	// PyTorch format alone. Secrets must be redacted by the caller.
	Args []Arg
}

// An Arg is one option of the command line. Value is nil, bool, int, float64,
// string, []string, []any of these, or
// []Arg for an object.
type Arg struct {
	Name  string
	Value any
}
