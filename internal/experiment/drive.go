package experiment

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tokmeter/internal/compare"
)

// A driver runs a spec.
type driver struct {
	spec Spec
	deps Deps

	begun      *time.Time // of this session; nil without a clock
	doneBefore int        // steps that were done when it began

	mu    sync.Mutex // of what follows, and of Tell
	state *State
}

// Run runs what is left of the experiment and returns what there is of it, also
// beside an error. A step that fails is no error: it stands in the notes. The
// error says that the spec is wrong, that the state can't be kept, that an
// engine can't be stopped, or wraps the cause of ctx's end; what was done by
// then is in the store.
func Run(ctx context.Context, spec Spec, deps Deps) (*Result, error) {
	spec.Fill()
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	x := &driver{spec: spec, deps: deps}
	if err := x.checkDeps(); err != nil {
		return nil, err
	}
	if err := x.open(); err != nil {
		return nil, err
	}
	x.begun, x.doneBefore = x.now(), x.progress().Done
	err := x.drive(ctx)
	if err == nil && !x.state.Complete {
		x.state.Complete = true
		err = deps.Store.Save(x.state)
	}
	return x.result(context.WithoutCancel(ctx)), err
}

func (x *driver) checkDeps() error {
	switch d := x.deps; {
	case d.Starter == nil || d.Runner == nil || d.Store == nil:
		return errors.New("experiment: starter, runner and store are needed")
	case x.spec.Cache == CacheReset && d.Resetter == nil:
		return fmt.Errorf("cache: %s: nothing here resets caches: take cache: %s", CacheReset, CacheSalt)
	case x.spec.Answers > 0 && d.Asker == nil:
		return errors.New("drift: nothing here asks for answers: leave drift out")
	}
	return nil
}

// open finds the state, or makes the first one.
func (x *driver) open() error {
	s, err := x.deps.Store.Load()
	switch {
	case err != nil:
		return err
	case s == nil:
		x.state = &State{Format: Format, Spec: x.spec.Identity, Nonce: x.deps.Nonce, Origin: x.deps.Origin, Begun: x.now(), Facts: map[string]Facts{}}
		return x.deps.Store.Save(x.state)
	case !x.deps.Resume:
		return ErrTaken
	}
	if d := difference(s.Spec, x.spec.Identity); d != "" {
		return fmt.Errorf("the experiment that is to go on had another spec: %s: put it back, or begin in another folder", d)
	}
	if s.Facts == nil {
		s.Facts = map[string]Facts{}
	}
	x.state = s
	if x.deps.Retry {
		s.forget()
	}
	return nil
}

func (x *driver) now() *time.Time {
	if x.deps.Clock == nil {
		return nil
	}
	t := x.deps.Clock.Now().UTC()
	return &t
}

// drive goes through all turns: one after the other, or each variant's beside
// the others'.
func (x *driver) drive(ctx context.Context) error {
	turns := x.spec.turns()
	if !x.spec.Parallel {
		return x.lane(ctx, turns)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for i := range x.spec.Variants {
		var own []turn
		for _, t := range turns {
			if t.variant == i {
				own = append(own, t)
			}
		}
		wg.Go(func() {
			if err := x.lane(ctx, own); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// A seat is the place where one engine at a time is up.
type seat struct {
	server   Server // nil where none is
	variant  int
	warnings []compare.Warning // of the start and the warm-up, for the runs that follow
}

// lane goes through turns with one engine up at a time, and leaves none.
func (x *driver) lane(ctx context.Context, turns []turn) (err error) {
	b := &seat{}
	defer func() {
		switch e := x.stop(ctx, b); {
		case err == nil:
			err = e
		case e != nil:
			x.tell("", 0, "%v", e)
		}
	}()
	for _, t := range turns {
		if x.done(t) {
			continue
		}
		if b.server != nil && b.variant != t.variant {
			if err := x.stop(ctx, b); err != nil {
				return err
			}
		}
		b.variant = t.variant
		if t.search {
			err = x.search(ctx, b, t)
		} else {
			err = x.turn(ctx, b, t)
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// done reports whether a turn needs no engine.
func (x *driver) done(t turn) bool {
	name := x.spec.Variants[t.variant].Name
	if x.gone(name) != "" {
		return true
	}
	if t.search {
		_, _, more := x.told(name).Next()
		return !more || x.failing(Try, name)
	}
	for _, l := range t.loads {
		if x.find(Measure, name, t.round, l) == nil {
			return false
		}
	}
	return !x.wantsDrift(t)
}

func (x *driver) wantsDrift(t turn) bool {
	return x.spec.Answers > 0 && t.round == 0 && x.find(driftStep, x.spec.Variants[t.variant].Name, 0, compare.Load{}) == nil
}

func (x *driver) find(k Kind, name string, round int, load compare.Load) *Step {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.state.find(k, name, round, load, 0)
}

// gone says why a variant is given up: its engine did not start, or two of its
// runs failed one after the other. It is "" for one that is not.
func (x *driver) gone(name string) string {
	x.mu.Lock()
	if s := x.state.find(startStep, name, 0, compare.Load{}, 0); s != nil {
		x.mu.Unlock()
		return s.Failure
	}
	x.mu.Unlock()
	if x.failing(Measure, name) {
		return "two runs failed one after the other"
	}
	return ""
}

// failing reports whether the last two steps of a kind failed.
func (x *driver) failing(k Kind, name string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	row := 0
	for _, s := range x.state.Steps {
		switch {
		case s.Kind != k || s.Variant != name:
		case s.Failure != "":
			row++
		default:
			row = 0
		}
	}
	return row >= 2
}

// add keeps a step.
func (x *driver) add(s Step) error {
	s.Ended = x.now()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.state.Steps = append(x.state.Steps, s)
	return x.deps.Store.Save(x.state)
}

func (x *driver) tell(variant string, round int, format string, args ...any) {
	if x.deps.Tell == nil {
		return
	}
	p := x.progress()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.deps.Tell(Note{variant, round, fmt.Sprintf(format, args...), p})
}

// stop takes the engine down that is up, however the experiment ended.
func (x *driver) stop(ctx context.Context, b *seat) error {
	if b.server == nil {
		return nil
	}
	s := b.server
	b.server, b.warnings = nil, nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*x.spec.StopTimeout)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		return fmt.Errorf("variant %q: its engine could not be stopped, and would disturb what follows: %w", x.spec.Variants[b.variant].Name, err)
	}
	return nil
}
