package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/model/replay"
	"tokmeter/internal/model/sched"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/model/steps"
	"tokmeter/internal/record"
)

// replayCommand runs arrivals on a virtual clock.
func replayCommand() Command {
	return Command{
		Path: "sim replay", Takes: "--requests FILE --model MODEL --gpu CARD [flags]",
		Short: "Run arrivals and lengths on a virtual clock",
		Long: `Tells TTFT, TPOT and E2EL of a simulated engine in no time. FILE has an arrival,
prompt tokens and output tokens for each request: JSON lines or CSV of a trace, what
bench serve --dry-run --save-requests writes, or the folder of a run. What the file
says was measured is shown beside, with the error. A meta.json beside a trace gives
what no flag gives: model, card and settings.`,
		Flags: replayTable(), About: docsReplay,
		Run: func(_ context.Context, c *Call) error {
			if err := c.Values.check(); err != nil {
				return usage(err)
			}
			if !c.Values.given("requests") {
				return usagef("", "sim replay needs --requests FILE: arrivals and lengths, - for standard input, or the folder of a run")
			}
			printNotes(c.Env.Stderr, c.Notes)
			return c.replay(c.Env)
		},
	}
}

// replay runs the requests and prints what came of it.
func (c *Call) replay(env *Env) error {
	v := c.Values
	s, err := v.engineSetup("")
	if err != nil {
		return usage(err)
	}
	seed := v.integer("seed")
	if seed < 0 {
		return usagef("", "--seed: want at least 0, got %d", seed)
	}
	f, err := readArrivals(env, v.text("requests"))
	if err != nil {
		return usage(err)
	}
	note, err := fillFromMeta(&s, v.text("requests"))
	if err != nil {
		return usage(err)
	}
	if note != "" {
		f.Notes = append(f.Notes, note)
	}
	if s.Model == "" || s.GPU == "" {
		return usagef("tokmeter sim models and tokmeter sim hardware list the names", "sim replay needs --model MODEL and --gpu CARD: one of them is missing, and no %s beside the requests names it", replay.MetaName)
	}
	b, err := s.Build()
	if err != nil {
		return usage(asLines(err))
	}
	res, err := replay.Run(b, f.Arrivals, replay.Options{Seed: uint64(seed)})
	if errors.Is(err, sched.ErrTooLong) {
		return usagef("see --max-model-len, --max-num-batched-tokens and --num-gpu-blocks-override", "%w", err)
	}
	if err != nil {
		return failf(ExitFailed, "", "%w", err)
	}
	sum := replay.Summarize(b, f, res)
	if v.on("json") {
		return printJSON(env.Stdout, sum)
	}
	return sum.WriteText(env.Stdout)
}

// readArrivals reads the requests of --requests: standard input, a file, or the
// folder of a run.
func readArrivals(env *Env, path string) (*replay.File, error) {
	if path == "-" {
		f, err := replay.Read(env.Stdin)
		if err != nil {
			return nil, fmt.Errorf("--requests, standard input: %w", err)
		}
		return f, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, usagef("a file of requests, - for standard input, or the folder of a run", "--requests: %w", err)
	}
	if info.IsDir() {
		return runArrivals(path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--requests: %w", err)
	}
	defer file.Close()
	f, err := replay.Read(file)
	if err != nil {
		return nil, fmt.Errorf("--requests %s: %w", path, err)
	}
	return f, nil
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

// runArrivals takes the requests of a run, with the tokens that were counted
// after it.
func runArrivals(dir string) (*replay.File, error) {
	run, err := record.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("--requests: %w", err)
	}
	recs, _, notes, err := run.Load()
	if err != nil {
		return nil, fmt.Errorf("--requests: %w", err)
	}
	defer recs.Close()
	sent := make([]replay.Sent, 0, recs.Len())
	for r, err := range recs.Pass() {
		if err != nil {
			return nil, fmt.Errorf("--requests: %w", err)
		}
		sent = append(sent, replay.Sent{
			ID: r.ID, Index: r.Index, OK: r.Outcome == record.OK, Prompt: r.PromptTokens.N, Output: r.OutputTokens.N,
			At: atSecond(r.Timing.Sent), First: atSecond(r.FirstToken), Last: atSecond(r.LastToken),
		})
	}
	f, err := replay.FromRun(sent)
	if err != nil {
		return nil, fmt.Errorf("--requests %s: %w", dir, err)
	}
	for _, n := range notes {
		f.Notes = append(f.Notes, n.Text)
	}
	return f, nil
}

// atSecond is a stamp in seconds of the run's clock.
func atSecond(s record.Stamp) float64 { return time.Duration(s).Seconds() }

// stepsCommand shows every decision of the scheduler.
func stepsCommand() Command {
	return Command{
		Path: "sim steps", Takes: "--cases FILE [flags]",
		Short: "Print every decision of the scheduler on given cases",
		Long: `FILE has settings and requests as JSON, by vLLM's names. For each step it tells who
is scheduled with how many tokens, who is admitted with how many tokens from the
cache, who is preempted, and the free blocks. No time passes in it.`,
		Flags: stepsTable(),
		About: "Runs the scheduler alone on given cases and prints every decision: who is scheduled with how many tokens, who is preempted, free blocks, cache hits.",
		Run: func(_ context.Context, c *Call) error {
			if err := c.Values.check(); err != nil {
				return usage(err)
			}
			if !c.Values.given("cases") {
				return usagef("", "sim steps needs --cases FILE: settings and requests as JSON, - for standard input")
			}
			printNotes(c.Env.Stderr, c.Notes)
			return runSteps(c.Env, c.Values.text("cases"), c.Values.text("output"))
		},
	}
}

// runSteps runs the cases of a file and writes the steps to another, or to
// standard output.
func runSteps(env *Env, cases, output string) error {
	in := env.Stdin
	if cases != "-" {
		if err := checkReadable("--cases", cases, "settings and requests as JSON"); err != nil {
			return err
		}
		f, err := os.Open(cases)
		if err != nil {
			return usagef("", "--cases: %w", err)
		}
		defer f.Close()
		in = f
	}
	run := func(w io.Writer) error {
		if err := steps.Run(in, w); err != nil {
			return usagef("", "--cases %s: %w", cases, err)
		}
		return nil
	}
	if output == "" {
		return run(env.Stdout)
	}
	if err := checkParent("--output", output); err != nil {
		return usage(err)
	}
	return atomicfile.Write(output, run)
}
