// Package selftest is the command that finds out what this machine holds as a
// client, and keeps it for the runs that follow.
package selftest

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/measure"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/machine"
	"tokmeter/internal/selftest"
)

// Command finds out what this machine holds.
func Command() shell.Command {
	return shell.Command{
		Path: "selftest", Takes: "[flags]",
		Short: "Find out how many streams this machine can measure at once",
		Long: `Drives a server of known times, in a process of its own on this machine, with more
and more streams of 50 tokens a second, until they come too slowly or TTFT is more
than 0.1 ms from the truth; and says up to how many of them tokmeter reads within
1 ms (P99), 5 % of the gap between tokens. Takes less than a minute. What it finds is
kept in the user's folder for caches, and a run beyond it says so before it starts.
The server shares the machine, so that with a server elsewhere it holds more.`,
		Flags: table(),
		Run: func(ctx context.Context, c *shell.Call) error {
			if err := c.Values.Check(); err != nil {
				return shell.Usage(err)
			}
			shell.PrintNotes(c.Env.Stderr, c.Notes)
			ctx, _, release := c.Env.Interruptible(ctx)
			defer release()
			return shell.KeepInterrupt(ctx, run(ctx, c.Env, c.Values))
		},
	}
}

func table() flags.Table {
	const g = "selftest options"
	return flags.Table{
		{Name: "file", Group: g, Kind: flags.File, Origin: flags.Own, Help: "Where to keep what was found. Where it is not given: tokmeter/selftest.json in the user's folder for caches, where runs look for it."},
		{Name: "max-streams", Group: g, Kind: flags.Integer, Default: "4096", Origin: flags.Own, Help: "Streams at once at most."},
	}
}

func run(ctx context.Context, env *shell.Env, v *flags.Values) error {
	if n := v.Integer("max-streams"); n < 1 {
		return shell.Usagef("", "--max-streams: want at least 1, got %d", n)
	}
	url, stop, err := serve(ctx, env)
	if err != nil {
		return err
	}
	defer stop()
	say := func(format string, args ...any) { fmt.Fprint(env.Stdout, shell.Line(format, args...)) }
	say("%8s  %12s  %12s  %18s  %16s  %6s", "streams", "tokens/s", "lag P99 ms", "TTFT error mean ms", "P99 of its size", "cores")
	found, err := selftest.Measure(ctx, url, measure.World(env, nil), v.Integer("max-streams"), func(l machine.Level) {
		mark := ""
		if !l.Held {
			mark = "  too much"
		}
		say("%8d  %12.0f  %12.3f  %18.3f  %16.3f  %6.2f%s", l.Streams, l.Tokens, l.LagP99, l.TTFTError, l.TTFTErrorP99, l.CPU, mark)
	})
	if err != nil {
		return shell.Failf(shell.ExitFailed, "", "selftest: %w", err)
	}
	say("%s", found.Line())
	file := v.Text("file")
	if file == "" {
		file = machine.CapacityFile(env.Getenv)
	}
	if err := found.Write(file); err != nil {
		return shell.Failf(shell.ExitFailed, "name another with --file", "selftest: %w", err)
	}
	say("Kept in %s", file)
	return nil
}

// serve starts the server and returns its URL when it serves, and what ends it.
func serve(ctx context.Context, env *shell.Env) (url string, stop func(), err error) {
	fail := func(err error) error {
		return shell.Failf(shell.ExitFailed, "", "selftest: can't start a server of its own: %w", err)
	}
	if env.Executable == nil {
		return "", nil, fail(errors.New("the path of this program is not known"))
	}
	path, err := env.Executable()
	if err != nil {
		return "", nil, fail(err)
	}
	cmd := exec.CommandContext(ctx, path, "sim", "--fixed", selftest.Spec, "--port", "0")
	cmd.WaitDelay = 5 * time.Second
	if env.Environ != nil {
		cmd.Env = env.Environ()
	}
	url, stop, err = selftest.Start(cmd)
	if err != nil {
		return "", nil, fail(err)
	}
	return strings.TrimRight(url, "/"), stop, nil
}
