// Package cli is the command line: the table of commands, and the way from words
// to a command, its help and its completion. Each command is a folder that turns
// flags into a plan, calls the room that does it, and prints; none of them knows
// another, and none contains arithmetic. What they share is in shell (the outside
// world, errors, exit codes), flags, measure and simulated. These are the only
// rooms that touch arguments, environment, standard streams, signals and the
// terminal.
package cli

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tokmeter/internal/cli/ab"
	"tokmeter/internal/cli/argv"
	"tokmeter/internal/cli/bench"
	"tokmeter/internal/cli/compare"
	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/history"
	"tokmeter/internal/cli/precision"
	"tokmeter/internal/cli/report"
	"tokmeter/internal/cli/selftest"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/sim"
	"tokmeter/internal/cli/sol"
	"tokmeter/internal/cli/tokenize"
	"tokmeter/internal/cli/version"
	"tokmeter/internal/near"
)

// Env is the outside world of a command.
type Env = shell.Env

// OS is the real outside world.
func OS() *Env { return shell.OS() }

// Main runs the command that env.Args names and returns the exit code of the
// process. It never exits by itself.
func Main(env *Env) int {
	if env.Guard != nil {
		if handled, code := env.Guard(env.Args); handled {
			return code
		}
	}
	err := execute(env)
	shell.PrintError(env.Stderr, err)
	return shell.ExitCode(err)
}

// commands are all commands, those with others under them first.
func commands() []shell.Command {
	return slices.Concat(
		[]shell.Command{
			{Path: "bench", Short: "Measure a server"},
			bench.Command(),
			precision.Command(),
			report.Command(),
			compare.Command(),
			ab.Command(),
			history.Command(),
		},
		sim.Commands(),
		[]shell.Command{
			selftest.Command(),
			sol.Command(),
			tokenize.Command(),
			version.Command(),
		},
	)
}

// A node is a command in the tree.
type node struct {
	shell.Command
	cobra *cobra.Command
}

// A tree is all commands as cobra has them, which knows the shells' completion.
type tree struct {
	root *cobra.Command
	of   map[*cobra.Command]*node
}

// execute finds the command, reads its words and runs it.
func execute(env *shell.Env) error {
	t := newTree(env)
	args := env.Args
	if len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd) {
		return t.complete(args)
	}
	args = asCommands(args)
	cmd, rest := t.find(args)
	if cmd == nil {
		return t.unknownCommand(rest)
	}
	n := t.of[cmd]
	if about, ok := helpWanted(rest); ok {
		return n.help(env, about)
	}
	if cmd == t.root && len(rest) == 0 {
		return n.help(env, "")
	}
	parsed, err := argv.Parse(n.Flags.Options(), n.Flags.Lengthen(rest), os.ReadFile)
	if err != nil {
		return shell.WithCode(shell.ExitUsage, err)
	}
	if n.Run == nil {
		return shell.Usagef("there is "+strings.Join(t.commands(cmd), ", "), "%s needs a command", cmd.CommandPath())
	}
	if !n.Words {
		if err := shell.NoWords(parsed.Words); err != nil {
			return err
		}
	}
	c := &shell.Call{Env: env, Path: cmd.CommandPath(), Values: flags.ValuesOf(n.Flags, parsed.Settings), Notes: parsed.Notes, Words: parsed.Words}
	return n.Run(context.Background(), c)
}

// newTree builds all commands for one run.
func newTree(env *shell.Env) *tree {
	root := &cobra.Command{
		Use:           "tokmeter",
		Short:         "Measure online serving of large language models",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Use: "help", Short: "Show the help of a command"})
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	t := &tree{root: root, of: map[*cobra.Command]*node{root: {cobra: root}}}
	t.help(root)
	for _, c := range append(commands(), t.completionCommand()) {
		t.add(c)
	}
	return t
}

// help gives a command the flag that cobra would give it in other words.
func (t *tree) help(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	cmd.Flags().BoolP("help", "h", false, "Show help; --help WORD for a group or the flags that contain WORD")
}

// add puts a command into the tree, below the one whose words its own begin with.
func (t *tree) add(c shell.Command) {
	words := strings.Fields(c.Path)
	name := words[len(words)-1]
	cmd := &cobra.Command{Use: strings.TrimSpace(name + " " + c.Takes), Short: c.Short, Long: c.Long}
	if c.Run != nil {
		cmd.Run = func(*cobra.Command, []string) {} // cobra only has to know that it can be run
	}
	cmd.ValidArgs = c.Choices
	if c.Files != nil {
		cmd.ValidArgsFunction = cobra.FixedCompletions(c.Files, cobra.ShellCompDirectiveFilterFileExt)
	}
	parent, _ := t.find(words[:len(words)-1])
	parent.AddCommand(cmd)
	t.help(cmd)
	for i := range c.Flags {
		t.completeFlag(cmd, &c.Flags[i])
	}
	t.of[cmd] = &node{c, cmd}
}

// asCommands turns "help bench serve" and "--version" into what they mean.
func asCommands(args []string) []string {
	switch {
	case len(args) > 0 && args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case len(args) == 1 && args[0] == "--version":
		return []string{"version"}
	}
	return args
}

// find follows the words of args to a command and returns what is left. A
// --config before the last word of the command goes to that command. It
// returns nil where a word names no command.
func (t *tree) find(args []string) (*cobra.Command, []string) {
	cmd := t.root
	var early []string
	for len(args) > 0 && cmd.HasSubCommands() {
		if cmd != t.root && len(args) > 1 && args[0] == "--config" {
			early, args = append(early, args[:2]...), args[2:]
			continue
		}
		if cmd != t.root && strings.HasPrefix(args[0], "--config=") {
			early, args = append(early, args[0]), args[1:]
			continue
		}
		if strings.HasPrefix(args[0], "-") {
			break
		}
		next := t.child(cmd, args[0])
		if next == nil && cmd.Runnable() {
			break // the word is its own
		}
		if next == nil {
			return nil, args
		}
		cmd, args = next, args[1:]
	}
	return cmd, append(early, args...)
}

// child returns the subcommand of that name.
func (t *tree) child(cmd *cobra.Command, name string) *cobra.Command {
	for _, c := range cmd.Commands() {
		if c.Name() == name && t.of[c] != nil {
			return c
		}
	}
	return nil
}

// path is the words that lead to a command.
func path(cmd *cobra.Command) []string { return strings.Fields(cmd.CommandPath())[1:] }

// commands lists the commands under one that can be run, by all their words.
func (t *tree) commands(under *cobra.Command) []string {
	var names []string
	for cmd := range t.of {
		name := strings.Join(path(cmd), " ")
		if (!cmd.HasSubCommands() || cmd.Runnable()) && strings.HasPrefix(cmd.CommandPath()+" ", under.CommandPath()+" ") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// unknownCommand says which commands there are.
func (t *tree) unknownCommand(args []string) error {
	names := t.commands(t.root)
	if like := near.Names(args[0], names); len(like) > 0 {
		return shell.Usagef("", "unknown command %q; did you mean %q?", args[0], like[0])
	}
	return shell.Usagef("", "unknown command %q: there is %s", args[0], strings.Join(names, ", "))
}

// helpWanted looks for -h, --help, --help WORD and --help=WORD.
func helpWanted(args []string) (about string, wanted bool) {
	for i, a := range args {
		if a == "--" {
			break
		}
		if a == "-h" || a == "--help" {
			return strings.Join(args[i+1:min(i+2, len(args))], ""), true
		}
		if word, ok := strings.CutPrefix(a, "--help="); ok {
			return word, true
		}
	}
	return "", false
}
