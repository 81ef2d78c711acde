package cli

import (
	"context"
	"encoding/json"
	"strings"

	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/report"
)

// runReport prints the block of a run from its folder.
func runReport(_ context.Context, env *Env, o reportOptions) error {
	run, err := record.Open(o.Run)
	if err != nil {
		return usage(err)
	}
	if len(run.Head.Plan) == 0 {
		return failf(ExitFailed, "", "%s: the run had not begun: run.json has no plan", o.Run)
	}
	var p plan.Plan
	if err := json.Unmarshal(run.Head.Plan, &p); err != nil {
		return failf(ExitFailed, "", "%s: the plan in run.json can't be read: %w", o.Run, err)
	}
	recs, end, notes, err := run.Load()
	if err != nil {
		return failf(ExitFailed, "", "%w", err)
	}
	if o.Compat != nil {
		p.Compat = *o.Compat
	}
	if o.Metrics != nil {
		p.Output.Metrics = o.Metrics
	}
	if o.Percentiles != nil {
		p.Output.Percentiles = o.Percentiles
	}
	if len(o.Goals) > 0 {
		p.Goals = o.Goals
	}
	s := metrics.Summarize(recs, end, p)
	if err := observe(&s, run.Head.Server); err != nil {
		return err
	}
	limitAgain(&s, recs, p, run.Head.Limit)
	if !p.CompatVLLM() {
		for _, n := range notes {
			s.Warnings = append(s.Warnings, metrics.Warning{Code: "run_directory", Text: n})
		}
		for _, w := range run.Head.Warnings {
			code, text, _ := strings.Cut(w, ": ")
			s.Warnings = append(s.Warnings, metrics.Warning{Code: code, Text: text})
		}
		if len(run.Head.Workload) > 0 {
			s.Workload = new(metrics.Workload)
			if err := json.Unmarshal(run.Head.Workload, s.Workload); err != nil {
				return failf(ExitFailed, "", "%s: the workload in run.json can't be read: %w", o.Run, err)
			}
		}
	}
	if err := report.Text(env.Stdout, s, p); err != nil {
		return failf(ExitFailed, "", "report: %w", err)
	}
	return nil
}
