// Package report is the command that prints the result of a run again, from its
// folder.
package report

import (
	"context"
	"io"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/measure"
	"tokmeter/internal/cli/shell"
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

// Command prints a run's block again.
func Command() shell.Command {
	return shell.Command{
		Path: "report", Takes: "RUN [flags]",
		Short: "Print the result of a run or of precision again, from its folder",
		Long: `RUN is the folder that the run left. What the flags do not say is as it was in the run.
The folder of tokmeter precision gives its table, as text, json or markdown.
The formats: text is the block of the run, json its result file to the byte,
markdown a summary for a pull request, pytorch the records of the PyTorch
benchmark database.`,
		Flags: reportTable(), Words: true,
		Run: func(ctx context.Context, c *shell.Call) error {
			o, err := readOptions(c, c.Words)
			if err != nil {
				return shell.Usage(err)
			}
			shell.PrintNotes(c.Env.Stderr, c.Notes)
			return runReport(ctx, c.Env, o)
		},
	}
}

// reportTable is the flags of bench serve that a report knows too.
func reportTable() flags.Table {
	var list flags.Table
	for _, f := range measure.Table() {
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
	list = append(list, flags.Def{Name: "format", Group: "options", Origin: flags.Own, Default: formats[0], Choices: formats, Help: "How the result is printed."})
	return list
}

// readOptions turns the words of report into its options.
func readOptions(c *shell.Call, args []string) (reportOptions, error) {
	if err := c.Values.Check(); err != nil {
		return reportOptions{}, err
	}
	if len(args) != 1 {
		return reportOptions{}, shell.Usagef("tokmeter report RUN", "report wants the folder of one run, got %d words", len(args))
	}
	asked, err := measure.ReadAsked(c.Values)
	o := reportOptions{
		Run: args[0], Goals: asked.Goals, Metrics: asked.Metrics, Percentiles: asked.Percentiles,
		Detailed: c.Values.On("save-detailed"), Verbose: c.Values.On("verbose"), Format: c.Values.Text("format"),
	}
	if c.Values.Given("compat") {
		compat := c.Values.Text("compat")
		o.Compat = &compat
	}
	return o, shell.Usage(err)
}
