// Package compare is the command that puts results side by side and, with rules,
// is a gate.
package compare

import (
	"context"
	"errors"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/gate"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/compare"
	"tokmeter/internal/compare/open"
	"tokmeter/internal/compare/page"
)

// docsCompare is what docs/cli.md says of the command.
const docsCompare = "Puts results beside the first one: run directories, or result files of tokmeter and other tools. " +
	"Each difference has a 95 % interval, a probability and a verdict where the files have values of single requests. " +
	"With `--fail-if` it is a gate: exit code 4 where a rule is broken. [compare.md](compare.md) has an example and the rules."

// Command compares results.
func Command() shell.Command {
	return shell.Command{
		Path: "compare", Takes: "A B [C ...] [flags]",
		Short: "Compare results with each other, of tokmeter and of other tools",
		Long: `Puts results beside the first one. Each is a run directory, a result file or a
folder with result files; PATH#PART takes one of several results in a file, and
PATH,PATH,... several runs of the same. Files of vLLM, SGLang, GuideLLM, AIPerf,
genai-perf, inference-perf, genai-bench, llmperf, evalscope, AccelMark, InferenceX,
MLPerf LoadGen and llm-d are read, and brought to tokmeter's definitions; what can't
be is named and not compared.`,
		Flags: table(), Words: true, Files: []string{"json", "jsonl", "yaml", "txt"},
		About: docsCompare,
		Run:   run,
	}
}

func table() flags.Table {
	var formats []string
	for _, f := range page.Formats() {
		formats = append(formats, f.Name)
	}
	const g = "options"
	return append(gate.Flags(g), flags.Table{
		{Name: "metrics", Group: g, Kind: flags.Words1, Origin: flags.Own, Meta: "NAME", Help: "What is compared, such as ttft_p99 tpot_mean output_throughput. Where it is not given, the usual."},
		{Name: "format", Group: g, Origin: flags.Own, Default: formats[0], Choices: formats, Help: "How the comparison is printed: text, Markdown for a pull request, JSON, JUnit for a build server, or one HTML file."},
	}...)
}

func run(_ context.Context, c *shell.Call) error {
	if err := c.Values.Check(); err != nil {
		return shell.Usage(err)
	}
	if len(c.Words) < 2 {
		return shell.Usagef("tokmeter compare BASELINE RUN", "compare wants two results or more, got %d", len(c.Words))
	}
	asked, err := gate.Read(c.Values)
	if err != nil {
		return shell.Usage(err)
	}
	if asked.Options.Only, err = quantities(c.Values); err != nil {
		return shell.Usage(err)
	}
	shell.PrintNotes(c.Env.Stderr, c.Notes)
	var sides []compare.Side
	var bad []error
	for _, w := range c.Words {
		s, err := open.Side(w)
		bad = append(bad, err)
		sides = append(sides, s)
	}
	if err := errors.Join(bad...); err != nil {
		return shell.Usage(err)
	}
	return gate.Conclude(c.Env, sides, asked, c.Values.Text("format"))
}

func quantities(v *flags.Values) ([]compare.Quantity, error) {
	if !v.Given("metrics") {
		return nil, nil
	}
	var out []compare.Quantity
	for _, words := range v.List("metrics") {
		for w := range strings.SplitSeq(words, ",") {
			q, err := compare.ParseQuantity(w)
			if err != nil {
				return nil, errors.New("--metrics: " + err.Error())
			}
			out = append(out, q)
		}
	}
	return out, nil
}
