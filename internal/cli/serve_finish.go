package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tokmeter/internal/load"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/report"
	"tokmeter/internal/result"
)

// countLimit is how long the server may take to count answers after the run.
const countLimit = 2 * time.Minute

// finish counts what the server did not, reports, and says how the run went.
func (r *serveRun) finish(ctx context.Context, recs *record.Spool, end record.Ending) error {
	if r.info.Before != nil {
		asked, done := r.afterwards(ctx, countersLimit)
		r.info.After = countersText(r.askCounters(asked))
		done()
	}
	counts, err := r.count(ctx, recs.Pass())
	errs := []error{err, r.sayOfSimulator(), r.askSimulator(ctx)}
	run, err := r.leave(counts, recs, end)
	res, unread := result.From(run, nil)
	errs = append(errs, err, unread, report.Text(r.env.Stdout, res))
	r.sayProfiled()
	path, err := report.Save(res)
	errs = append(errs, err)
	if path != "" {
		r.sayBeside("Result saved to %s", path)
	}
	if r.writer != nil {
		r.sayBeside("Records kept in %s", r.writer.Dir())
	}
	errs = append(errs, r.verdict(ctx, &res.Summary))
	return errors.Join(errs...)
}

// leave completes the run directory: what is said of the run is said of its
// directory, but for the records, which are at hand in another form. A run
// without a directory, or whose directory could not be written, has its head from
// memory.
func (r *serveRun) leave(counts map[int]record.Count, recs *record.Spool, end record.Ending) (*record.Run, error) {
	head := r.head()
	fill := func(h *record.Head) error {
		if err := r.fill(h); err != nil {
			return err
		}
		h.Counts, h.Ending = counts, &end
		return nil
	}
	err := fill(&head)
	if r.writer == nil {
		return record.Held(head, recs), err
	}
	r.writer.End(end)
	err = errors.Join(err, r.writer.Update(func(h *record.Head) { _ = fill(h) }), r.writer.Close())
	if err == nil {
		var run *record.Run
		if run, err = record.Open(r.writer.Dir()); err == nil {
			head = run.Head
		}
	}
	return record.Held(head, recs), err
}

// count counts the answers that the server gave no count for.
func (r *serveRun) count(ctx context.Context, recs record.Pass) (map[int]record.Count, error) {
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
	c.TextAlone = metrics.ViewOf(r.plan).CountsText
	counts, notes, err := load.Count(lasting, recs, c)
	for _, n := range notes {
		r.warn("count", "%s", n)
	}
	return counts, err
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

// options is the command line as vLLM's client has it in the end.
func (r *serveRun) options() json.RawMessage {
	list := []report.Option{{Name: "subparser", Value: "bench"}, {Name: "bench_type", Value: "serve"}}
	for _, n := range r.opts.Namespace {
		v := n.Value
		if n.Name == "dataset_name" {
			v = r.plan.Workload.Dataset // a file's kind may have been found out
		}
		list = append(list, report.Option{Name: n.Name, Value: v})
	}
	return report.Options(list)
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
