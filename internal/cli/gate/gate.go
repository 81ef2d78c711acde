// Package gate is the flags of a comparison that may fail a build, and how it ends:
// what compare, ab and bench serve have in common.
package gate

import (
	"errors"
	"fmt"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/compare"
	"tokmeter/internal/compare/page"
)

// Flags are the flags of a gate in a group of the help.
func Flags(group string) flags.Table {
	return flags.Table{
		{Name: "fail-if", Group: group, Origin: flags.Own, Joined: true, Meta: "RULE", Help: "End with exit code 4 where a rule is broken, such as \"tpot_p99 worse by 5%\": the side is at least as much worse, and that is beyond chance. Several are split by commas, or given by the flag again."},
		{Name: "same-within", Group: group, Kind: flags.Number, Origin: flags.Own, Default: "2", Meta: "PERCENT", Help: "Within how many percent two numbers are the same."},
		{Name: "run-spread", Group: group, Kind: flags.Number, Origin: flags.Own, Default: "1", Meta: "PERCENT", Help: "By how many percent runs of one system differ (standard deviation). It widens the intervals where a side has one run, which does not show it."},
		{Name: "unlike", Group: group, Kind: flags.Toggle, Origin: flags.Own, Help: "Give verdicts although the workloads are not the same."},
	}
}

// Asked is what the flags say.
type Asked struct {
	Options compare.Options
	Rules   []compare.Rule
}

// Read reads the flags. The error is one of usage.
func Read(v *flags.Values) (Asked, error) {
	var a Asked
	var bad []error
	share := func(name string, most float64) float64 {
		x := v.Number(name)
		if !(x >= 0 && x <= most) {
			bad = append(bad, fmt.Errorf("--%s: want 0 to %g percent, got %g", name, most, x))
		}
		return x / 100
	}
	a.Options.Margin, a.Options.Spread, a.Options.Unlike = share("same-within", 50), share("run-spread", 50), v.On("unlike")
	if v.Given("fail-if") {
		rules, err := compare.ParseRules(v.Text("fail-if"))
		if err != nil {
			err = fmt.Errorf("--fail-if: %w", err)
		}
		a.Rules = rules
		bad = append(bad, err)
	}
	return a, errors.Join(bad...)
}

// Conclude compares sides with the first one, prints the comparison and says how it
// went: an error with the exit code of a regression where a rule is broken, and one
// of usage where a rule can't be checked.
func Conclude(env *shell.Env, sides []compare.Side, a Asked, format string) error {
	r, err := compare.Compare(sides, a.Options)
	if err != nil {
		return shell.Usage(err)
	}
	p := page.Page{Report: r}
	if len(a.Rules) > 0 {
		p.Findings = compare.Gate(sides[0], sides[1:], a.Rules, a.Options)
	}
	for _, f := range page.Formats() {
		if f.Name == format {
			err = f.Write(env.Stdout, p)
		}
	}
	if err != nil {
		return shell.Failf(shell.ExitFailed, "", "%w", err)
	}
	return verdict(p.Findings)
}

// verdict is the error that a gate ends with; nil where all is well.
func verdict(all []compare.Finding) error {
	var broken, unchecked []error
	for _, f := range all {
		switch {
		case f.Err != nil:
			unchecked = append(unchecked, fmt.Errorf("--fail-if %q: %w", f.Rule.String(), f.Err))
		case f.Broken:
			broken = append(broken, fmt.Errorf("%s: %s: %s", f.Rule, f.Side, f.Text))
		}
	}
	if len(broken) > 0 {
		return shell.WithCode(shell.ExitRegression, errors.Join(append(broken, unchecked...)...))
	}
	return shell.Usage(unchecked...)
}
