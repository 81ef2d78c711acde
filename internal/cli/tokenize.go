package cli

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"tokmeter/internal/tokenize"
)

// addTokenize adds the command that encodes and decodes JSON lines.
func (t *tree) addTokenize(env *Env) {
	cmd := &cobra.Command{
		Use:   "tokenize --tokenizer PATH",
		Short: "Encode and decode JSON lines",
		Long: `Reads JSON lines on stdin and answers each with one line:
  {"text": "…", "add_special_tokens": true}  gives  {"ids": […]}
  {"ids": […], "skip_special_tokens": true}  gives  {"text": "…"}
Both switches may be left out and are true then.`,
		Args: noWords,
	}
	c := t.add(t.root, cmd, table{
		{Name: "tokenizer", Group: "options", Kind: file, Meta: "PATH", Origin: own, Help: "tokenizer.json, or a folder that holds one."},
	})
	cmd.RunE = func(*cobra.Command, []string) error {
		if err := c.values.check(); err != nil {
			return usage(err)
		}
		printNotes(env.Stderr, c.notes)
		if !c.values.given("tokenizer") {
			return usagef("", "tokenize needs --tokenizer PATH: a tokenizer.json or its folder")
		}
		path := c.values.text("tokenizer")
		if _, err := os.Stat(path); err != nil {
			return usagef("want a tokenizer.json or its folder", "--tokenizer: %w", err)
		}
		tok, err := tokenize.LoadPlain(path)
		if err != nil {
			return usage(err)
		}
		err = tokenize.Lines(env.Stdin, env.Stdout, tok)
		if bad := new(tokenize.LineError); errors.As(err, &bad) {
			return usage(err)
		}
		return err
	}
}
