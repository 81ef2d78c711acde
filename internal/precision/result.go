package precision

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tokmeter/internal/compare"
	"tokmeter/internal/excerpt"
	"tokmeter/internal/experiment"
	"tokmeter/internal/plan"
	"tokmeter/internal/precision/drift"
	"tokmeter/internal/precision/page"
	"tokmeter/internal/precision/table"
)

// An Answer is what an experiment found to a question, and what is known beside
// it.
type Answer struct {
	Spec   *Spec
	Result *experiment.Result
	// Folder is where the experiment is kept by now; "" for nowhere.
	Folder string
	// Percentile of TTFT and TPOT, 0 for the mean.
	Percentile float64
	// Bandwidth is of this machine's memory in bytes a second, for variants whose
	// card is "cpu"; 0 where it was not measured.
	Bandwidth float64
	// Virtual says that no time passed, so that every round is the same.
	Virtual bool
	// Of the head of the page: the plan of a variant's runs, when the first run
	// began, this program's version, and the words that ask the question again,
	// without secrets.
	Plan     plan.Plan
	Begun    time.Time
	Tokmeter string
	Command  []string
	Notes    []string // of what happened before, for the page
}

// A reading is the page of an answer under way.
type reading struct {
	answer *Answer
	notes  []string
}

func (r *reading) note(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(r.notes, s) {
		r.notes = append(r.notes, s)
	}
}

// Page makes the page of the table. The error says that the runs can't be
// compared.
func (a *Answer) Page() (*page.Page, error) {
	r := &reading{answer: a}
	vs := r.variants()
	o := table.Options{Baseline: a.Spec.Baseline, Rounds: a.Spec.Rounds, Percentile: a.Percentile, Exact: a.Virtual}
	// The first load that has a run: those of another may all have failed.
	for _, l := range a.Spec.Loads() {
		if slices.ContainsFunc(a.Result.Runs, func(r compare.Run) bool { return r.Load == l }) {
			o.Load = &l
			break
		}
	}
	t, err := table.Build(vs, a.Result.Runs, o)
	if err != nil {
		return nil, err
	}
	p := &page.Page{Title: a.Spec.Title, About: a.about(vs), Table: t, Notes: slices.Concat(a.Notes, a.Result.Notes, r.notes, gathered(a.Result.Runs))}
	if o.Load != nil {
		p.Notes = append(p.Notes, a.measured(*o.Load)...)
	}
	var goals []string
	for _, g := range a.Spec.Goals {
		goals = append(goals, g.String())
	}
	p.Goals = strings.Join(goals, ",")
	for _, h := range a.Result.Held {
		x := page.Held{Variant: h.Variant, Rate: h.Rate, Above: h.Above, Complete: h.Complete, Text: h.Stop}
		if h.Needs > 0 {
			x.Withheld = fmt.Sprintf("%d requests at %.4g a second end before the load is steady: --num-prompts %d", h.Sent, h.Rate, h.Needs)
		}
		p.Held = append(p.Held, x)
	}
	return p, nil
}

// SimulatedMark stands in the version of an engine that computes nothing.
const SimulatedMark = "(simulated)"

func (r *reading) variants() []table.Variant {
	var out []table.Variant
	for i := range r.answer.Spec.Variants {
		v, x := &r.answer.Spec.Variants[i], r.answer.Result.Variants[i]
		f := x.Facts
		c := table.Variant{
			Name: v.Name, Model: v.Model, Precision: v.Precision, Failure: x.Failure,
			Simulated: v.Simulate != "" || strings.HasSuffix(f.Version, SimulatedMark),
			Version:   f.Version, Args: f.Args, Card: f.Card, Kernel: f.Kernel, Prompts: x.Prompts, IgnoreEOS: x.IgnoreEOS,
			WeightBytes: firstOf(v.WeightBytes, f.WeightBytes), PowerW: firstOf(v.PowerW, f.PowerW, x.PowerW), PricePerHour: v.Price, HostMs: f.HostMs,
		}
		var runs []compare.Run
		for _, run := range r.answer.Result.Runs {
			if run.Variant == v.Name {
				runs = append(runs, run)
			}
		}
		r.limits(v, &c, runs)
		out = append(out, c)
	}
	r.drift(out)
	return out
}

func firstOf(all ...float64) float64 {
	for _, x := range all {
		if x > 0 {
			return x
		}
	}
	return 0
}

// drift adds how the answers agree with the baseline's.
func (r *reading) drift(all []table.Variant) {
	paths, base := map[string]string{}, r.answer.Spec.Baseline
	for _, x := range r.answer.Result.Variants {
		paths[x.Name] = x.Answers
	}
	for i := range all {
		v := &all[i]
		if v.Name == base || paths[base] == "" || paths[v.Name] == "" {
			continue
		}
		a, err := agree(r.answer.Folder, paths[base], paths[v.Name])
		if err != nil {
			r.note("%s: drift: %s", v.Name, excerpt.First(err.Error()))
			continue
		}
		v.Drift = &a
	}
}

// agree compares answers that are kept with the baseline's, from where the
// experiment's folder is by now.
func agree(folder, baseline, other string) (compare.Agreement, error) {
	first, a, err := drift.ReadFile(filepath.Join(folder, filepath.Base(baseline)))
	if err != nil {
		return compare.Agreement{}, err
	}
	second, b, err := drift.ReadFile(filepath.Join(folder, filepath.Base(other)))
	if err != nil {
		return compare.Agreement{}, err
	}
	if first.Prompts != second.Prompts || first.MaxTokens != second.MaxTokens {
		return compare.Agreement{}, fmt.Errorf("%s and %s answer other prompts or at other lengths, as other versions of tokmeter ask: begin in another folder", baseline, other)
	}
	return compare.Agree(a, b), nil
}

// gathered is what the runs themselves doubt, a line for each variant and
// warning: the first run's words, and how many runs say so.
func gathered(runs []compare.Run) (notes []string) {
	type doubt struct{ variant, code string }
	var order []doubt
	count, of, words := map[doubt]int{}, map[string]int{}, map[doubt]string{}
	for i := range runs {
		r := &runs[i]
		of[r.Variant]++
		for _, w := range r.Warnings {
			d := doubt{r.Variant, w.Code}
			if w.Code == experiment.WarnWarmUp || w.Code == experiment.WarnServer {
				d.code += w.Text // each is one of its own
			}
			if count[d]++; count[d] == 1 {
				order = append(order, d)
				words[d] = w.Text
			}
		}
	}
	for _, d := range order {
		line := d.variant + ": " + strings.TrimPrefix(words[d], d.variant+": ")
		if of[d.variant] > 1 {
			line += fmt.Sprintf(" (%d of its %d runs say so, each with its own numbers)", count[d], of[d.variant])
		}
		notes = append(notes, line)
	}
	return notes
}

// seconds is 0 where there is no time.
func seconds(ms float64) float64 {
	if math.IsNaN(ms) {
		return 0
	}
	return ms / 1e3
}
