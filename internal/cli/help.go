package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/sim"
)

// jsonTip explains the two ways to write a JSON flag.
const jsonTip = `A flag that takes JSON can be written whole or key by key; these are the same:
  --extra-body '{"a": 1, "b": {"c": ["x", "y"]}}'
  --extra-body.a 1 --extra-body.b.c+ x \
    --extra-body.b.c+=y
Where both are given for one flag, the keys replace the whole. A value that is
no JSON may be a number such as 8k (8000), 8K (8192) or 25.6k, else it is text.`

// nameTip explains how names may be written.
const nameTip = `Names may be written with _ for -, shortened as long as they stay unambiguous, and with = before the value. Of a flag that is given twice the last one counts.`

// help writes the help of a command: all of it, one group, or the flags whose
// names contain a word.
func (n *node) help(env *shell.Env, about string) error {
	p := helpPrinter{w: env.Stdout, width: min(env.TextWidth(), 120)}
	word := strings.TrimLeft(strings.ReplaceAll(strings.ToLower(about), "_", "-"), "-")
	switch {
	case word == "" || word == "all":
		n.helpAll(&p, word == "all")
		return p.err
	case word == "listgroup": // vLLM's word
		for _, g := range n.Flags.Groups() {
			p.line(g)
		}
		return p.err
	case n.cobra.HasSubCommands() && n.Run == nil:
		return shell.Usagef("", "%s has no flags to look for: see %s --help", n.cobra.CommandPath(), n.cobra.CommandPath())
	}
	if found := n.inGroup(word); len(found) > 0 {
		p.groups(found)
		p.jsonTip(found)
		return p.err
	}
	var found flags.Table
	for _, f := range n.Flags {
		if strings.Contains("--"+f.Name, word) || f.Kind == flags.ToggleNo && strings.Contains("--no-"+f.Name, word) {
			found = append(found, f)
		}
	}
	if len(found) == 0 {
		p.text(fmt.Sprintf("No group or flag matches %q.", about))
		p.text("--help all lists all flags in their groups: " + strings.Join(n.Flags.Groups(), ", ") + ".")
		return p.err
	}
	p.section("flags matching "+word, found)
	p.jsonTip(found)
	return p.err
}

// inGroup returns the flags of a group. "options" is what vLLM calls all those
// that have no group of a dataset or of sampling.
func (n *node) inGroup(title string) flags.Table {
	var found flags.Table
	for _, f := range n.Flags {
		if strings.EqualFold(strings.ReplaceAll(f.Group, "_", "-"), title) || title == "options" && slices.Contains(flags.GeneralGroups(), f.Group) {
			found = append(found, f)
		}
	}
	return found
}

// helpAll writes what a command is for and its flags: those of a first use, or
// every one.
func (n *node) helpAll(p *helpPrinter, all bool) {
	if n.cobra.HasSubCommands() && n.Run == nil {
		p.line("usage: " + n.cobra.CommandPath() + " COMMAND [flags]")
		p.text(n.cobra.Short + ".")
		p.commands(n.cobra)
		return
	}
	p.hang("usage: "+n.cobra.UseLine(), len("usage: "))
	p.text(n.cobra.Short + ".")
	if n.cobra.Long != "" {
		p.text(n.cobra.Long)
	}
	first := n.first()
	if first != nil && !all {
		p.text(fmt.Sprintf("These are %d of %d flags. --help all shows every one, --help WORD those with WORD in their name, and --help GROUP a group.", len(first), len(n.Flags)))
	}
	if n.cobra.HasSubCommands() {
		p.commands(n.cobra)
	}
	if first != nil && !all {
		p.brief(first)
		p.text("Groups: " + strings.Join(n.Flags.Groups(), ", ") + ".")
		return
	}
	p.groups(n.Flags)
	if len(n.Flags) == 0 {
		return
	}
	p.jsonTip(n.Flags)
	if len(n.Flags.Groups()) > 1 {
		p.text(nameTip)
	}
}

// first returns the flags of a first use; nil where the command has too few
// flags to choose from.
func (n *node) first() flags.Table {
	var t flags.Table
	for _, name := range n.First {
		t = append(t, *n.Flags.Named(name))
	}
	return t
}

// jsonTip explains flags that take JSON where there are some.
func (p *helpPrinter) jsonTip(of flags.Table) {
	if slices.ContainsFunc(of, func(f flags.Def) bool { return f.Kind == flags.Object || f.Kind == flags.Ratio }) {
		p.text(jsonTip)
	}
}

// commands lists what stands under a command.
func (p *helpPrinter) commands(of *cobra.Command) {
	p.line("\ncommands:")
	for _, sub := range of.Commands() {
		if !sub.Hidden {
			p.entry(sub.Use, sub.Short+".")
		}
	}
	p.text("COMMAND --help tells more of each.")
}

// A helpPrinter writes help and keeps the first error.
type helpPrinter struct {
	w     io.Writer
	width int
	begun bool
	err   error
}

func (p *helpPrinter) line(s string) {
	if p.err == nil && (p.begun || s != "") {
		p.begun = true
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(s, " "))
	}
}

// text writes paragraphs after an empty line. Lines that begin with white space
// stay as they are; the others run together.
func (p *helpPrinter) text(s string) {
	p.line("")
	run := ""
	flush := func() {
		if run != "" {
			for _, part := range wrap(run, p.width) {
				p.line(part)
			}
		}
		run = ""
	}
	for _, l := range strings.Split(s, "\n") {
		switch {
		case l == "" || strings.HasPrefix(l, " "):
			flush()
			p.line(l)
		case run == "":
			run = l
		default:
			run += " " + l
		}
	}
	flush()
}

// hang writes a line whose continuations begin indent columns in.
func (p *helpPrinter) hang(s string, indent int) {
	for i, part := range wrap(s, p.width-indent) {
		if i > 0 {
			part = strings.Repeat(" ", indent) + part
		}
		p.line(part)
	}
}

func (p *helpPrinter) groups(t flags.Table) {
	for _, g := range t.Groups() {
		var part flags.Table
		for _, f := range t {
			if f.Group == g {
				part = append(part, f)
			}
		}
		p.section(g, part)
	}
}

func (p *helpPrinter) section(title string, t flags.Table) {
	p.line("")
	p.hang(title+":", 2)
	if title == sim.GroupTaken {
		for _, l := range wrap(strings.Join(sim.Names(t), " "), p.width-2) {
			p.line("  " + l)
		}
		return
	}
	for i := range t {
		p.entry(t[i].Syntax(), t[i].Describe())
	}
}

// brief writes flags with a sentence each.
func (p *helpPrinter) brief(t flags.Table) {
	p.line("\nflags:")
	for i := range t {
		p.entry(t[i].Syntax(), t[i].Brief())
	}
}

// helpColumn is where the description of an entry begins, and narrow the width
// below which it stands under the name.
const (
	helpColumn = 28
	narrow     = 64
)

// entry writes a name and what it means beside it, or below where the name is
// long or the terminal narrow.
func (p *helpPrinter) entry(name, about string) {
	column := helpColumn
	if p.width < narrow {
		column = 6
	}
	head := "  " + name
	if utf8.RuneCountInString(head) > column-2 {
		for i, l := range wrap(name, p.width-4) {
			p.line(strings.Repeat(" ", 2+2*min(i, 1)) + l)
		}
		head = ""
	}
	for _, l := range wrap(about, p.width-column) {
		p.line(fmt.Sprintf("%-*s%s", column, head, l))
		head = ""
	}
}

// wrap cuts a line at white space so that no part is longer than width where
// that is possible. A line that begins with white space stays whole.
func wrap(s string, width int) []string {
	if strings.HasPrefix(s, " ") || utf8.RuneCountInString(s) <= width {
		return []string{s}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
