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
	Records     []*record.Record     // in order of their index
}

// Of is the result of the run in dir. The error says which file can't be read.
func Of(dir string) (Result, error) {
	run, err := record.Open(dir)
	if err != nil {
		return Result{}, err
	}
	return From(run, nil)
}

// From is the result of a run under its plan as change, which may be nil,
// leaves it: other percentiles, goals or definitions over the same records.
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
	recs, end, notes, err := run.Load()
	if err != nil {
		return r, err
	}
	r.Records = recs
	r.RateChanges = metrics.RateChanges(recs, end, r.Plan)
	s := metrics.Summarize(recs, end, r.Plan)
	doubts := observe(&s, r.Head.Server)
	if w := addLight(&s, recs, r.Plan, r.Head.Limit); w != nil {
		doubts = append(doubts, *w)
	}
	if !s.Compat {
		s.Warnings = slices.Concat(s.Warnings, doubts, notes, r.Head.Warnings)
		s.Workload = r.Head.Workload
	}
	r.Summary = s
	return r, nil
}
