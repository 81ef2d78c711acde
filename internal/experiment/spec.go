package experiment

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"tokmeter/internal/compare"
	"tokmeter/internal/plan"
)

// Bounds of a spec: what exceeds them is a slip of the pen.
const (
	maxRounds  = 1000
	maxAnswers = 10_000
	maxBatch   = 100_000 // requests of a warm-up
)

// The ways to keep a round's prompts out of caches.
const (
	CacheSalt  = "salt"  // each round's prompts begin with a text of its own
	CacheReset = "reset" // the server is asked to empty its cache before each run
	CacheKeep  = "keep"  // nothing is done: the cache is part of what is measured
)

// A Spec says what is run. Zero fields take the defaults of Fill.
type Spec struct {
	Variants []Variant
	Loads    []compare.Load // of each round; nil for that of the plans alone
	Rounds   int
	Parallel bool // all variants at the same time
	Goals    []plan.SLO
	Search   Bounds
	Answers  int // prompts that every variant answers greedily; 0 for none
	Warm     WarmRule
	Cache    string
	// StopTimeout is how long an engine may take to stop.
	StopTimeout time.Duration
	// Identity is what decides about the runs, part by part, without secrets: an
	// experiment goes on only where it is equal.
	Identity map[string]string
}

// A Variant is one way of serving, with the plan of its runs. What brings it up
// is known to the Starter by its name.
type Variant struct {
	Name string
	Plan plan.Plan
	// Known says that the server may know the prompts of earlier experiments, for
	// it was not started here.
	Known bool
	// Cold says that nothing in it gets warm, as in a simulator.
	Cold bool
}

// A WarmRule says when an engine is warm: after two batches in a row whose time
// for a token differs by less than Within of the smaller one, or after Most.
// Most < 1 sends none.
type WarmRule struct {
	Batch  int
	Within float64 // of one
	Most   int
}

// Fill puts defaults into zero fields.
func (s *Spec) Fill() {
	fill(&s.Rounds, 1)
	fill(&s.Cache, CacheSalt)
	fill(&s.StopTimeout, 30*time.Second)
	fill(&s.Warm.Batch, 8)
	fill(&s.Warm.Within, 0.1)
	if s.Warm.Most == 0 {
		s.Warm.Most = 6
	}
	if len(s.Loads) == 0 {
		s.Loads = []compare.Load{{}}
	}
	s.Search.fill()
}

func fill[T comparable](p *T, def T) {
	var zero T
	if *p == zero {
		*p = def
	}
}

// Validate reports everything that is wrong with the numbers of a filled spec,
// a line each, by the words of a spec's file.
func (s *Spec) Validate() error {
	var p problems
	between := func(what string, n, low, high int) {
		if n < low || n > high {
			p.add("%s: %d: want %d to %d", what, n, low, high)
		}
	}
	between("rounds", s.Rounds, 1, maxRounds)
	between("drift", s.Answers, 0, maxAnswers)
	if s.Warm.Most >= 0 {
		between("warm-up.batch", s.Warm.Batch, 1, maxBatch)
		between("warm-up.most", s.Warm.Most, 2, 1000)
		if !(s.Warm.Within > 0 && s.Warm.Within <= 1) {
			p.add("warm-up.within: %v: want more than 0 and at most 1", s.Warm.Within)
		}
	}
	if !slices.Contains([]string{CacheSalt, CacheReset, CacheKeep}, s.Cache) {
		p.add("cache: %q: want %s, %s or %s", s.Cache, CacheSalt, CacheReset, CacheKeep)
	}
	if s.StopTimeout <= 0 || s.StopTimeout > 24*time.Hour {
		p.add("stop-timeout: %v: want more than 0 and at most 24h", s.StopTimeout)
	}
	if len(s.Goals) > 0 {
		s.Search.validate(&p)
	}
	return p.err()
}

// plan is the plan of a job: the variant's, at the job's load and with its salt.
func (j *Job) plan() plan.Plan {
	p := j.Variant.Plan
	switch l := j.Load; {
	case l.Rate > 0:
		// Without a rate, the number in flight is the load and no limit of one.
		if math.IsInf(float64(p.Load.RequestRate), 1) {
			p.Load.MaxConcurrency = 0
		}
		p.Load.RequestRate = plan.Float(l.Rate)
	case l.Concurrency > 0:
		p.Load.RequestRate, p.Load.MaxConcurrency = plan.Float(math.Inf(1)), l.Concurrency
	}
	if j.Prompts > 0 {
		p.Workload.NumPrompts = j.Prompts
	}
	p.Workload.Salt = j.Salt
	return p
}

// difference says what changed between two identities, a part at a time; ""
// where nothing did.
func difference(was, is map[string]string) string {
	names := slices.Collect(maps.Keys(was))
	for n := range is {
		if _, ok := was[n]; !ok {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var out []string
	for _, n := range names {
		a, inWas := was[n]
		b, inIs := is[n]
		switch {
		case a == b && inWas == inIs:
		case !inWas:
			out = append(out, n+" was not there")
		case !inIs:
			out = append(out, n+" is missing")
		case strings.HasPrefix(a, Hidden):
			out = append(out, n+" is another")
		default:
			out = append(out, fmt.Sprintf("%s was %s and is %s", n, short(a), short(b)))
		}
	}
	const most = 5
	if len(out) > most {
		out = append(out[:most], fmt.Sprintf("%d more", len(out)-most))
	}
	return strings.Join(out, "; ")
}

// Hidden begins a part of an identity that is a hash of what may be a secret.
const Hidden = "sha256:"

// short cuts a text for a message.
func short(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

// problems gathers what is wrong, a line each.
type problems []error

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

func (p problems) err() error { return errors.Join(p...) }
