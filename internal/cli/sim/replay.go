package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/model/replay"
	"tokmeter/internal/model/sched"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/model/steps"
)

// replayCommand runs arrivals on a virtual clock.
func replayCommand() shell.Command {
	return shell.Command{
		Path: "sim replay", Takes: "--requests FILE --model MODEL --gpu CARD [flags]",
		Short: "Run arrivals and lengths on a virtual clock",
		Long: `Tells TTFT, TPOT and E2EL of a simulated engine in no time. FILE has an arrival,
prompt tokens and output tokens for each request: JSON lines or CSV of a trace, what
bench serve --dry-run --save-requests writes, or the folder of a run. What the file
says was measured is shown beside, with the error. A meta.json beside a trace gives
what no flag gives: model, card and settings.`,
		Flags: replayTable(), About: docsReplay,
		Run: func(ctx context.Context, c *shell.Call) error {
			if err := c.Values.Check(); err != nil {
				return shell.Usage(err)
			}
			if !c.Values.Given("requests") {
				return shell.Usagef("", "sim replay needs --requests FILE: arrivals and lengths, - for standard input, or the folder of a run")
			}
			shell.PrintNotes(c.Env.Stderr, c.Notes)
			return runReplay(ctx, c, c.Env)
		},
	}
}

// runReplay runs the requests and prints what came of it.
func runReplay(ctx context.Context, c *shell.Call, env *shell.Env) error {
	v := c.Values
	s, err := simulated.EngineSetup(v, "")
	if err != nil {
		return shell.Usage(err)
	}
	seed := v.Integer("seed")
	if seed < 0 {
		return shell.Usagef("", "--seed: want at least 0, got %d", seed)
	}
	f, err := simulated.ReadArrivals(env, v.Text("requests"))
	if err != nil {
		return shell.Usage(err)
	}
	note, err := fillFromMeta(&s, v.Text("requests"))
	if err != nil {
		return shell.Usage(err)
	}
	if note != "" {
		f.Notes = append(f.Notes, note)
	}
	if s.Model == "" || s.GPU == "" {
		return shell.Usagef("tokmeter sim models and tokmeter sim hardware list the names", "sim replay needs --model MODEL and --gpu CARD: one of them is missing, and no %s beside the requests names it", replay.MetaName)
	}
	missing := simulated.FindModel(ctx, env, &s)
	b, err := s.Build()
	if err != nil {
		return shell.Usage(shell.AsLines(err), missing)
	}
	res, err := replay.RunFile(b, f, replay.Options{Seed: uint64(seed)})
	if errors.Is(err, sched.ErrTooLong) {
		return shell.Usagef("see --max-model-len, --max-num-batched-tokens and --num-gpu-blocks-override", "%w", err)
	}
	if err != nil {
		return shell.Failf(shell.ExitFailed, "", "%w", err)
	}
	sum := replay.Summarize(b, f, res)
	if v.On("json") {
		return shell.PrintJSON(env.Stdout, sum)
	}
	return sum.WriteText(env.Stdout)
}

// fillFromMeta takes from the file beside a trace what no flag says of its
// engine, and tells of it.
func fillFromMeta(s *setup.Setup, requests string) (note string, err error) {
	path := filepath.Join(filepath.Dir(requests), replay.MetaName)
	if info, err := os.Stat(path); requests == "-" || err != nil || !info.Mode().IsRegular() {
		return "", nil
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("--requests: %w", err)
	}
	defer file.Close()
	m, err := replay.ReadMeta(file)
	if err != nil {
		return "", fmt.Errorf("--requests: %s: %w", filepath.Dir(path), err)
	}
	return m.Fill(s), nil
}

// stepsCommand shows every decision of the scheduler.
func stepsCommand() shell.Command {
	return shell.Command{
		Path: "sim steps", Takes: "--cases FILE [flags]",
		Short: "Print every decision of the scheduler on given cases",
		Long: `FILE has settings and requests as JSON, by vLLM's names. For each step it tells who
is scheduled with how many tokens, who is admitted with how many tokens from the
cache, who is preempted, and the free blocks. No time passes in it.`,
		Flags: stepsTable(),
		About: "Runs the scheduler alone on given cases and prints every decision: who is scheduled with how many tokens, who is preempted, free blocks, cache hits.",
		Run: func(_ context.Context, c *shell.Call) error {
			if err := c.Values.Check(); err != nil {
				return shell.Usage(err)
			}
			if !c.Values.Given("cases") {
				return shell.Usagef("", "sim steps needs --cases FILE: settings and requests as JSON, - for standard input")
			}
			shell.PrintNotes(c.Env.Stderr, c.Notes)
			return runSteps(c.Env, c.Values.Text("cases"), c.Values.Text("output"))
		},
	}
}

// runSteps runs the cases of a file and writes the steps to another, or to
// standard output.
func runSteps(env *shell.Env, cases, output string) error {
	in := env.Stdin
	if cases != "-" {
		if err := shell.CheckReadable("--cases", cases, "settings and requests as JSON"); err != nil {
			return err
		}
		f, err := os.Open(cases)
		if err != nil {
			return shell.Usagef("", "--cases: %w", err)
		}
		defer f.Close()
		in = f
	}
	run := func(w io.Writer) error {
		if err := steps.Run(in, w); err != nil {
			return shell.Usagef("", "--cases %s: %w", cases, err)
		}
		return nil
	}
	if output == "" {
		return run(env.Stdout)
	}
	if err := shell.CheckParent("--output", output); err != nil {
		return shell.Usage(err)
	}
	return atomicfile.Write(output, run)
}
