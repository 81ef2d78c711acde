package experiment

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tokmeter/internal/compare"
)

// errGone says that a variant can't go on; the experiment can.
var errGone = errors.New("the variant is given up")

// turn does what is left of a turn. The error ends the experiment.
func (x *driver) turn(ctx context.Context, b *seat, t turn) error {
	v := x.spec.Variants[t.variant]
	for _, l := range t.loads {
		if x.find(Measure, v.Name, t.round, l) != nil {
			continue
		}
		if x.gone(v.Name) != "" {
			return nil
		}
		if err := x.up(ctx, b, v, t.round); err != nil {
			return ignoreGone(err)
		}
		if err := x.measure(ctx, b, v, t.round, l); err != nil {
			return err
		}
	}
	if !x.wantsDrift(t) || x.gone(v.Name) != "" {
		return nil
	}
	if err := x.up(ctx, b, v, t.round); err != nil {
		return ignoreGone(err)
	}
	return x.ask(ctx, b, v)
}

func ignoreGone(err error) error {
	if errors.Is(err, errGone) {
		return nil
	}
	return err
}

// up has the variant's engine started and warm.
func (x *driver) up(ctx context.Context, b *seat, v Variant, round int) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if b.server != nil && b.server.Err() == nil {
		return nil
	}
	if err := x.stop(ctx, b); err != nil {
		return err
	}
	x.tell(v.Name, round+1, "starts")
	s, err := x.deps.Starter.Start(ctx, v)
	if cause := context.Cause(ctx); cause != nil {
		if err == nil {
			b.server = s // lane stops it
		}
		return cause
	}
	if err != nil {
		return x.giveUp(v, round, err)
	}
	b.server, b.warnings = s, x.learn(v, s.Facts())
	warnings, err := x.warm(ctx, b, v, round)
	b.warnings = append(b.warnings, warnings...)
	if cause := context.Cause(ctx); cause != nil || err == nil {
		return cause
	}
	return x.giveUp(v, round, err)
}

// giveUp notes why a variant's engine can't be measured.
func (x *driver) giveUp(v Variant, round int, why error) error {
	if err := x.add(Step{Kind: startStep, Variant: v.Name, Failure: why.Error()}); err != nil {
		return err
	}
	x.tell(v.Name, round+1, "did not start: %v", why)
	return errGone
}

// learn keeps the facts of a variant's first start and says what is another at
// a later one.
func (x *driver) learn(v Variant, f Facts) []compare.Warning {
	x.mu.Lock()
	defer x.mu.Unlock()
	first, ok := x.state.Facts[v.Name]
	if !ok {
		x.state.Facts[v.Name] = f // saved with the next step
		return nil
	}
	var out []compare.Warning
	for _, d := range []struct{ what, was, is string }{
		{"version", first.Version, f.Version}, {"card", first.Card, f.Card}, {"kernel", first.Kernel, f.Kernel},
	} {
		if d.was != d.is {
			out = append(out, compare.Warning{Code: WarnServer, Text: fmt.Sprintf("%s: its server's %s was %q at the first start and is %q", v.Name, d.what, d.was, d.is)})
		}
	}
	return out
}

// measure makes one run of the table.
func (x *driver) measure(ctx context.Context, b *seat, v Variant, round int, l compare.Load) error {
	s := Step{Kind: Measure, Variant: v.Name, Round: round, Load: l, Warnings: b.warnings}
	o, err := x.run(ctx, b, Job{Kind: Measure, Variant: v, Round: round, Load: l, Salt: x.salt(round, l)})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	s.Path = o.Dir
	if err != nil {
		s.Path, s.Failure = "", err.Error()
	}
	if e := x.add(s); e != nil {
		return e
	}
	if err == nil {
		x.tell(v.Name, round+1, "%s done", l)
	} else {
		x.tell(v.Name, round+1, "run failed: %v", err)
		return x.stop(ctx, b) // what is left of it may be broken: the next run has a fresh one
	}
	return nil
}

// run resets the cache where the spec says so, and runs the job. An engine that
// ends on the way has no result, and neither has a run of the table without a good request.
func (x *driver) run(ctx context.Context, b *seat, j Job) (Outcome, error) {
	j.URL = b.server.URL()
	j.Plan = j.plan()
	if x.spec.Cache == CacheReset {
		if err := x.deps.Resetter.Reset(ctx, j.Variant, j.URL); err != nil {
			return Outcome{}, fmt.Errorf("the prefix cache can't be reset (take cache: %s): %w", CacheSalt, err)
		}
	}
	o, err := x.deps.Runner.Run(ctx, j)
	end := ended(ctx, b.server, o, err)
	switch {
	case end != nil:
		return o, fmt.Errorf("its engine ended during the run: %w", end)
	case err != nil:
		return o, err
	case j.Kind == Measure && !slices.ContainsFunc(o.Run.Requests, func(q compare.Request) bool { return q.OK }):
		return o, fmt.Errorf("none of its %d requests succeeded", len(o.Run.Requests))
	}
	return o, nil
}

// ended says why the engine of a job has ended; nil where it is up. Where the job
// failed, or the request that was sent last, the news of an end is waited for.
func ended(ctx context.Context, s Server, o Outcome, failed error) error {
	if failed != nil || lostLast(o.Run) {
		return s.Ended(ctx)
	}
	return s.Err()
}

// lostLast reports whether the request that was sent last failed, as it does where
// the engine ended on the way.
func lostLast(r compare.Run) bool {
	var last compare.Request
	for i, q := range r.Requests {
		if i == 0 || q.Sent >= last.Sent {
			last = q
		}
	}
	return len(r.Requests) > 0 && !last.OK
}

// salt is that of a round and load, equal for all variants. The first prompts
// that a server gets need none, as long as all servers are started here.
func (x *driver) salt(round int, l compare.Load) string {
	if x.spec.Cache != CacheSalt {
		return ""
	}
	number := round * len(x.spec.Loads)
	for i, m := range x.spec.Loads {
		if m == l {
			number += i
		}
	}
	if number == 0 && !x.reused() {
		return ""
	}
	return fmt.Sprintf("[%s%d] ", x.state.Nonce, number)
}

// reused reports whether a server may know the prompts of an earlier experiment.
func (x *driver) reused() bool {
	for _, v := range x.spec.Variants {
		if v.Known {
			return true
		}
	}
	return false
}

// ask lets a variant answer the fixed prompts.
func (x *driver) ask(ctx context.Context, b *seat, v Variant) error {
	s := Step{Kind: driftStep, Variant: v.Name}
	path, err := x.deps.Asker.Ask(ctx, v, b.server.URL(), x.spec.Answers)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		if end := b.server.Ended(ctx); end != nil {
			err = fmt.Errorf("its engine ended meanwhile: %w", end)
		}
	}
	s.Path = path
	if err != nil {
		s.Failure = err.Error()
	}
	if e := x.add(s); e != nil {
		return e
	}
	if err != nil {
		x.tell(v.Name, 0, "no answers for drift: %v", err)
	} else {
		x.tell(v.Name, 0, "answers for drift done")
	}
	return nil
}

// told is a variant's search with what the state has of it.
func (x *driver) told(name string) *search {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := newSearch(x.spec.Search)
	for _, t := range x.state.Steps {
		if t.Kind == Try && t.Variant == name {
			s.Add(Tried{Rate: t.Load.Rate, Held: t.Held, Confirm: t.Confirm, Dir: t.Path, Sent: t.Sent, Needs: t.Needs, Failure: t.Failure})
		}
	}
	return s
}

// search goes on with the search of the highest rate.
func (x *driver) search(ctx context.Context, b *seat, t turn) error {
	v := x.spec.Variants[t.variant]
	for {
		s := x.told(v.Name)
		rate, confirm, more := s.Next()
		if !more || x.failing(Try, v.Name) {
			x.tell(v.Name, 0, "holds %.4g requests/s: %s", s.best(), s.Held(v.Name).Stop)
			return nil
		}
		if err := x.up(ctx, b, v, t.round); err != nil {
			return ignoreGone(err)
		}
		if err := x.try(ctx, b, v, rate, confirm, len(s.tries)); err != nil {
			return err
		}
	}
}

// try runs one rate of a search.
func (x *driver) try(ctx context.Context, b *seat, v Variant, rate float64, confirm bool, number int) error {
	load := compare.Load{Rate: rate}
	j := Job{Kind: Try, Variant: v, Round: x.spec.Rounds, Load: load, Number: number}
	if x.spec.Cache == CacheSalt {
		j.Salt = fmt.Sprintf("[%ss%d] ", x.state.Nonce, number)
	}
	o, err := x.run(ctx, b, j)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	s := Step{Kind: Try, Variant: v.Name, Round: j.Round, Load: load, Number: number, Confirm: confirm, Path: o.Dir}
	if err != nil {
		s.Failure = err.Error()
	} else {
		s.Held, s.Sent, s.Needs = true, len(o.Run.Requests), steady(o.Run)
		for _, g := range x.spec.Goals {
			s.Held = s.Held && met(g, o.Run)
		}
	}
	if e := x.add(s); e != nil {
		return e
	}
	x.tell(v.Name, 0, "%s: %s", load, map[bool]string{true: "held", false: "not held"}[s.Held])
	if err != nil {
		return x.stop(ctx, b)
	}
	return nil
}
