package bench

import (
	"errors"
	"fmt"
	"time"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/gate"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/compare"
	"tokmeter/internal/compare/history"
	"tokmeter/internal/compare/open"
	"tokmeter/internal/plan"
)

const baselineGroup = "baseline options"

// baselineFlags are the flags of bench serve that no plan knows.
func baselineFlags() flags.Table {
	return append(flags.Table{
		{Name: "baseline", Group: baselineGroup, Origin: flags.Own, Meta: "PATH", Help: "Compare the run with a baseline when it is over: a run directory or result file, or a folder in which the results of runs are kept from now on; the last one that passed is the baseline. tokmeter history draws it."},
	}, gate.Flags(baselineGroup)...)
}

// A baseline is what a run is compared with.
type baseline struct {
	path  string
	kept  bool // path is a history, to which the run is added
	side  *compare.Side
	asked gate.Asked
	when  time.Time
}

// readBaseline finds the baseline before the run, so that a wrong path costs none.
// Nil where none is asked for.
func readBaseline(env *shell.Env, v *flags.Values, p plan.Plan, runs int) (*baseline, error) {
	if !v.Given("baseline") {
		for _, f := range gate.Flags(baselineGroup) {
			if v.Given(f.Name) {
				return nil, fmt.Errorf("--%s needs --baseline PATH, which says with what the run is compared", f.Name)
			}
		}
		return nil, nil
	}
	b := &baseline{path: v.Text("baseline"), when: env.Now()}
	var err error
	if b.asked, err = gate.Read(v); err != nil {
		return nil, err
	}
	switch {
	case p.Output.NoRecord:
		return nil, errors.New("--baseline reads the run's records: leave --no-record out")
	case runs > 1:
		return nil, errors.New("--baseline compares one run: leave --num-runs out, and compare runs by tokmeter compare A1,A2,A3 B1,B2,B3")
	}
	if b.kept = history.IsHistory(b.path); !b.kept {
		s, err := open.Side(b.path)
		if err != nil {
			return nil, fmt.Errorf("--baseline: %w", err)
		}
		b.side = &s
		return b, nil
	}
	all, err := history.Load(b.path)
	if err != nil {
		return nil, fmt.Errorf("--baseline: %w", err)
	}
	for i := range all {
		if !all[i].Failed {
			b.side = &compare.Side{Name: b.path + " " + all[i].Name, Results: []compare.Result{all[i].Result}}
		}
	}
	return b, nil
}

// conclude compares the run in dir, prints the table, and keeps the run where the
// baseline is a history.
func (b *baseline) conclude(env *shell.Env, dir string) error {
	s, err := open.Side(dir)
	if err != nil {
		return shell.Failf(shell.ExitFailed, "", "--baseline: %w", err)
	}
	var verdict error
	if b.side != nil {
		fmt.Fprintln(env.Stdout)
		verdict = gate.Conclude(env, []compare.Side{*b.side, s}, b.asked, "text")
	}
	if !b.kept {
		return verdict
	}
	e := history.Entry{When: b.when, Failed: shell.ExitCode(verdict) == shell.ExitRegression, Result: s.Results[0]}
	if err := history.Add(b.path, e); err != nil {
		return errors.Join(verdict, shell.Failf(shell.ExitFailed, "", "--baseline: %w", err))
	}
	fmt.Fprint(env.Stderr, shell.Line("tokmeter: the run is kept in %s", b.path))
	return verdict
}
