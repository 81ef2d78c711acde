package experiment

import (
	"context"
	"fmt"
	"slices"

	"tokmeter/internal/compare"
	"tokmeter/internal/excerpt"
)

// result puts together what the state has. Every run is read again from its
// records, so that an experiment that was stopped gives what an undisturbed one
// gives.
func (x *driver) result(ctx context.Context) *Result {
	r := &Result{Origin: x.state.Origin, Begun: x.state.Begun, Complete: x.state.Complete}
	outcomes := make([][]Outcome, len(x.spec.Variants))
	failures := make([]string, len(x.spec.Variants))
	for round := range x.spec.Rounds {
		for _, l := range x.spec.Loads {
			for i, v := range x.spec.Variants {
				s := x.state.find(Measure, v.Name, round, l, 0)
				if s == nil {
					continue
				}
				o, err := x.load(ctx, v, s)
				if err != nil {
					failures[i] = err.Error()
					r.note("%s: round %d at %s: %s", v.Name, round+1, l, excerpt.First(err.Error()))
					continue
				}
				outcomes[i] = append(outcomes[i], o)
				r.Runs = append(r.Runs, o.Run)
				r.Dirs = append(r.Dirs, o.Dir)
			}
		}
	}
	for i, v := range x.spec.Variants {
		c := x.variant(r, v, outcomes[i])
		if len(outcomes[i]) == 0 {
			c.Failure = excerpt.First(failures[i])
		}
		if why := x.gone(v.Name); why != "" {
			if len(outcomes[i]) == 0 && c.Failure == "" {
				c.Failure = excerpt.First(why)
			}
			if len(outcomes[i]) > 0 {
				r.note("%s: given up: %s", v.Name, excerpt.First(why))
			}
		}
		if len(outcomes[i]) == 0 && c.Failure == "" {
			c.Failure = "not measured"
		}
		if len(x.spec.Goals) > 0 {
			s := x.told(v.Name)
			s.Next() // says why it ended, if it did
			r.Held = append(r.Held, s.Held(v.Name))
		}
		c.Answers = x.answers(r, v.Name)
		r.Variants = append(r.Variants, c)
	}
	return r
}

func (r *Result) note(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(r.Notes, s) {
		r.Notes = append(r.Notes, s)
	}
}

// load reads one run of the state, or says why it has no result.
func (x *driver) load(ctx context.Context, v Variant, s *Step) (Outcome, error) {
	if s.Failure != "" {
		return Outcome{}, fmt.Errorf("%s", s.Failure)
	}
	j := Job{Kind: s.Kind, Variant: v, Round: s.Round, Load: s.Load, Salt: x.salt(s.Round, s.Load)}
	o, err := x.deps.Runner.Load(ctx, j, s.Path)
	if err != nil {
		return o, fmt.Errorf("its records can't be read: %w", err)
	}
	o.Run.Variant, o.Run.Round, o.Run.Load = v.Name, s.Round, s.Load
	o.Run.Warnings = slices.Concat(o.Run.Warnings, s.Warnings)
	return o, nil
}

// variant is what is known of one beside its runs.
func (x *driver) variant(r *Result, v Variant, outcomes []Outcome) VariantResult {
	c := VariantResult{Name: v.Name, Facts: x.state.Facts[v.Name]}
	power, n := 0.0, 0
	for i, o := range outcomes {
		if i == 0 {
			c.Prompts, c.IgnoreEOS = o.Prompts, o.IgnoreEOS
		}
		if o.Prompts != c.Prompts {
			r.note("%s: the requests of its runs are not the same", v.Name)
			c.Prompts = "" // no hash stands for all of them
			break
		}
		if o.PowerW > 0 {
			power, n = power+o.PowerW, n+1
		}
	}
	if n > 0 {
		c.PowerW = power / float64(n)
	}
	return c
}

// answers is where a variant's answers are kept.
func (x *driver) answers(r *Result, name string) string {
	s := x.state.find(driftStep, name, 0, compare.Load{}, 0)
	switch {
	case s == nil || x.spec.Answers == 0:
		return ""
	case s.Failure != "":
		r.note("%s: no answers for drift: %s", name, excerpt.First(s.Failure))
		return ""
	}
	return s.Path
}
