package table

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/compare"
)

// Build compares variants by their runs. It fails where there is no variant,
// two have one name, the baseline is not among them, a run is of none of them,
// or two runs are of the same variant, round and load; a variant without runs
// gets a row that says so.
func Build(variants []Variant, runs []compare.Run, o Options) (*Table, error) {
	base, err := baseline(variants, o.Baseline)
	if err != nil {
		return nil, err
	}
	if !(o.Percentile >= 0 && o.Percentile <= 100) {
		return nil, fmt.Errorf("precision: percentile %v: take 0 for the mean, or one up to 100", o.Percentile)
	}
	groups, err := gather(variants, runs)
	if err != nil {
		return nil, err
	}
	b := &builder{variants: variants, base: base, o: o}
	t := &Table{Baseline: variants[base].Name, Percentile: o.Percentile, Simulated: true}
	b.table = t
	ran := false
	for _, v := range variants {
		if slices.ContainsFunc(runs, func(r compare.Run) bool { return r.Variant == v.Name }) {
			ran = true
			t.Simulated = t.Simulated && v.Simulated
		}
	}
	t.Simulated = t.Simulated && ran
	for _, g := range groups {
		t.Loads = append(t.Loads, g.load)
		t.Rounds = max(t.Rounds, len(g.rounds))
	}
	t.Rounds = max(t.Rounds, o.Rounds)
	if t.Load, err = mainLoad(t.Loads, o.Load); err != nil {
		return nil, err
	}
	b.fixed = b.fixedDifferences()
	if len(groups) == 0 {
		groups = []*group{{load: t.Load}}
	}
	for _, g := range groups {
		b.view(g)
	}
	b.judge()
	for i := range t.Views {
		if t.Views[i].Load == t.Load {
			t.Rows = t.Views[i].Rows
		}
	}
	b.warn()
	return t, nil
}

// A builder is a table under way.
type builder struct {
	variants []Variant
	base     int // place of the baseline
	o        Options
	table    *Table
	fixed    map[string]string // why a variant's speedup is withheld at every load
	views    [][]*side         // like table.Views, by variant
}

// baseline is the place of the variant that the others are compared with.
func baseline(variants []Variant, name string) (int, error) {
	if len(variants) == 0 {
		return 0, errors.New("precision: no variants: name at least one")
	}
	names := map[string]int{}
	for i, v := range variants {
		if _, twice := names[v.Name]; twice {
			return 0, fmt.Errorf("precision: two variants are named %q: give each a name of its own", v.Name)
		}
		names[v.Name] = i
	}
	if name != "" {
		i, ok := names[name]
		if !ok {
			return 0, fmt.Errorf("precision: baseline %q: no such variant: take one of %s", name, strings.Join(namesOf(variants), ", "))
		}
		return i, nil
	}
	for i, v := range variants {
		switch strings.ToLower(v.Precision) {
		case "fp16", "bf16", "f16", "f32", "fp32", "float16", "bfloat16", "float32", "half":
			return i, nil
		}
	}
	return 0, nil
}

func namesOf(variants []Variant) []string {
	var out []string
	for _, v := range variants {
		out = append(out, v.Name)
	}
	return out
}

// mainLoad is the load of the table.
func mainLoad(loads []compare.Load, asked *compare.Load) (compare.Load, error) {
	if asked != nil {
		if len(loads) > 0 && !slices.Contains(loads, *asked) {
			return compare.Load{}, fmt.Errorf("precision: no run is at %s: take one of %s", asked, strings.Join(words(loads), ", "))
		}
		return *asked, nil
	}
	if len(loads) == 0 {
		return compare.Load{}, nil
	}
	return loads[0], nil
}

func words(loads []compare.Load) []string {
	var out []string
	for _, l := range loads {
		out = append(out, l.String())
	}
	return out
}
