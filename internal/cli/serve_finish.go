package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokmeter/internal/load"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/report"
)

// countLimit is how long the server may take to count answers after the run.
const countLimit = 2 * time.Minute

// finish counts what the server did not, reports, and says how the run went.
func (r *serveRun) finish(ctx context.Context, recs []*record.Record, end record.Ending) error {
	if r.info.Before != nil {
		asked, done := r.afterwards(ctx, countersLimit)
		r.info.After = countersText(r.askCounters(asked))
		done()
	}
	counts := r.count(ctx, recs)
	errs := []error{r.sayOfSimulator(), r.askSimulator(ctx)}
	if r.writer != nil {
		r.writer.End(end)
		errs = append(errs, r.writer.Update(func(h *record.Head) {
			h.Counts, h.Server = counts, r.info
			h.Warnings = r.notes()
		}), r.writer.Close())
	}
	// The writer reads the records until it is closed.
	for _, rec := range recs {
		if n, ok := counts[rec.Index]; ok {
			rec.Recount(n)
		}
	}
	s := r.summarize(recs, end)
	res := report.Run{
		Plan: r.plan, Summary: s, Records: recs, Date: r.date,
		RateChanges: metrics.RateChanges(recs, end, r.plan), Args: r.reportArgs(),
	}
	errs = append(errs, report.Text(r.env.Stdout, s, r.plan))
	r.sayProfiled()
	path, err := report.Save(res)
	errs = append(errs, err)
	if path != "" {
		r.sayBeside("Result saved to %s", path)
	}
	if r.writer != nil {
		r.sayBeside("Records kept in %s", r.writer.Dir())
	}
	errs = append(errs, r.verdict(ctx, &s))
	return errors.Join(errs...)
}

// summarize computes the numbers and adds what was noted on the way to them.
func (r *serveRun) summarize(recs []*record.Record, end record.Ending) metrics.Summary {
	s := metrics.Summarize(recs, end, r.plan)
	_ = observe(&s, r.info) // what askCounters wrote can be read
	r.limiter.add(&s, recs, r.plan)
	if r.plan.CompatVLLM() {
		return s
	}
	s.Warnings = slices.Concat(s.Warnings, r.workloadWarnings(), r.warnings)
	rep := &r.set.Report
	s.Workload = &metrics.Workload{
		Entries: rep.Entries, Kept: rep.Kept, Unused: rep.Unused,
		Oversampled: rep.Oversampled, TooLong: rep.TooLong, Unique: rep.Unique,
	}
	for _, d := range rep.Dropped {
		s.Workload.Dropped = append(s.Workload.Dropped, metrics.Drop(d))
	}
	return s
}

// count counts the answers that the server gave no count for.
func (r *serveRun) count(ctx context.Context, recs []*record.Record) map[int]record.Count {
	var c load.Counters
	// Where prompts are cut with the tokenizer inside, that is none of the
	// model's and would count wrong.
	if r.local != nil && r.folder != "" {
		c.Local = func(text string) int { return r.local.Count(text, false) }
	}
	if r.away == nil && ctx.Err() == nil && !r.plan.CompatVLLM() {
		asked, done := r.afterwards(ctx, countLimit)
		defer done()
		c.Server = func(_ context.Context, text string) (int, error) {
			ids, err := r.tokenize(asked, text, false)
			return len(ids), err
		}
	}
	lasting, done := r.untilAbort(ctx)
	defer done()
	counts, notes := load.Count(lasting, recs, c)
	for _, n := range notes {
		r.warn("count", "%s", n)
	}
	if v := metrics.ViewOf(r.plan); c.Local != nil {
		for _, rec := range recs {
			if v.CountsText(rec) {
				counts[rec.Index] = record.Count{N: c.Local(rec.Text), From: record.FromTokenizer}
			}
		}
	}
	return counts
}

// verdict is nil for a run of which something succeeded and that went to its
// end.
func (r *serveRun) verdict(ctx context.Context, s *metrics.Summary) error {
	if errors.Is(context.Cause(ctx), errInterrupted) {
		return &Error{Code: ExitInterrupted, Err: fmt.Errorf("interrupted: %d of %d requests were sent, %d of them answered", s.Requests, len(r.set.Items), s.Completed)}
	}
	if s.Completed > 0 {
		return nil
	}
	refused := 0
	for _, c := range s.Outcomes {
		if c.Outcome == record.Refused {
			refused = c.N
		}
	}
	if r.unreached || s.Requests > 0 && refused == s.Requests {
		return r.unreachable(s)
	}
	if len(s.Failures) == 0 {
		return failf(ExitFailed, "", "no request succeeded: none ended")
	}
	f := &s.Failures[0]
	example, hint := string(f.Outcome), ""
	if f.Outcome == record.HTTPError {
		example += fmt.Sprintf(" %d", f.Status)
		hint = statusHint(f.Status, f.Example)
	}
	example += ": " + f.Example
	if ids := modelIDs(r); len(ids) > 0 && !slices.Contains(ids, r.plan.Target.ModelName()) {
		hint = "the server offers the models " + strings.Join(ids, ", ")
	}
	return failf(ExitFailed, hint, "no request succeeded, the first failed with %s", example)
}

// unreachable is the error of a run that reached nobody.
func (r *serveRun) unreachable(s *metrics.Summary) error {
	what := r.away
	if len(s.Failures) > 0 {
		what = errors.New(s.Failures[0].Example)
	}
	return failf(ExitUnreachable, r.reachHint(r.away), "%s could not be reached: %w", r.plan.Target.BaseURL, what)
}

func modelIDs(r *serveRun) []string {
	var ids []string
	for _, m := range r.models {
		ids = append(ids, m.ID)
	}
	return ids
}

// notes is all warnings of the run as the run directory has them.
func (r *serveRun) notes() []string {
	var out []string
	for _, w := range slices.Concat(r.workloadWarnings(), r.warnings) {
		out = append(out, w.Code+": "+w.Text)
	}
	return out
}

// reportArgs is the command line in the report's form.
func (r *serveRun) reportArgs() []report.Arg {
	args := []report.Arg{{Name: "subparser", Value: "bench"}, {Name: "bench_type", Value: "serve"}}
	for _, n := range r.opts.Namespace {
		v := n.Value
		if n.Name == "dataset_name" {
			v = r.plan.Workload.Dataset // a file's kind may have been found out
		}
		if raw, ok := v.(json.RawMessage); ok {
			d := json.NewDecoder(bytes.NewReader(raw))
			d.UseNumber()
			if v = string(raw); d.Decode(&v) == nil {
				v = argValue(v)
			}
		}
		args = append(args, report.Arg{Name: n.Name, Value: v})
	}
	return args
}

// argValue is a value of JSON in the report's form.
func argValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return objectArgs(v)
	case []any:
		for i := range v {
			v[i] = argValue(v[i])
		}
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n
		}
		x, _ := v.Float64()
		return x
	}
	return v
}

// objectArgs lists the members of an object by name.
func objectArgs(object map[string]any) []report.Arg {
	args := []report.Arg{}
	for name, v := range object {
		args = append(args, report.Arg{Name: name, Value: argValue(v)})
	}
	slices.SortFunc(args, func(a, b report.Arg) int { return strings.Compare(a.Name, b.Name) })
	return args
}

// isHeaderFlag reports whether a word is --header, in full or shortened.
func isHeaderFlag(word string) bool {
	name, _, _ := strings.Cut(word, "=")
	return len(name) > len("--h") && strings.HasPrefix("--header", name)
}

// cutValue takes the value out of NAME=VALUE, and of --header=NAME=VALUE.
func cutValue(word string) string {
	flag := ""
	if strings.HasPrefix(word, "--") {
		name, rest, ok := strings.Cut(word, "=")
		if !ok {
			return word
		}
		flag, word = name+"=", rest
	}
	name, _, ok := strings.Cut(word, "=")
	if !ok {
		return flag + plan.Redacted
	}
	return flag + name + "=" + plan.Redacted
}
