package sim

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/near"
)

// listTable is the flags of the commands that list the catalogue.
func listTable(filter, help string) flags.Table {
	return flags.Table{
		{Name: filter, Group: "options", Help: help, Origin: flags.Own, Meta: "WORD"},
		{Name: "json", Group: "options", Kind: flags.Toggle, Origin: flags.Own, Help: "Print one JSON object."},
	}
}

// hardwareCommand lists the cards.
func hardwareCommand() shell.Command {
	return shell.Command{
		Path: "sim hardware", Takes: "[CARD] [flags]",
		Short: "List the cards that can be simulated, with the source of every number",
		Long:  "A word shows the cards whose names hold it; where that is one, its kernels too.",
		Flags: listTable("gpu", "Show the cards whose names hold this word."), Words: true,
		About: "Lists the cards of the catalogue: every number with its unit and source, those of a single source marked `?`. A word shows the cards whose names hold it; where that is one, its kernels too.",
		Run:   func(_ context.Context, c *shell.Call) error { return runList(c, "gpu", listHardware) },
	}
}

func listHardware(w io.Writer, word string, asJSON bool) error {
	cards, err := matching("card", word, roofline.Cards(), func(c *roofline.Card) []string {
		return append([]string{c.Name, c.Title}, c.Aliases...)
	})
	switch {
	case err != nil:
		return err
	case asJSON:
		return shell.PrintJSON(w, map[string]any{
			"cards": collectJSON(cards, cardJSON), "generic_kernels": kernelsJSON(roofline.Generic()), "engines": enginesJSON(),
		})
	case len(cards) == 1 && word != "":
		return printCard(w, cards[0])
	}
	return printCards(w, cards)
}

// modelsCommand lists the models.
func modelsCommand() shell.Command {
	return shell.Command{
		Path: "sim models", Takes: "[MODEL] [flags]",
		Short: "List the models that can be simulated, with their shapes",
		Long:  "A word shows the models whose names hold it.",
		Flags: listTable("model", "Show the models whose names hold this word."), Words: true,
		About: "Lists the models of the catalogue with their shapes. A word shows the models whose names hold it.",
		Run:   func(_ context.Context, c *shell.Call) error { return runList(c, "model", listModels) },
	}
}

func listModels(w io.Writer, word string, asJSON bool) error {
	models, err := matching("model", word, roofline.Models(), func(m *roofline.Model) []string {
		return append([]string{m.Name}, m.Aliases...)
	})
	switch {
	case err != nil:
		return err
	case asJSON:
		return shell.PrintJSON(w, map[string]any{"models": collectJSON(models, modelJSON)})
	}
	return printModels(w, models)
}

// runList lists what one word selects.
func runList(c *shell.Call, filter string, list func(w io.Writer, word string, asJSON bool) error) error {
	if err := c.Values.Check(); err != nil {
		return shell.Usage(err)
	}
	word, err := oneWord(c, filter, c.Words)
	if err != nil {
		return err
	}
	shell.PrintNotes(c.Env.Stderr, c.Notes)
	return list(c.Env.Stdout, word, c.Values.On("json"))
}

// oneWord is the value of a flag that may stand without its name.
func oneWord(c *shell.Call, flag string, args []string) (string, error) {
	switch {
	case len(args) > 1:
		return "", shell.Usagef("", "%s takes one word, got %d: %s", c.Path, len(args), flags.Shorten(strings.Join(args, " ")))
	case len(args) == 1 && c.Values.Given(flag) && args[0] != c.Values.Text(flag):
		return "", shell.Usagef("", "two words: %s and --%s %s: give one", flags.Shorten(args[0]), flag, flags.Shorten(c.Values.Text(flag)))
	case len(args) == 1:
		return args[0], nil
	}
	return c.Values.Text(flag), nil
}

// matching returns those whose names hold a word, or the one that is called so.
func matching[T any](what, word string, all []T, names func(T) []string) ([]T, error) {
	word = strings.ToLower(strings.TrimSpace(word))
	var found []T
	var known []string
	for _, x := range all {
		for i, name := range names(x) {
			name = strings.ToLower(name)
			if i == 0 {
				known = append(known, name)
			}
			if name == word {
				return []T{x}, nil
			}
			if strings.Contains(name, word) {
				found = append(found, x)
				break
			}
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	if like := near.Names(word, known); len(like) > 0 {
		return nil, shell.Usagef("", "no %s is called %q; did you mean %s?", what, flags.Shorten(word), like[0])
	}
	return nil, shell.Usagef("", "no %s is called %q: there is %s", what, flags.Shorten(word), strings.Join(known, ", "))
}

func collectJSON[T any](all []T, one func(T) any) []any {
	out := []any{}
	for _, x := range all {
		out = append(out, one(x))
	}
	return out
}

// A grid is a table of text.
type grid struct {
	rows [][]string
	left []bool // columns that are set flush left
}

func (g *grid) row(cells ...string) { g.rows = append(g.rows, cells) }

// print writes the columns two blanks apart.
func (g *grid) print(w io.Writer) error {
	var width []int
	for _, r := range g.rows {
		for i, c := range r {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	for _, r := range g.rows {
		var b strings.Builder
		for i, c := range r {
			pad := strings.Repeat(" ", width[i]-len([]rune(c)))
			if i > 0 {
				b.WriteString("  ")
			}
			if i < len(g.left) && g.left[i] {
				b.WriteString(c + pad)
			} else {
				b.WriteString(pad + c)
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// A sourceList numbers sources as they are met.
type sourceList struct{ all []string }

func (s *sourceList) number(source string) int {
	i := slices.Index(s.all, source)
	if i < 0 {
		s.all = append(s.all, source)
		i = len(s.all) - 1
	}
	return i + 1
}

// print writes the sources under what cites them.
func (s *sourceList) print(w io.Writer) error {
	for i, source := range s.all {
		if _, err := fmt.Fprintf(w, "[%d] %s\n", i+1, source); err != nil {
			return err
		}
	}
	return nil
}
