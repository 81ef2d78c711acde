package shell

import (
	"context"
	"fmt"
	"io"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/excerpt"
)

// A Command is one command: all that the tree of commands has to know of it.
type Command struct {
	Path    string // its words, such as "sim replay"
	Takes   string // what follows them in its usage line, such as "[MODEL] [flags]"
	Short   string // what it does, in a line without a full stop
	Long    string
	Flags   flags.Table
	Words   bool     // it takes words that belong to no flag
	Files   []string // ends of the files that complete its words; nil where none do
	Choices []string // what its word may be; nil for anything
	// First names the flags of a first use, in the order that --help shows them
	// in; nil where it shows all.
	First []string
	// About is what docs/cli.md says of it, and After what follows its flags there;
	// without About it is not on that page.
	About, After string
	// Own is how many of Flags, the first ones, the page shows; 0 for all.
	Own int
	// Run does it. Nil stands for a command that only has others under it.
	Run func(ctx context.Context, c *Call) error
}

// A Call is a command with what it was called with.
type Call struct {
	Env    *Env
	Path   string // the program's name and the command's words
	Values *flags.Values
	Notes  []string // what the parser of the command line noted
	Words  []string // that belong to no flag
}

// EscapeCell is a text as a cell of a table in Markdown.
func EscapeCell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// Line is a line with its end; what comes from a server or a file in it moves
// no terminal's cursor and begins no line of its own.
func Line(format string, args ...any) string {
	return strings.Map(excerpt.Printable, fmt.Sprintf(format, args...)) + "\n"
}

// NoWords refuses words that belong to no flag.
func NoWords(args []string) error {
	if len(args) > 0 {
		return Usagef("flags begin with two hyphens", "unexpected word %q", flags.Shorten(args[0]))
	}
	return nil
}

// PrintNotes writes the notes about the command line on stderr.
func PrintNotes(w io.Writer, notes []string) {
	for _, n := range notes {
		fmt.Fprint(w, Line("tokmeter: warning: %s", n))
	}
}
