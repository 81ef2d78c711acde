// Package result is the one recipe from a run directory to everything that is
// said of a run: the numbers, the warnings, and the sections that reports write
// down. It gives the same for a run that ended a moment ago and for last
// month's.
//
// It computes nothing that metrics and model do not, asks no server and knows
// no clock. What can't be read of a directory although the records can is a
// warning in the result, not an error.
package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// A Result is what a run came to.
type Result struct {
	Head        record.Head // what was run, where and when; Head.Begun is the result's date
	Plan        plan.Plan
	Summary     metrics.Summary
	RateChanges []metrics.RateChange // of a ramp
	Records     record.Pass          // until Close
	Sections    []Section            // what is said beside vLLM's own numbers

	doubts []metrics.Warning // of the directory and of the run itself
	spool  *record.Spool
}

// Close gives the records up.
func (r *Result) Close() error {
	if r.spool == nil {
		return nil
	}
	return r.spool.Close()
}

// Of is the result of the run in dir. The error says which file can't be read.
// The caller closes the result.
func Of(dir string) (Result, error) {
	run, err := record.Open(dir)
	if err != nil {
		return Result{}, err
	}
	return From(run, nil)
}

// From is the result of a run under its plan as change, which may be nil,
// leaves it: other percentiles, goals or definitions over the same records. The
// caller closes the result.
func From(run *record.Run, change func(*plan.Plan)) (Result, error) {
	r := Result{Head: run.Head}
	if len(r.Head.Plan) == 0 {
		return r, fmt.Errorf("%s: the run had not begun: run.json has no plan", run.Dir)
	}
	if err := json.Unmarshal(r.Head.Plan, &r.Plan); err != nil {
		return r, fmt.Errorf("%s: the plan in run.json can't be read: %w", run.Dir, err)
	}
	if change != nil {
		change(&r.Plan)
	}
	spool, end, notes, err := run.Load()
	if err != nil {
		return r, err
	}
	r.spool, r.Records = spool, spool.Pass()
	if err := r.summarize(end, notes); err != nil {
		return r, errors.Join(err, r.Close())
	}
	return r, nil
}

// summarize makes everything out of the records that is no record.
func (r *Result) summarize(end record.Ending, notes []record.Warning) error {
	var err error
	if r.RateChanges, err = metrics.RateChanges(r.Records, end, r.Plan); err != nil {
		return err
	}
	if r.Summary, err = metrics.Summarize(r.Records, end, r.Plan); err != nil {
		return err
	}
	r.doubts = slices.Concat(observe(&r.Summary, r.Head.Server), notes, r.Head.Warnings)
	return r.tell()
}
