package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand says which build this is.
func versionCommand() Command {
	return Command{
		Path: "version", Short: "Say which build this is",
		Run: func(_ context.Context, c *Call) error {
			_, err := fmt.Fprintf(c.Env.Stdout, "tokmeter %s %s %s/%s\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// buildVersion is the module's version, or the commit that was built.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	if version != "" && version != "(devel)" {
		return version
	}
	version = "devel"
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			version += "-" + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			version += "-modified"
		}
	}
	return version
}
