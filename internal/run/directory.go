package run

import (
	"encoding/json"
	"errors"
	"slices"

	"tokmeter/internal/record"
)

// Folder is where runs leave their directories, one each.
const Folder = "runs"

// A directory is the run directory on its way, and its run.json even where
// nothing is kept.
type directory struct {
	writer *record.Writer // nil where nothing is recorded
	head   record.Head
	begun  bool // the run began: what it leaves is kept
}

// open makes the run directory, so that what can't be written is found out
// before the run.
func (j *job) open() (*directory, error) {
	w, out := j.world, &j.plan.Output
	d := &directory{head: record.Head{Format: record.Format, Tokmeter: w.Program, Begun: w.Began, Environment: record.Here()}}
	var err error
	switch {
	case out.NoRecord:
	case out.RecordDir != "":
		d.writer, err = record.Create(out.RecordDir, d.head)
	default:
		d.writer, err = record.CreateIn(Folder, record.Name(w.Began, j.plan.Target.Model), d.head)
	}
	return d, usage(err)
}

// path is the directory's; "" where nothing is recorded.
func (d *directory) path() string {
	if d.writer == nil {
		return ""
	}
	return d.writer.Dir()
}

// discard removes the directory of a run that did not begin.
func (d *directory) discard() error {
	if d.writer == nil || d.begun {
		return nil
	}
	return d.writer.Discard()
}

// describe puts what is known of the run into run.json.
func (d *directory) describe(j *job, r prepared, more func(*record.Head)) error {
	p := r.server.plan()
	raw, err := json.Marshal(p)
	if err != nil {
		return failf(Failed, "", "run directory: %w", err)
	}
	fill := func(h *record.Head) {
		h.Args, h.Options, h.Plan, h.PlanHash, h.Workload = j.world.Args, j.world.Options, raw, p.Hash(), &r.set.Report
		h.Server, h.Limit, h.Warnings = r.info, kept(r.subject), slices.Concat(r.set.Report.Warnings, j.doubts)
		if more != nil {
			more(h)
		}
	}
	fill(&d.head)
	if d.writer == nil {
		return nil
	}
	return d.writer.Update(fill)
}

// end completes the directory. What is said of the run is said of its directory,
// but for the records, which are at hand in another form.
func (d *directory) end(j *job, r prepared, s sent, counts map[int]record.Count) (*record.Run, error) {
	err := d.describe(j, r, func(h *record.Head) { h.Counts, h.Ending = counts, &s.ending })
	if d.writer == nil {
		return record.Held(d.head, s.records), err
	}
	d.writer.End(s.ending)
	if err = errors.Join(err, d.writer.Close()); err == nil {
		var run *record.Run
		if run, err = record.Open(d.writer.Dir()); err == nil {
			d.head = run.Head
		}
	}
	return record.Held(d.head, s.records), err
}
