package shell

import (
	"bytes"
	"strings"
)

// fakeEnv is an outside world that keeps what is written.
func fakeEnv(args ...string) (env *Env, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &Env{
		Args: args, Getenv: func(string) string { return "" },
		Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Width: 100,
	}, stdout, stderr
}
