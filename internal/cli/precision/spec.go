package precision

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/experiment"
	"tokmeter/internal/hub"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/precision"
)

// What the short form asks where no flag says otherwise: the question that the
// table is known for.
const (
	shortPrompts = "100"
	shortRate    = "1"
	// Mean lengths of ShareGPT's first turns, for want of the file itself.
	shortInput  = "220"
	shortOutput = "190"
	shortRange  = "0.9"
)

// precisionSpec is the question that the words and flags ask. The notes are for
// the table.
func precisionSpec(c *shell.Call, ctx context.Context, env *shell.Env, args []string) (s precision.Spec, notes []string, err error) {
	v := c.Values
	if err := v.Check(); err != nil {
		return s, nil, err
	}
	if v.Given("retry") && !v.Given("resume") {
		return s, nil, shell.Usagef("", "--retry needs --resume DIR")
	}
	short := v.Given("variant") || v.Given("simulate")
	find := func(e *setup.Setup) error { return simulated.FindModel(ctx, env, e) }
	switch {
	case len(args) > 1:
		return s, nil, shell.Usagef("tokmeter precision SPEC.yaml", "precision wants one file, got %d words", len(args))
	case len(args) == 1 && short:
		return s, nil, shell.Usagef("leave one out", "the file %s names the variants, and so do --variant and --simulate", flags.Shorten(args[0]))
	case len(args) == 1:
		if s, err = readSpec(args[0], find); err != nil {
			return s, nil, err
		}
	case short:
		if s.Variants, err = shortVariants(v); err != nil {
			return s, nil, err
		}
		s.Find(find)
	default:
		return s, nil, shell.Usagef("tokmeter precision --simulate a10g --virtual shows one at once", "precision needs SPEC.yaml, --variant or --simulate")
	}
	if err := overSpec(v, &s); err != nil {
		return s, nil, err
	}
	if short {
		notes = shortBench(c, ctx, env, &s)
	}
	if v.On("virtual") && !v.Given("rounds") {
		s.Rounds = 1 // every round would be the same
	}
	// What depends on the whole is filled in again.
	s.Fill()
	return s, notes, shell.AsLines(s.Validate(benchNames()))
}

// readSpec reads the file of a question.
func readSpec(path string, find func(*setup.Setup) error) (precision.Spec, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return precision.Spec{}, shell.Usagef("examples/ has specs to begin with", "spec: %w", err)
	}
	s, err := precision.Read(path, text, benchNames(), find)
	return s, shell.AsLines(err)
}

// shortVariants are the variants of the short form.
func shortVariants(v *flags.Values) ([]precision.Variant, error) {
	simulate := v.Text("simulate")
	if simulate != "" {
		if card, _, _ := strings.Cut(simulate, ","); strings.ContainsAny(card, "/=") {
			return nil, shell.Usagef("", "--simulate %q: want a card, such as a10g: models and precisions are the variants'", flags.Shorten(simulate))
		}
	}
	if !v.Given("variant") {
		return precision.Stubs(simulate), nil
	}
	var command []string
	if v.Given("command") {
		var err error
		if command, err = precision.Words(v.Text("command")); err != nil {
			return nil, fmt.Errorf("--command: %w", err)
		}
	}
	var all []precision.Variant
	var problems []error
	for _, word := range v.List("variant") {
		x, err := precision.ParseVariant(word, simulate, command)
		problems = append(problems, err)
		all = append(all, x)
	}
	precision.Distinct(all)
	return all, errors.Join(problems...)
}

// overSpec puts what the flags say over the file's.
func overSpec(v *flags.Values, s *precision.Spec) error {
	var problems []error
	check := func(name string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("--%s: %w", name, err))
		}
	}
	for _, f := range benchGiven(v) {
		s.Bench = slices.DeleteFunc(s.Bench, func(old precision.Flag) bool { return old.Name == f.Name })
		s.Bench = append(s.Bench, f)
	}
	for name, to := range map[string]*string{"title": &s.Title, "baseline": &s.Baseline, "cache": &s.Cache, "output-dir": &s.Output, "currency": &s.Currency} {
		if v.Given(name) {
			*to = v.Text(name)
		}
	}
	for name, to := range map[string]*int{"rounds": &s.Rounds, "drift": &s.Drift} {
		if v.Given(name) {
			if *to = v.Integer(name); *to < 1 && name == "rounds" {
				check(name, fmt.Errorf("want at least 1, got %d", *to))
			}
		}
	}
	for _, limit := range []struct {
		name string
		to   *time.Duration
	}{{"ready-timeout", &s.ReadyTimeout}, {"stop-timeout", &s.StopTimeout}} {
		if v.Given(limit.name) {
			d, err := time.ParseDuration(v.Text(limit.name))
			if err != nil || d <= 0 {
				check(limit.name, fmt.Errorf("want a time such as 30s or 15m, got %q", flags.Shorten(v.Text(limit.name))))
			}
			*limit.to = d
		}
	}
	if on := simulated.OptionalSwitch(v, "parallel"); on != nil {
		s.Parallel = on
	}
	if v.Given("concurrency") {
		var err error
		s.Concurrency, err = wholeNumbers(v.Text("concurrency"))
		check("concurrency", err)
	}
	if v.Given("slo") {
		goals, err := experiment.ParseGoals(v.Text("slo"))
		if s.Goals = goals; err != nil {
			problems = append(problems, fmt.Errorf("--slo: %w", err))
		}
	}
	for i := range s.Variants {
		x := &s.Variants[i]
		if v.Given("gpu") && x.Simulate == "" {
			x.GPU = v.Text("gpu")
		}
		if v.Given("price-per-hour") {
			x.Price = v.Number("price-per-hour")
		}
	}
	return errors.Join(problems...)
}

// wholeNumbers reads numbers split by commas.
func wholeNumbers(list string) ([]int, error) {
	var out []int
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("want numbers of requests such as 1,8,32, got %q", flags.Shorten(list))
		}
		out = append(out, n)
	}
	return out, nil
}

// shortBench fills in the workload of the short form.
func shortBench(c *shell.Call, ctx context.Context, env *shell.Env, s *precision.Spec) (notes []string) {
	add := func(name, value string) {
		if !slices.ContainsFunc(s.Bench, func(f precision.Flag) bool { return f.Name == name }) {
			s.Bench = append(s.Bench, precision.Flag{Name: name, Values: []string{value}})
		}
	}
	given := c.Values.Given
	if !given("dataset-name") && !given("dataset-path") {
		path, err := findShareGPT(ctx, env)
		add("dataset-name", "sharegpt")
		switch {
		case err == nil:
			add("dataset-path", path)
		case slices.ContainsFunc(s.Variants, func(v precision.Variant) bool { return v.Simulate == "" }):
			// The run looks on the hub, and says what is missing.
		default:
			s.Bench = slices.DeleteFunc(s.Bench, func(f precision.Flag) bool { return f.Name == "dataset-name" })
			add("dataset-name", "random")
			add("random-input-len", shortInput)
			add("random-output-len", shortOutput)
			add("random-range-ratio", shortRange)
			sizes := ""
			if !slices.ContainsFunc([]string{"input-len", "output-len", "random-input-len", "random-output-len", "random-range-ratio"}, given) {
				sizes = fmt.Sprintf(", about %s tokens in and %s out, as ShareGPT's are on average", shortInput, shortOutput)
			}
			notes = append(notes, "no ShareGPT file is at hand: lengths are random"+sizes+" (give the file by --dataset-path)")
		}
	}
	add("num-prompts", shortPrompts)
	add("request-rate", shortRate)
	add("ignore-eos", "true")
	add("seed", "0")
	return notes
}

// findShareGPT looks for the file here and in the hub's cache.
func findShareGPT(ctx context.Context, env *shell.Env) (string, error) {
	if info, err := os.Stat(hub.ShareGPTFile); err == nil && info.Mode().IsRegular() {
		return hub.ShareGPTFile, nil
	}
	h := env.Hub()
	h.Offline = true
	return h.Dataset(ctx, hub.ShareGPTDataset, hub.ShareGPTFile)
}
