package cli

import "context"

// A Command is one command: all that the tree of commands has to know of it.
type Command struct {
	Path    string // its words, such as "sim replay"
	Takes   string // what follows them in its usage line, such as "[MODEL] [flags]"
	Short   string // what it does, in a line without a full stop
	Long    string
	Flags   table
	Words   bool     // it takes words that belong to no flag
	Files   []string // ends of the files that complete its words; nil where none do
	Choices []string // what its word may be; nil for anything
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
	Values *values
	Notes  []string // what the parser of the command line noted
	Words  []string // that belong to no flag
}
