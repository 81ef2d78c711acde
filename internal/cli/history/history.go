// Package history is the command that draws what bench serve kept with --baseline.
package history

import (
	"context"
	"errors"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/compare"
	"tokmeter/internal/compare/history"
	"tokmeter/internal/compare/page"
)

// docsHistory is what docs/cli.md says of the command.
const docsHistory = "Draws the runs that `tokmeter bench serve --baseline DIR` kept, and names the points from which on a quantity has another level. " +
	"[compare.md](compare.md) says how they are found."

// Command draws a history.
func Command() shell.Command {
	return shell.Command{
		Path: "history", Takes: "DIR [flags]",
		Short: "Draw the runs of a baseline folder, with the points where they changed",
		Long: `DIR is the folder that bench serve --baseline keeps. The text has a character a run;
html is one file with a chart for each quantity.`,
		Flags: flags.Table{
			{Name: "metrics", Group: "options", Kind: flags.Words1, Origin: flags.Own, Meta: "NAME", Help: "What is drawn, such as ttft_p99 output_throughput. Where it is not given, the usual."},
			{Name: "format", Group: "options", Origin: flags.Own, Default: "text", Choices: []string{"text", "html"}, Help: "How it is drawn."},
		},
		Words: true, About: docsHistory,
		Run: run,
	}
}

func run(_ context.Context, c *shell.Call) error {
	if err := c.Values.Check(); err != nil {
		return shell.Usage(err)
	}
	if len(c.Words) != 1 {
		return shell.Usagef("tokmeter history DIR", "history wants the folder of one history, got %d words", len(c.Words))
	}
	of := compare.Usual()
	if c.Values.Given("metrics") {
		of = nil
		for _, w := range strings.Split(strings.Join(c.Values.List("metrics"), ","), ",") {
			q, err := compare.ParseQuantity(w)
			if err != nil {
				return shell.Usage(errors.New("--metrics: " + err.Error()))
			}
			of = append(of, q)
		}
	}
	all, err := history.Load(c.Words[0])
	if err != nil {
		return shell.Usage(err)
	}
	if len(all) == 0 {
		return shell.Usagef("tokmeter bench serve --baseline DIR begins one", "%s: no run is kept there", c.Words[0])
	}
	write := page.HistoryText
	if c.Values.Text("format") == "html" {
		write = page.HistoryHTML
	}
	return shell.WithCode(shell.ExitFailed, write(c.Env.Stdout, all, page.Lines(all, of)))
}
