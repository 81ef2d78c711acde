package cli

import (
	"context"
	"io"

	"tokmeter/internal/plan"
	"tokmeter/internal/report"
	"tokmeter/internal/result"
)

// reportOptions is what report was asked for.
type reportOptions struct {
	Run         string      // folder of the run
	Compat      *string     // --compat; nil keeps the run's
	Metrics     []string    // nil keeps the run's
	Percentiles []float64   // nil keeps the run's
	Goals       []plan.Goal // nil keeps the run's
	Detailed    bool        // every request's numbers and texts, in JSON
	Verbose     bool        // every section whole
	Format      string      // of reportFormats
}

// A reportFormat is a way to write a result.
type reportFormat struct {
	name  string
	write func(io.Writer, result.Result, reportOptions) error
}

// reportFormats lists what --format takes, the default first.
func reportFormats() []reportFormat {
	return []reportFormat{
		{"text", func(w io.Writer, r result.Result, o reportOptions) error { return report.Text(w, r, o.Verbose) }},
		{"json", func(w io.Writer, r result.Result, _ reportOptions) error { return report.JSON(w, r) }},
		{"markdown", func(w io.Writer, r result.Result, o reportOptions) error { return report.Markdown(w, r, o.Verbose) }},
		{"pytorch", func(w io.Writer, r result.Result, _ reportOptions) error { return report.PyTorch(w, r) }},
	}
}

// reportCommand prints a run's block again.
func reportCommand() Command {
	return Command{
		Path: "report", Takes: "RUN [flags]",
		Short: "Print the result of a run or of precision again, from its folder",
		Long: `RUN is the folder that the run left. What the flags do not say is as it was in the run.
The folder of tokmeter precision gives its table, as text, json or markdown.
The formats: text is the block of the run, json its result file to the byte,
markdown a summary for a pull request, pytorch the records of the PyTorch
benchmark database.`,
		Flags: reportTable(), Words: true,
		Run: func(ctx context.Context, c *Call) error {
			o, err := c.reportOptions(c.Env, c.Words)
			if err != nil {
				return usage(err)
			}
			printNotes(c.Env.Stderr, c.Notes)
			return runReport(ctx, c.Env, o)
		},
	}
}

// reportTable is the flags of bench serve that a report knows too.
func reportTable() table {
	var list table
	for _, f := range serveTable() {
		switch f.Name {
		case "percentile-metrics", "metric-percentiles", "goodput", "compat", "save-detailed", "verbose":
			f.Group, f.Default = "options", ""
			list = append(list, f)
		}
	}
	var formats []string
	for _, f := range reportFormats() {
		formats = append(formats, f.name)
	}
	list = append(list, flagDef{Name: "format", Group: "options", Origin: own, Default: formats[0], Choices: formats, Help: "How the result is printed."})
	return list
}

// reportOptions turns the words of report into its options.
func (c *Call) reportOptions(env *Env, args []string) (reportOptions, error) {
	if err := c.Values.check(); err != nil {
		return reportOptions{}, err
	}
	if len(args) != 1 {
		return reportOptions{}, usagef("tokmeter report RUN", "report wants the folder of one run, got %d words", len(args))
	}
	b := &serveBuilder{values: c.Values, env: env}
	o := reportOptions{
		Run: args[0], Goals: b.goals(c.Values.list("goodput")),
		Detailed: c.Values.on("save-detailed"), Verbose: c.Values.on("verbose"), Format: c.Values.text("format"),
	}
	if c.Values.given("compat") {
		compat := c.Values.text("compat")
		o.Compat = &compat
	}
	if c.Values.given("percentile-metrics") {
		o.Metrics = b.metrics(c.Values.text("percentile-metrics"))
	}
	if c.Values.given("metric-percentiles") {
		o.Percentiles = b.percentiles(c.Values.text("metric-percentiles"))
	}
	check := plan.Plan{Goals: o.Goals, Output: plan.Output{Metrics: o.Metrics, Percentiles: o.Percentiles}}
	return o, usage(append(b.problems, check.ValidateReport())...)
}
