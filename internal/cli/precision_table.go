package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/compare"
	"tokmeter/internal/experiment"
	"tokmeter/internal/memory"
	"tokmeter/internal/report"
)

// precisionOf is the table of a result.
func (c *command) precisionOf(spec *experiment.Spec, res *experiment.Result, notes []string) (*report.Precision, error) {
	for i := range res.Variants {
		v := &res.Variants[i]
		v.Simulated = v.Simulated || strings.HasSuffix(v.Version, simulatedMark)
	}
	doubts := gathered(res.Runs)
	o := compare.Options{Baseline: res.Baseline, Rounds: spec.Rounds}
	if p, ok := strings.CutPrefix(c.values.text("statistic"), "p"); ok {
		o.Percentile, _ = strconv.ParseFloat(p, 64)
	}
	// The first load that has a run: those of another may all have failed.
	for _, l := range spec.Loads() {
		if slices.ContainsFunc(res.Runs, func(r compare.Run) bool { return r.Load == l }) {
			o.Load = &l
			break
		}
	}
	t, err := compare.Build(res.Variants, res.Runs, o)
	if err != nil {
		return nil, failf(ExitFailed, "", "%w", err)
	}
	if c.values.on("virtual") {
		// Every round would be the same.
		t.Warnings = slices.DeleteFunc(t.Warnings, func(w compare.Warning) bool { return w.Code == "one-round" })
	}
	p := &report.Precision{Title: spec.Title, Table: t, Notes: slices.Concat(notes, res.Notes, doubts)}
	var goals []string
	for _, g := range spec.Goals {
		goals = append(goals, g.String())
	}
	p.Goals = strings.Join(goals, ",")
	for _, h := range res.Held {
		p.Held = append(p.Held, report.PrecisionHeld{Variant: h.Variant, Rate: h.Rate, Above: h.Above, Complete: h.Complete, Text: h.Stop})
	}
	return p, nil
}

// writers are the forms of the table by the words of --format, with the ends of
// their files.
func (c *command) writers() []precisionWriter {
	f := report.PrecisionForm{Wide: c.values.on("wide")}
	return []precisionWriter{
		{"text", ".txt", func(w io.Writer, p *report.Precision) error { return report.PrecisionText(w, p, f) }},
		{"markdown", ".md", func(w io.Writer, p *report.Precision) error { return report.PrecisionMarkdown(w, p, f) }},
		{"csv", ".csv", report.PrecisionCSV},
		{"json", ".json", report.PrecisionJSON},
		{"html", ".html", report.PrecisionHTML},
	}
}

type precisionWriter struct {
	name, end string
	write     func(io.Writer, *report.Precision) error
}

// print writes the table in the form that --format names.
func (c *command) print(env *Env, p *report.Precision) error {
	for _, w := range c.writers() {
		if w.name == c.values.text("format") {
			return w.write(env.Stdout, p)
		}
	}
	return nil
}

// save keeps the table in all forms.
func (c *command) save(dir string, p *report.Precision) error {
	if dir == "" {
		return nil
	}
	var problems []error
	for _, w := range c.writers() {
		path := filepath.Join(dir, "precision"+w.end)
		if err := atomicfile.Write(path, func(to io.Writer) error { return w.write(to, p) }); err != nil {
			problems = append(problems, failf(ExitFailed, "", "%w", err))
		}
	}
	return errors.Join(problems...)
}

// A machineNote keeps what was measured of this machine, so that an experiment
// that goes on has the same limits.
type machineNote struct {
	ReadBytesPerSecond float64 `json:"read_bytes_per_second"`
}

// bandwidth is of this machine's memory in bytes a second, where a variant is
// served by its processor; else 0.
func (l *laboratory) bandwidth(ctx context.Context) (float64, error) {
	if !slices.ContainsFunc(l.spec.Variants, func(v experiment.Variant) bool { return v.GPU == experiment.CPU && v.Simulate == "" }) {
		return 0, nil
	}
	path := filepath.Join(l.dir, "machine.json")
	var n machineNote
	if raw, err := os.ReadFile(path); err == nil && json.Unmarshal(raw, &n) == nil && n.ReadBytesPerSecond > 0 {
		return n.ReadBytesPerSecond, nil
	}
	r, err := memory.Probe(ctx, memory.Options{})
	if err != nil {
		if ctx.Err() != nil {
			return 0, err
		}
		l.board.say("", fmt.Sprintf("the memory's bandwidth can't be measured: %v", err))
		return 0, nil
	}
	n.ReadBytesPerSecond = r.Bandwidth()
	l.board.say("", fmt.Sprintf("memory of this machine: %.1f GB/s read", n.ReadBytesPerSecond/1e9))
	raw, err := json.Marshal(n)
	if err == nil {
		err = os.WriteFile(path, append(raw, '\n'), 0o644)
	}
	return n.ReadBytesPerSecond, err
}
