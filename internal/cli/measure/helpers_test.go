package measure

import (
	"bytes"
	"strings"

	"tokmeter/internal/cli/shell"
)

// fakeEnv is an outside world that keeps what is written.
func fakeEnv(args ...string) (env *shell.Env, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &shell.Env{
		Args: args, Getenv: func(string) string { return "" },
		Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Width: 100,
	}, stdout, stderr
}
