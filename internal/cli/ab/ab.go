// Package ab is the command that measures two targets in interleaved turns and
// compares them: the way that a drift of the machine meets both alike.
package ab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/gate"
	"tokmeter/internal/cli/measure"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/compare"
	"tokmeter/internal/compare/page"
	"tokmeter/internal/experiment"
	"tokmeter/internal/plan"
	"tokmeter/internal/precision/board"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
	"tokmeter/internal/run"
)

// docsAB is what docs/cli.md says of the command.
const docsAB = "Measures two targets in turns, A B B A A B B A, in one session, and ends with the table of `tokmeter compare`. " +
	"A target is the URL of a server, a command that starts one, or `simulate:` with a simulated engine. " +
	"It is the recommended way to compare: each round sends both the same requests, a drift of the machine meets both alike, and the intervals rest on how rounds differ. " +
	"The flags of `tokmeter bench serve` say what is sent. [compare.md](compare.md) has an example."

const group = "comparison options"

// Command compares two targets.
func Command() shell.Command {
	return shell.Command{
		Path: "ab", Takes: "--a TARGET --b TARGET [flags]",
		Short: "Measure two targets in turns and compare them",
		Long: `A target is http://HOST:PORT of a server that runs, a command that starts one, in
which {port} stands for a free port, or simulate:ENGINE for a simulated one. Takes the
flags of bench serve. Engines are started, warmed up, watched and taken down.`,
		Flags: table(), About: docsAB, Own: len(own()),
		Run: func(ctx context.Context, c *shell.Call) error {
			ctx, second, release := c.Env.Interruptible(ctx)
			defer release()
			return shell.KeepInterrupt(ctx, runAB(ctx, c, second))
		},
	}
}

func own() flags.Table {
	var formats []string
	for _, f := range page.Formats() {
		formats = append(formats, f.Name)
	}
	return append(flags.Table{
		{Name: "a", Group: group, Origin: flags.Own, Meta: "TARGET", Help: "The baseline: a URL, a command with {port} in it, or simulate:ENGINE."},
		{Name: "b", Group: group, Origin: flags.Own, Meta: "TARGET", Help: "What is compared with it."},
		{Name: "rounds", Group: group, Kind: flags.Integer, Origin: flags.Own, Default: "4", Help: "How often each has its turn. Fewer than three do not show how rounds differ."},
		{Name: "format", Group: group, Origin: flags.Own, Default: formats[0], Choices: formats, Help: "How the comparison is printed."},
		{Name: "output-dir", Group: group, Kind: flags.Folder, Origin: flags.Own, Help: "Folder of runs, logs and state. Where it is not given, one is made under runs."},
		{Name: "resume", Group: group, Kind: flags.Folder, Origin: flags.Own, Help: "Go on with what was interrupted in this folder, by the same command."},
	}, gate.Flags(group)...)
}

// table is the command's own flags and those of bench serve.
func table() flags.Table {
	t := own()
	mine := map[string]bool{"simulate": true, "base-url": true, "host": true, "port": true, "record-dir": true, "no-record": true, "dry-run": true}
	for _, f := range t {
		mine[f.Name] = true
	}
	for _, f := range measure.Table() {
		if !mine[f.Name] {
			t = append(t, f)
		}
	}
	return t
}

// A side is a target with the plan of its runs.
type side struct {
	name, target string
	argv         []string // of a command; nil for a server that runs or is simulated
	url          string
	plan         plan.Plan
	options      measure.Options
}

func runAB(ctx context.Context, c *shell.Call, abort <-chan struct{}) error {
	if err := c.Values.Check(); err != nil {
		return shell.Usage(err)
	}
	asked, err := gate.Read(c.Values)
	if err != nil {
		return shell.Usage(err)
	}
	l := &laboratory{env: c.Env, abort: abort}
	for _, name := range []string{"a", "b"} {
		s, err := readSide(ctx, c, name)
		if err != nil {
			return shell.Usage(err)
		}
		l.sides = append(l.sides, s)
	}
	shell.PrintNotes(c.Env.Stderr, c.Notes)
	spec, err := l.spec(c)
	if err != nil {
		return shell.Usage(err)
	}
	shared := *c.Env
	shared.Stderr = &shell.LockedWriter{W: c.Env.Stderr}
	l.env = &shared
	store, err := l.folder(c.Values)
	if err != nil {
		return err
	}
	l.board = board.New(shared.Stderr, board.Options{Terminal: c.Env.StderrTTY, Live: !c.Values.On("no-live"), Width: c.Env.ProgressWidth, Now: c.Env.Now})
	res, err := experiment.Run(ctx, spec, experiment.Deps{
		Starter: l, Runner: l, Store: store, Clock: clock{c.Env}, Resume: c.Values.Given("resume"), Nonce: l.nonce(), Tell: l.board.Tell,
	})
	l.board.Close()
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		if res == nil {
			return errors.Join(shell.Usage(err), store.Release())
		}
		if errors.Is(context.Cause(ctx), run.ErrInterrupted) {
			return shell.Failf(shell.ExitInterrupted, "go on by the same command with --resume "+l.dir, "interrupted")
		}
		return err
	}
	fmt.Fprintf(c.Env.Stderr, "tokmeter: kept in %s\n", l.dir)
	sides, err := l.measured(res)
	if err != nil {
		return err
	}
	return gate.Conclude(c.Env, sides, asked, c.Values.Text("format"))
}

// readSide makes the plan of a target.
func readSide(ctx context.Context, c *shell.Call, name string) (*side, error) {
	target := strings.TrimSpace(c.Values.Text(name))
	s := &side{name: name, target: target}
	bench := flags.NewValues(measure.Table())
	for _, f := range bench.Table {
		if own := c.Values.Table.Named(f.Name); own != nil && own.Group != group && c.Values.Given(f.Name) {
			bench.Set(f.Name, c.Values.List(f.Name))
		}
	}
	engine, simulated := strings.CutPrefix(target, "simulate:")
	switch {
	case target == "":
		return nil, fmt.Errorf("--%s is missing: want a URL, a command, or simulate:ENGINE", name)
	case simulated:
		bench.Set("simulate", []string{engine})
	case strings.HasPrefix(target, "http://"), strings.HasPrefix(target, "https://"):
		s.url = strings.TrimRight(target, "/")
		bench.Set("base-url", []string{s.url})
	default:
		argv, err := split(target)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
		if !slices.ContainsFunc(argv, func(w string) bool { return strings.Contains(w, "{port}") }) {
			return nil, fmt.Errorf("--%s: %q: want http://HOST:PORT, simulate:ENGINE, or a command with {port} in it, where the free port is to stand", name, target)
		}
		s.argv = argv
	}
	p, o, err := measure.Plan(ctx, c.Env, bench, nil)
	if err == nil {
		err = measure.CheckFiles(p)
	}
	if err != nil {
		return nil, err
	}
	s.plan, _, err = measure.ChooseDataset(p, o)
	s.options = o
	return s, err
}

// split cuts a command into words as a shell does, with quotes and backslashes.
func split(command string) ([]string, error) {
	var out []string
	var word strings.Builder
	quote, inside := rune(0), false
	runes := []rune(command)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case r == '\\' && quote != '\'' && i+1 < len(runes):
			i++
			word.WriteRune(runes[i])
			inside = true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inside = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if inside {
				out = append(out, word.String())
			}
			word.Reset()
			inside = false
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("%q: a quote is not closed", command)
	}
	if inside {
		out = append(out, word.String())
	}
	return out, nil
}

// spec is the experiment.
func (l *laboratory) spec(c *shell.Call) (experiment.Spec, error) {
	s := experiment.Spec{Rounds: c.Values.Integer("rounds"), Identity: map[string]string{}}
	for _, x := range l.sides {
		s.Variants = append(s.Variants, experiment.Variant{Name: x.name, Plan: x.plan, Known: x.url != "", Cold: x.plan.Target.Simulated})
		s.Identity["target "+x.name] = experiment.Hidden + hash(x.target)
	}
	if s.Rounds < 1 {
		return s, fmt.Errorf("--rounds: want at least 1, got %d", s.Rounds)
	}
	s.Identity["rounds"] = fmt.Sprint(s.Rounds)
	switch load := l.sides[0].plan.Load; {
	case load.RampStrategy != "" || load.SelfTimed:
	case !math.IsInf(float64(load.RequestRate), 1):
		s.Loads = []compare.Load{{Rate: float64(load.RequestRate)}}
	case load.MaxConcurrency > 0:
		s.Loads = []compare.Load{{Concurrency: load.MaxConcurrency}}
	}
	s.Identity["requests"] = l.sides[0].plan.Hash()
	if l.sides[0].plan.Target.Virtual {
		s.Cache = experiment.CacheKeep
	}
	return s, nil
}

// measured are the two sides with a result a round.
func (l *laboratory) measured(res *experiment.Result) ([]compare.Side, error) {
	out := make([]compare.Side, len(l.sides))
	for i, s := range l.sides {
		out[i].Name = s.target
		for k, r := range res.Runs {
			if r.Variant != s.name {
				continue
			}
			one, err := resultOf(res.Dirs[k])
			if err != nil {
				return nil, err
			}
			out[i].Results = append(out[i].Results, one)
		}
		if len(out[i].Results) == 0 {
			return nil, shell.Failf(shell.ExitFailed, "", "--%s has no result: %s", s.name, strings.Join(res.Notes, "; "))
		}
	}
	for _, n := range res.Notes {
		fmt.Fprint(l.env.Stderr, shell.Line("tokmeter: warning: %s", n))
	}
	return out, nil
}

func resultOf(dir string) (compare.Result, error) {
	res, err := result.Of(dir)
	if err != nil {
		return compare.Result{}, err
	}
	defer res.Close()
	return compare.OfRun(&res)
}

// folder is the experiment's: one that is made, or that goes on.
func (l *laboratory) folder(v *flags.Values) (experiment.Folder, error) {
	var f experiment.Folder
	var err error
	switch {
	case v.Given("resume"):
		f = experiment.Folder(v.Text("resume"))
	case v.Given("output-dir"):
		f, err = experiment.NewFolder(v.Text("output-dir"))
	default:
		f, err = experiment.NewFolderIn(run.Folder, record.Name(l.env.Now(), "ab"))
	}
	l.dir = string(f)
	return f, shell.Usage(err)
}
