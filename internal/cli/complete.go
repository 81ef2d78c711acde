package cli

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tokmeter/internal/cli/argv"
	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/measure"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/model/setup"
)

// bashAlone has what bash-completion gives to the script of bash.
//
//go:embed completion.bash
var bashAlone string

// completionCommand prints a shell's completion script.
func (t *tree) completionCommand() shell.Command {
	shells := []string{"bash", "zsh", "fish"}
	return shell.Command{
		Path: "completion", Takes: "{bash,zsh,fish}",
		Short: "Print the completion script of a shell",
		Long: `  bash: source <(tokmeter completion bash)
  zsh:  tokmeter completion zsh > "${fpath[1]}/_tokmeter"
  fish: tokmeter completion fish > ~/.config/fish/completions/tokmeter.fish`,
		Words: true, Choices: shells,
		Run: func(_ context.Context, c *shell.Call) error {
			if len(c.Words) != 1 || !slices.Contains(shells, c.Words[0]) {
				return shell.Usagef("", "completion wants the name of one shell: %s", strings.Join(shells, ", "))
			}
			switch c.Words[0] {
			case "bash":
				if _, err := io.WriteString(c.Env.Stdout, bashAlone); err != nil {
					return err
				}
				return t.root.GenBashCompletionV2(c.Env.Stdout, true)
			case "zsh":
				return t.root.GenZshCompletion(c.Env.Stdout)
			}
			return t.root.GenFishCompletion(c.Env.Stdout, true)
		},
	}
}

// A completed is a flag as pflag has it, for the shells' completion alone: the
// words of a command that runs are read by package argv.
type completed struct{ def *flags.Def }

// String is the default.
func (c completed) String() string {
	if c.def == nil {
		return ""
	}
	return c.def.Default
}

// Type is the name of the value.
func (c completed) Type() string { return c.def.Metavar() }

// Set takes any value.
func (completed) Set(string) error { return nil }

// completeFlag tells cobra how the value of a flag is completed.
func (t *tree) completeFlag(cmd *cobra.Command, def *flags.Def) {
	flag := cmd.Flags().VarPF(completed{def}, def.Name, "", def.Help)
	flag.DefValue, flag.Hidden = def.Default, def.Refused != "" || def.Taken
	switch {
	case def.IsSwitch():
		flag.NoOptDefVal = "true"
	case def.Kind == flags.Optional:
		flag.NoOptDefVal = " "
	}
	fixed := func(list []string) cobra.CompletionFunc {
		return cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
	}
	var how cobra.CompletionFunc
	switch {
	case def.Choices != nil:
		how = fixed(def.Built())
	case def.Name == "engine":
		how = fixed([]string{setup.EngineV1, setup.EngineV02024})
	case def.Name == "config":
		how = cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt)
	case def.Name == "percentile-metrics":
		how = completeList(measure.PercentileMetrics(), ",")
	case def.Name == "goodput":
		how = cobra.FixedCompletions([]string{"ttft:", "tpot:", "e2el:"}, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)
	case def.Name == "gpu" || def.Name == "simulate" && cmd.Name() == "precision":
		how = fixed(simulated.CardNames())
	case def.Name == "simulate":
		how = completeTarget
	case def.Name == "model" && cmd.Name() != "serve":
		how = cobra.FixedCompletions(simulated.ModelNames(), cobra.ShellCompDirectiveDefault)
	case def.Kind == flags.Folder:
		how = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	case def.Kind == flags.File || def.Name == "tokenizer" || def.Name == "model":
		how = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	case def.Kind == flags.ToggleNo:
		cmd.Flags().Bool("no-"+def.Name, false, "Switch --"+def.Name+" off")
		return
	case def.IsSwitch():
		return
	default:
		how = fixed(nil)
	}
	if err := cmd.RegisterFlagCompletionFunc(def.Name, how); err != nil {
		panic(err) // the table names a flag twice: every test finds it
	}
}

// completeList completes the last entry of a list.
func completeList(entries []string, sep string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		head := word[:strings.LastIndex(word, sep)+1]
		var out []string
		for _, e := range entries {
			if !slices.Contains(strings.Split(head, sep), e) {
				out = append(out, head+e)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// completeTarget completes a card, its model and its precision.
func completeTarget(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	next, more := simulated.CardNames(), cobra.ShellCompDirectiveNoSpace
	head := word[:strings.LastIndex(word, "/")+1]
	switch strings.Count(head, "/") {
	case 0:
	case 1:
		next = simulated.ModelNames()
	case 2:
		next, more = simulated.Precisions(), 0
	default:
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, n := range next {
		if more == cobra.ShellCompDirectiveNoSpace && head == "" {
			n += "/"
		}
		out = append(out, head+n)
	}
	return out, cobra.ShellCompDirectiveNoFileComp | more
}

// complete answers a shell. What stands before the word in question is turned
// into what pflag reads; where that fails it is taken as it is.
func (t *tree) complete(args []string) error {
	if len(args) < 2 {
		return shell.Usagef("", "%s wants words", args[0])
	}
	before, last := args[1:len(args)-1], args[len(args)-1]
	if cmd, rest := t.find(before); cmd != nil {
		before = append(path(cmd), t.of[cmd].lenient(rest)...)
	}
	t.root.SetArgs(slices.Concat(args[:1], before, []string{last}))
	if err := t.root.Execute(); err != nil {
		return fmt.Errorf("completion: %w", err)
	}
	return nil
}

// canonical writes settings as words that pflag reads whatever they contain.
func canonical(settings []argv.Setting) []string {
	var out []string
	for _, s := range settings {
		out = append(out, "--"+s.Name+"="+strings.Join(s.Values, " "))
	}
	return out
}

// lenient is canonical for words of which the last may wait for its value.
func (n *node) lenient(words []string) []string {
	noFile := func(string) ([]byte, error) { return []byte("{}"), nil }
	read := func(words []string) ([]string, bool) {
		p, err := argv.Parse(n.Flags.Options(), words, noFile)
		if err != nil {
			return nil, false
		}
		return append(canonical(p.Settings), p.Words...), true
	}
	if out, ok := read(words); ok {
		return out
	}
	if last := len(words) - 1; last >= 0 {
		if out, ok := read(words[:last]); ok {
			return append(out, strings.ReplaceAll(words[last], "_", "-"))
		}
	}
	return words
}
