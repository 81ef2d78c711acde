package cli

import (
	"fmt"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/measure"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/sim"
)

// docs is the text of docs/cli.md: the flags from the tables.
func docs() string {
	var b strings.Builder
	b.WriteString(docsHead)
	docsTable(&b, measure.Table(), "##", marks())
	for _, c := range commands() {
		if c.About == "" {
			continue
		}
		fmt.Fprintf(&b, "\n## tokmeter %s\n\n%s\n", c.Path, c.About)
		shown := c.Flags
		if c.Own > 0 {
			shown = shown[:c.Own]
		}
		docsTable(&b, shown, "###", nil)
		b.WriteString(c.After)
	}
	return b.String()
}

// docsTable writes the flags of a table under a heading for each group.
func docsTable(b *strings.Builder, t flags.Table, heading string, marks map[flags.Origin]string) {
	for _, g := range t.Groups() {
		if g == sim.GroupTaken {
			fmt.Fprintf(b, "\n%s %s%s\n\n`%s`\n", heading, strings.ToUpper(g[:1]), g[1:], strings.Join(sim.Names(sim.TakenFlags()), "`, `"))
			continue
		}
		fmt.Fprintf(b, "\n%s %s%s\n\n| flag | default | meaning |\n|--|--|--|\n", heading, strings.ToUpper(g[:1]), g[1:])
		for i := range t {
			f := &t[i]
			if f.Group != g {
				continue
			}
			def := f.Default
			switch {
			case f.IsSwitch():
				def = ""
			case def != "":
				def = "`" + def + "`"
			}
			fmt.Fprintf(b, "| `%s`%s | %s | %s |\n", shell.EscapeCell(f.Syntax()), marks[f.Origin], shell.EscapeCell(def), shell.EscapeCell(docsText(f)))
		}
	}
}

// marks stand after flags that vLLM's Python client does not have.
func marks() map[flags.Origin]string {
	return map[flags.Origin]string{flags.Rust: " ²", flags.Own: " ¹"}
}

func docsText(f *flags.Def) string {
	s := f.Help
	if len(f.Choices) > 4 || f.Choices != nil && f.Meta != "" {
		s += " One of " + strings.Join(f.Built(), ", ") + "."
	}
	if len(f.Unbuilt) > 0 {
		s += " Not built: " + strings.Join(f.Unbuilt, ", ") + "."
	}
	if f.Refused != "" {
		s += " **Refused:** " + f.Refused + "."
	}
	return s
}

const docsHead = `# The command line

This page is made from the table that the program itself uses; a test keeps the two equal.

` + "`tokmeter bench serve`" + ` takes every flag of ` + "`vllm bench serve`" + ` 0.32, with the same defaults. Flags marked ¹ are tokmeter's
own, those marked ² come from vLLM's client in Rust. A flag that is refused ends the program with one line and exit code 2,
unless it is given its default.

## How words are read

* ` + "`_` and `-`" + ` are the same in names; ` + "`--k=v` and `--k v`" + ` are the same; a name may be shortened as long as it stays
  unambiguous. Where a beginning fits one flag of vLLM's and others of tokmeter's, it means vLLM's.
* Of a flag that is given twice the last one counts, lists too; the program says so.
* Lists take the words that follow: ` + "`--header A=1 B=2`, `--goodput ttft:200 tpot:50`" + `.
* A word that begins with a hyphen is no value, unless it is a negative number; write it after ` + "`=`" + `.
* JSON can be written key by key: ` + "`--extra-body.temperature 0.7 --extra-body.a.b=1 --extra-body.list+ x`" + `. A value is JSON,
  else a number such as ` + "`8k` (8000), `8K` (8192) or `25.6k`" + `, else text. All keys of one flag make one object. It replaces
  the whole of a plain ` + "`--extra-body '{…}'`" + `, before or after it, as in vLLM; the program says so.
* ` + "`--config FILE.yaml`" + ` may stand anywhere, also before ` + "`serve`" + `. Its lines are flags without hyphens (` + "`request-rate: 4`" + `): true and
  false for switches, lists for lists, maps for JSON. Flags on the command line win. A key that is no flag is an error.
* ` + "`OPENAI_API_KEY`" + ` becomes the bearer token of every request, unless ` + "`--header`" + ` sets Authorization. Values of headers and
  the key are never written into files.
* ` + "`--base-url http://host/v1`" + ` is taken without its ` + "`/v1`" + ` where ` + "`--endpoint`" + ` is not given: the endpoint has it already.

## Exit codes

| code | meaning |
|--|--|
| 0 | everything asked for was done; ` + "`sim`" + ` was stopped by a signal |
| 1 | the run failed: no request succeeded, more failed than succeeded, or something broke on the way |
| 2 | the command line, the configuration or an input file is wrong; no server was asked |
| 3 | a goal was missed |
| 4 | a comparison found a regression |
| 5 | the server could not be reached |
| 130 | interrupted: the first Ctrl-C waits up to 30 s for the requests under way, the second cuts them; what was measured is reported |
`
