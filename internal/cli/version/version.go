// Package version is the command that says which build this is.
package version

import (
	"context"
	"fmt"
	"runtime"

	"tokmeter/internal/cli/shell"
)

// Command says which build this is.
func Command() shell.Command {
	return shell.Command{
		Path: "version", Short: "Say which build this is",
		Run: func(_ context.Context, c *shell.Call) error {
			_, err := fmt.Fprintf(c.Env.Stdout, "tokmeter %s %s %s/%s\n", shell.BuildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
