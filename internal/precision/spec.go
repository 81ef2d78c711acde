// Package precision asks the precision question: how much faster is a model at
// fp8, int8 or int4 than at fp16, and why. It has the question's spec and its
// file, turns it into an experiment, knows the limits of each variant's card,
// and makes the page with the table from what the experiment found.
//
// Its parts are table, which compares and judges; page, which writes the five
// forms; and drift, which asks for greedy answers. It refuses a spec with a word
// that it does not know.
package precision

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokmeter/internal/compare"
	"tokmeter/internal/experiment"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/plan"
	"tokmeter/internal/precision/table"
	"tokmeter/internal/sim"
)

// Bounds of a spec: what exceeds them is a slip of the pen.
const (
	maxVariants = 64
	maxOpen     = 100_000 // requests in flight
)

// CPU is the card of a variant that is served by this machine's processor. Its
// limit comes from the bandwidth of the memory.
const CPU = "cpu"

// A Spec is the question. Zero fields take the defaults of Fill.
type Spec struct {
	Title    string
	Baseline string // name of a variant; "" for the first
	Variants []Variant
	Bench    []Flag // of bench serve, by name

	Rounds      int
	Parallel    *bool // nil: where every variant is simulated
	Concurrency []int
	Goals       []plan.SLO
	Search      experiment.Bounds
	Drift       int // prompts; 0 for none
	Warm        experiment.WarmRule
	Cache       string

	ReadyTimeout time.Duration
	StopTimeout  time.Duration
	Output       string // folder; "" lets the caller choose
	Currency     string // of prices
}

// A Variant is one way of serving.
type Variant struct {
	Name        string
	Model       string // stub, as the table shows it
	Precision   string // label
	URL         string // of a server that runs already
	Command     []string
	Simulate    string // gpu/model/precision with settings, as bench serve --simulate
	Args        []string
	Env         map[string]string
	Served      string // the model's name in requests; "" for Model
	Tokenizer   string // "" for the model's
	GPU         string // card, for the speed of light; "" where not known
	WeightBytes float64
	PowerW      float64
	Price       float64 // an hour

	Folder  string // of the simulated model's config.json, by Find; "" where the catalogue has its shapes
	Missing error  // why Find did not have the model; nil where it did, or where none was missing
}

// A Flag is one of bench serve. A switch has "true" or "false".
type Flag struct {
	Name   string
	Values []string
}

// Find notes where the models of simulated variants lie. find looks for one that
// the catalogue does not have and sets its folder; its error says why it is not
// there.
func (s *Spec) Find(find func(*setup.Setup) error) {
	for i := range s.Variants {
		v := &s.Variants[i]
		if o, err := v.Options(); v.Simulate != "" && err == nil && o.Fixed == nil {
			v.Missing = find(&o.Setup)
			v.Folder = o.Setup.Folder
		}
	}
}

// Fill puts defaults into zero fields.
func (s *Spec) Fill() {
	fill(&s.ReadyTimeout, 15*time.Minute)
	fill(&s.Rounds, table.IntervalRounds)
	fill(&s.Currency, "USD")
	for i := range s.Variants {
		v := &s.Variants[i]
		if v.Precision == "" && v.Simulate != "" {
			if b, err := v.Built(); err == nil {
				v.Precision = b.Setup.Precision
			}
		}
		fill(&v.Name, v.Precision)
	}
	if s.Baseline == "" && len(s.Variants) > 0 {
		s.Baseline = s.Variants[0].Name
	}
	if s.Parallel == nil {
		all := len(s.Variants) > 0
		for _, v := range s.Variants {
			all = all && v.Simulate != ""
		}
		s.Parallel = &all
	}
	x := s.numbers()
	x.Fill()
	s.Rounds, s.Search, s.Warm, s.Cache, s.StopTimeout = x.Rounds, x.Search, x.Warm, x.Cache, x.StopTimeout
}

func fill[T comparable](p *T, def T) {
	var zero T
	if *p == zero {
		*p = def
	}
}

// numbers is the part of the experiment that does not depend on its variants.
func (s *Spec) numbers() experiment.Spec {
	return experiment.Spec{
		Loads: s.Loads(), Rounds: s.Rounds, Parallel: s.InParallel(), Goals: s.Goals, Search: s.Search,
		Answers: s.Drift, Warm: s.Warm, Cache: s.Cache, StopTimeout: s.StopTimeout,
	}
}

// Experiment is what is run to answer the question; plans has the plan of each
// variant's runs, in their order.
func (s *Spec) Experiment(plans []plan.Plan) experiment.Spec {
	x := s.numbers()
	for i, v := range s.Variants {
		x.Variants = append(x.Variants, experiment.Variant{Name: v.Name, Plan: plans[i], Known: v.URL != "", Cold: v.Simulate != ""})
	}
	x.Identity = s.identity()
	return x
}

// Variant finds a variant by its name; nil where there is none.
func (s *Spec) Variant(name string) *Variant {
	for i := range s.Variants {
		if s.Variants[i].Name == name {
			return &s.Variants[i]
		}
	}
	return nil
}

// InParallel reports whether all variants run at the same time.
func (s *Spec) InParallel() bool { return s.Parallel != nil && *s.Parallel }

// Flag returns the last value of a flag of bench serve, "" where it has none.
func (s *Spec) Flag(name string) string {
	for _, f := range s.Bench {
		if f.Name == name && len(f.Values) > 0 {
			return f.Values[len(f.Values)-1]
		}
	}
	return ""
}

// Loads are what each variant is driven by in each round: the rate of the
// workload's flags, then the numbers of requests in flight. A rate of inf with
// max-concurrency is such a number; without it, the zero Load sends all at once.
func (s *Spec) Loads() []compare.Load {
	var loads []compare.Load
	open, _ := strconv.Atoi(s.Flag("max-concurrency"))
	switch rate := s.rate(); {
	case rate > 0:
		loads = append(loads, compare.Load{Rate: rate})
	case open > 0:
		loads = append(loads, compare.Load{Concurrency: open})
	case len(s.Concurrency) == 0:
		loads = append(loads, compare.Load{})
	}
	for _, c := range s.Concurrency {
		if l := (compare.Load{Concurrency: c}); !slices.Contains(loads, l) {
			loads = append(loads, l)
		}
	}
	return loads
}

// rate is the workload's own in requests a second, 0 for none.
func (s *Spec) rate() float64 {
	rate, err := strconv.ParseFloat(s.Flag("request-rate"), 64)
	if err != nil || !(rate > 0) || math.IsInf(rate, 0) {
		return 0
	}
	return rate
}

// Argv is the command with its arguments, where everything but {host} and {port}
// is filled in: those are chosen when it is started.
func (v Variant) Argv() []string {
	served := v.Served
	if served == "" {
		served = v.Model
	}
	r := strings.NewReplacer("{model}", v.Model, "{served}", served, "{tokenizer}", v.Tokenizer, "{precision}", v.Precision, "{name}", v.Name)
	var out []string
	for _, w := range slices.Concat(v.Command, v.Args) {
		out = append(out, r.Replace(w))
	}
	return out
}

// placeholders are what a command may name.
func placeholders() []string {
	return []string{"{model}", "{served}", "{tokenizer}", "{precision}", "{name}", "{host}", "{port}"}
}

// Options is the engine that a simulated variant names, as the server inside
// takes it. The error says that it is none.
func (v Variant) Options() (sim.Options, error) {
	o, err := sim.ParseSimulate(v.Simulate)
	if err != nil {
		return o, err
	}
	if o.Fixed != nil && v.Model != "" {
		o.Fixed.Model = v.Model
	}
	o.Setup.Folder = v.Folder
	return o, nil
}

// Built is the engine of a simulated variant, with every default filled in. The
// error says what is wrong with it, or that it has set times and no engine.
func (v Variant) Built() (*setup.Built, error) {
	o, err := v.Options()
	if err != nil {
		return nil, err
	}
	if o.Fixed != nil {
		return nil, fmt.Errorf("simulate %q: set times are no engine: name gpu/model", v.Simulate)
	}
	return o.Setup.Build()
}

// Unfit says that a simulated variant's model takes more memory than its cards
// have; nil where it fits, and for what is not simulated.
func (v *Variant) Unfit() error {
	if v.Simulate == "" {
		return nil
	}
	if _, err := v.Built(); errors.Is(err, roofline.ErrMemory) {
		return err
	}
	return nil
}

// simulateWith makes the text that names an engine of a card, for variants that
// only say their model: settings are what stands behind the card's first comma.
func simulateWith(card, model, precision string) string {
	card, settings, more := strings.Cut(card, ",")
	text := card + "/" + model
	if precision != "" {
		text += "/" + precision
	}
	if more {
		text += "," + settings
	}
	return text
}

// problems gathers what is wrong, a line each.
type problems []error

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

func (p problems) err() error { return errors.Join(p...) }
