package cli

import (
	"context"
	"errors"
	"os"

	"tokmeter/internal/tokenize"
)

// tokenizeCommand encodes and decodes JSON lines.
func tokenizeCommand() Command {
	return Command{
		Path: "tokenize", Takes: "--tokenizer PATH",
		Short: "Encode and decode JSON lines",
		Long: `Reads JSON lines on stdin and answers each with one line:
  {"text": "…", "add_special_tokens": true}  gives  {"ids": […]}
  {"ids": […], "skip_special_tokens": true}  gives  {"text": "…"}
Both switches may be left out and are true then.`,
		Flags: table{
			{Name: "tokenizer", Group: "options", Kind: file, Meta: "PATH", Origin: own, Help: "tokenizer.json, or a folder that holds one."},
		},
		Run: func(_ context.Context, c *Call) error { return runTokenize(c) },
	}
}

func runTokenize(c *Call) error {
	if err := c.Values.check(); err != nil {
		return usage(err)
	}
	printNotes(c.Env.Stderr, c.Notes)
	if !c.Values.given("tokenizer") {
		return usagef("", "tokenize needs --tokenizer PATH: a tokenizer.json or its folder")
	}
	path := c.Values.text("tokenizer")
	if _, err := os.Stat(path); err != nil {
		return usagef("want a tokenizer.json or its folder", "--tokenizer: %w", err)
	}
	tok, err := tokenize.LoadPlain(path)
	if err != nil {
		return usage(err)
	}
	err = tokenize.Lines(c.Env.Stdin, c.Env.Stdout, tok)
	if bad := new(tokenize.LineError); errors.As(err, &bad) {
		return usage(err)
	}
	return err
}
