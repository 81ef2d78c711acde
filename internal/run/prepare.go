package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/model/light"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/workload"
)

// doubt notes a reason to doubt a number; it is shown with the result.
func (j *job) doubt(code, format string, args ...any) {
	j.doubts = append(j.doubts, record.Warning{Code: code, Text: excerpt.Lines(fmt.Sprintf(format, args...))})
}

// A draft is what a run makes before it asks the server.
type draft struct {
	named bool // the model or its tokenizer is named, so that the rest is sought
	tokens
	subject *light.Subject // of the speed of light; nil where nothing is known of card or model
	work    *work          // nil where the server is needed for it
}

// draft looks for the tokenizer and builds the workload where the server is not
// needed for it. Where it is, the dataset and the schedule are tried.
func (j *job) draft(ctx context.Context, f found) (d draft, err error) {
	p := f.plan(j.plan)
	d.named = p.Target.Simulated || p.Target.Model != "" || p.Workload.Tokenizer != "" || p.Workload.SkipTokenizer
	if !d.named {
		return d, j.rehearse(ctx, p)
	}
	if d.tokens, err = j.findTokenizer(ctx, f, p.Target.Model); err != nil {
		return d, err
	}
	if d.subject, err = j.findSubject(ctx, f, d.tokens, p.Target.Model); err != nil {
		return d, err
	}
	if d.missing != nil {
		return d, j.rehearse(ctx, p)
	}
	j.tell(Building{})
	d.work, err = j.build(ctx, p, d.tokens, d.local())
	return d, err
}

// A prepared run needs nothing more for its first request.
type prepared struct {
	*server
	tokens
	subject *light.Subject
	*work
	prompts string // identifies the workload without its salt
}

// complete makes of a draft and of what the server said what is to be sent.
func (j *job) complete(ctx context.Context, f found, d draft, s *server) (r prepared, err error) {
	r = prepared{server: s, tokens: d.tokens, subject: d.subject, work: d.work}
	p := s.plan()
	model, unread := s.weights()
	switch {
	case d.named:
	case unread != nil && p.Workload.Tokenizer == "":
		r.tokens = tokens{Tokenizer: inside(), missing: unread}
	default:
		if r.tokens, err = j.findTokenizer(ctx, f, model); err != nil {
			return r, err
		}
	}
	if r.subject == nil { // the server may have named the model
		if r.subject, err = j.findSubject(ctx, f, r.tokens, model); err != nil {
			return r, err
		}
	}
	switch {
	case r.work != nil:
	case r.missing != nil:
		r.work, err = j.buildRemotely(ctx, s, r.tokens)
	default:
		j.tell(Building{})
		r.work, err = j.build(ctx, p, r.tokens, r.local())
	}
	if err == nil {
		err = j.align(ctx, r)
	}
	if err == nil {
		err = j.save(r.work)
	}
	if err != nil {
		return r, err
	}
	j.doubtSpan(r.work)
	j.doubtCapacity(r.work)
	r.prompts = r.set.Hash()
	salts := r.Tokens
	if s.simulator != nil {
		salts = r.orInside()
	}
	return r, r.work.salt(p.Workload.Salt, salts)
}

// buildRemotely builds the workload with the server's tokenizer, for there is no
// local one, and with the one inside where the server has none.
func (j *job) buildRemotely(ctx context.Context, s *server, t tokens) (*work, error) {
	p := s.plan()
	// The others make their prompts from tokens, for which texts are no help.
	asks := slices.Contains([]string{"sharegpt", "custom", "sonnet"}, p.Workload.Dataset)
	if asks && s.away == nil {
		remote := &remoteTokenizer{Tokenizer: t.Tokens}
		remote.encode = func(text string, addSpecial bool) ([]int, error) { return s.tokenize(ctx, text, addSpecial) }
		w, err := j.build(ctx, p, t, remote)
		if err != nil {
			return nil, err
		}
		if remote.failed() == nil {
			j.doubt("tokenizer", "%v; the server's /tokenize was asked instead", t.missing)
			return w, nil
		}
	}
	j.warnBuiltin(t.missing)
	return j.build(ctx, p, t, t.local())
}

// longSpan is from when on a schedule is told of before it is waited for.
const longSpan = time.Hour

// doubtSpan says that the schedule takes long.
func (j *job) doubtSpan(w *work) {
	if d := w.due.Span(); d >= longSpan {
		j.doubt("schedule", "the last request is due after %s: the run takes at least that long (a higher --request-rate, fewer --num-prompts or, for a trace, another --timed-trace-sec-multiplier make it shorter)", d.Round(time.Second))
	}
}

// doubtCapacity says that the load is more than this machine was found to hold.
func (j *job) doubtCapacity(w *work) {
	p := &j.plan.Load
	streams, tokens := 0, 0.0
	switch {
	case p.MaxConcurrency > 0:
		streams = min(p.MaxConcurrency, len(w.set.Items))
	case !p.OpenLoop():
		streams = len(w.set.Items)
	case p.FiniteRate():
		for i := range w.set.Items {
			tokens += float64(w.set.Items[i].OutputLen)
		}
		tokens *= float64(p.RequestRate) / float64(max(len(w.set.Items), 1))
	}
	if why := j.world.Capacity.Beyond(streams, tokens); why != "" {
		j.doubt("beyond_selftest", "%s", why)
	}
}

// warnBuiltin says that the tokenizer inside stands for the model's.
func (j *job) warnBuiltin(missing error) {
	j.doubt("tokenizer", "%v; prompts are made and cut with the small tokenizer inside, so their lengths differ from those asked", missing)
}

// align cuts prompts that the server's tokenizer makes longer than asked.
func (j *job) align(ctx context.Context, r prepared) error {
	if !workload.Aligns(j.plan.Workload.Dataset) || r.away != nil || r.Tokens == nil {
		return nil
	}
	asked := 0
	if len(r.set.Items) > 0 {
		asked = r.set.Items[0].PromptLen
	}
	a, err := workload.Align(ctx, r.set, r.aligner())
	if err != nil {
		return err
	}
	if a.Missing || a.Warning != "" {
		j.tell(Aligned{Missing: a.Missing, Server: a.First, Asked: asked})
	}
	if a.Warning != "" {
		j.doubt("alignment", "%s", a.Warning)
	}
	return nil
}

// spare makes up for the threads that wait in the kernel for the next due time,
// the dispatcher's of an open loop and the simulator's: on two cores nobody
// would be left to read what arrives. Where all requests go at once the
// dispatcher does not wait, and a processor more costs a tenth of CPU time.
func (j *job) spare(p plan.Plan, simulated bool) {
	n := 0
	if p.Load.OpenLoop() {
		n++
	}
	if simulated {
		n++
	}
	if n > 0 && j.world.Spare != nil {
		j.world.Spare(n)
	}
}
