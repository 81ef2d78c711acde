// Package tokenize is the command that encodes and decodes JSON lines.
package tokenize

import (
	"context"
	"errors"
	"os"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/tokenize"
)

// Command encodes and decodes JSON lines.
func Command() shell.Command {
	return shell.Command{
		Path: "tokenize", Takes: "--tokenizer PATH",
		Short: "Encode and decode JSON lines",
		Long: `Reads JSON lines on stdin and answers each with one line:
  {"text": "…", "add_special_tokens": true}  gives  {"ids": […]}
  {"ids": […], "skip_special_tokens": true}  gives  {"text": "…"}
Both switches may be left out and are true then.`,
		Flags: flags.Table{
			{Name: "tokenizer", Group: "options", Kind: flags.File, Meta: "PATH", Origin: flags.Own, Help: "tokenizer.json, or a folder that holds one."},
		},
		Run: func(_ context.Context, c *shell.Call) error { return runTokenize(c) },
	}
}

func runTokenize(c *shell.Call) error {
	if err := c.Values.Check(); err != nil {
		return shell.Usage(err)
	}
	shell.PrintNotes(c.Env.Stderr, c.Notes)
	if !c.Values.Given("tokenizer") {
		return shell.Usagef("", "tokenize needs --tokenizer PATH: a tokenizer.json or its folder")
	}
	path := c.Values.Text("tokenizer")
	if _, err := os.Stat(path); err != nil {
		return shell.Usagef("want a tokenizer.json or its folder", "--tokenizer: %w", err)
	}
	tok, err := tokenize.LoadPlain(path)
	if err != nil {
		return shell.Usage(err)
	}
	err = tokenize.Lines(c.Env.Stdin, c.Env.Stdout, tok)
	if bad := new(tokenize.LineError); errors.As(err, &bad) {
		return shell.Usage(err)
	}
	return err
}
