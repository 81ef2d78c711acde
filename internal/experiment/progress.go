package experiment

import (
	"time"

	"tokmeter/internal/compare"
)

// A Progress is how far an experiment has come. A step is a run of the table, a
// variant's answers, or a variant's search.
type Progress struct {
	Done, Steps int
	Left        time.Duration // about; 0 where it is not known
}

// progress counts what is done, failed or given up as done. Steps of this
// session tell how long the others take; before the first one the plans do,
// where all have a rate.
func (x *driver) progress() Progress {
	var p Progress
	ahead, known := time.Duration(0), true // of what is left, by the plans
	count := func(done bool, takes time.Duration) {
		p.Steps++
		switch {
		case done:
			p.Done++
		case takes > 0:
			ahead += takes
		default:
			known = false
		}
	}
	for _, t := range x.spec.turns() {
		v := x.spec.Variants[t.variant]
		gone := x.gone(v.Name) != ""
		if t.search {
			_, _, more := x.told(v.Name).Next()
			count(gone || !more || x.failing(Try, v.Name), 0)
			continue
		}
		for _, l := range t.loads {
			count(gone || x.find(Measure, v.Name, t.round, l) != nil, takes(v, l))
		}
		if x.spec.Answers > 0 && t.round == 0 {
			count(gone || !x.wantsDrift(t), 0)
		}
	}
	if x.begun == nil || p.Done == p.Steps {
		return p
	}
	elapsed := x.deps.Clock.Now().Sub(*x.begun)
	switch here := p.Done - x.doneBefore; {
	case here > 0:
		p.Left = elapsed / time.Duration(here) * time.Duration(p.Steps-p.Done)
	case known && x.spec.Parallel:
		p.Left = max(0, ahead/time.Duration(len(x.spec.Variants))-elapsed)
	case known:
		p.Left = max(0, ahead-elapsed)
	}
	return p
}

// takes is how long the requests of a run are sent for by its plan; 0 where that
// depends on the answers.
func takes(v Variant, l compare.Load) time.Duration {
	if !(l.Rate > 0) {
		return 0
	}
	return time.Duration(float64(v.Plan.Workload.NumPrompts) / l.Rate * float64(time.Second))
}
