package cli

import (
	"github.com/spf13/cobra"

	"tokmeter/internal/plan"
)

// reportOptions is what report was asked for.
type reportOptions struct {
	Run         string      // folder of the run
	Compat      *string     // --compat; nil keeps the run's
	Metrics     []string    // nil keeps the run's
	Percentiles []float64   // nil keeps the run's
	Goals       []plan.Goal // nil keeps the run's
}

// addReport adds the command that prints a run's block again.
func (t *tree) addReport(env *Env) {
	cmd := &cobra.Command{
		Use:   "report RUN [flags]",
		Short: "Print the result of a run again, from its folder",
		Long:  "RUN is the folder that the run left. What the flags do not say is as it was in the run.",
	}
	var flags table
	for _, f := range serveTable() {
		switch f.Name {
		case "percentile-metrics", "metric-percentiles", "goodput", "compat":
			f.Group, f.Default = "options", ""
			flags = append(flags, f)
		}
	}
	c := t.add(t.root, cmd, flags)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o, err := c.reportOptions(env, args)
		if err != nil {
			return usage(err)
		}
		printNotes(env.Stderr, c.notes)
		return runReport(cmd.Context(), env, o)
	}
}

// reportOptions turns the words of report into its options.
func (c *command) reportOptions(env *Env, args []string) (reportOptions, error) {
	if err := c.values.check(); err != nil {
		return reportOptions{}, err
	}
	if len(args) != 1 {
		return reportOptions{}, usagef("tokmeter report RUN", "report wants the folder of one run, got %d words", len(args))
	}
	b := &serveBuilder{values: c.values, env: env}
	o := reportOptions{Run: args[0], Goals: b.goals(c.values.list("goodput"))}
	if c.values.given("compat") {
		compat := c.values.text("compat")
		o.Compat = &compat
	}
	if c.values.given("percentile-metrics") {
		o.Metrics = b.metrics(c.values.text("percentile-metrics"))
	}
	if c.values.given("metric-percentiles") {
		o.Percentiles = b.percentiles(c.values.text("metric-percentiles"))
	}
	check := plan.Plan{Goals: o.Goals, Output: plan.Output{Metrics: o.Metrics, Percentiles: o.Percentiles}}
	return o, usage(append(b.problems, check.ValidateReport())...)
}
