// Package sol is the command that prints the speed of light.
package sol

import (
	"context"
	"errors"
	"fmt"
	"math"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/model/light"
	"tokmeter/internal/model/replay"
)

// groupLight is the group of what sol alone has.
const groupLight = "question options"

// docsSol is what docs/cli.md says of sol.
const docsSol = "Tells the speed of light of a model on a card: the least time that its bandwidth and peak rate allow. " +
	"`--cpu` takes the machine that it runs on, whose memory it measures. " +
	"Alone is one request on an empty server, which no software beats; under load is `--requests` through vLLM V1's schedule with perfect kernels, a bound for that policy. " +
	"Formulas, constants and their sources are in [speed-of-light.md](speed-of-light.md)."

// solTable is the flags of sol.
func solTable() flags.Table {
	g := groupLight
	t := flags.Table{
		{Name: "requests", Group: g, Meta: "FILE", Origin: flags.Own, Help: "A load: arrivals and lengths as sim replay reads them, - for standard input, or the folder of a run. What it says was measured is put beside its limit."},
		{Name: "input-len", Group: g, Kind: flags.Human, Origin: flags.Own, Default: "1000", Help: "Prompt tokens of the request alone."},
		{Name: "output-len", Group: g, Kind: flags.Human, Origin: flags.Own, Default: "128", Help: "Output tokens of the request alone."},
		{Name: "batch", Group: g, Kind: flags.Words1, Origin: flags.Own, Meta: "N", Help: "Batches of the table. Where it is not given: 1 8 32 128 256."},
		{Name: "json", Group: g, Kind: flags.Toggle, Origin: flags.Own, Help: "Print one JSON object."},
		{Name: "explain", Group: g, Kind: flags.Toggle, Origin: flags.Own, Help: "List every constant with its source."},
	}
	t = append(t, probeFlags()...)
	for _, f := range append(simulated.EngineFlags(), simulated.SchedulerFlags()...) {
		switch f.Name {
		case "constants", "host-ms", "async-scheduling", "engine", "speculative-config":
			f.Refused = "the speed of light has perfect kernels, no host and vLLM V1's schedule"
		}
		t = append(t, f)
		if f.Name == "model" {
			t = append(t, flags.Def{Name: "model-config", Group: f.Group, Origin: flags.Own, Meta: "PATH", Help: "The same as --model, by the name that bench serve has for it."})
		}
	}
	return t
}

// Command prints the speed of light.
func Command() shell.Command {
	return shell.Command{
		Path: "sol", Takes: "--model MODEL --gpu CARD | --cpu [flags]",
		Short: "Print the speed of light of a model on a card",
		Long: `The least that TTFT, TPOT and E2EL can be: alone on an empty server, and with
--requests under that load through vLLM V1's schedule. What binds is named, and with
--explain every constant with its source. Nothing of it is measured, but for what
--cpu finds out of this machine's memory.`,
		Flags: solTable(), About: docsSol,
		First: []string{"model", "gpu", "cpu", "precision", "tensor-parallel-size", "input-len", "output-len", "batch", "requests", "explain", "json"},
		Run:   runSol,
	}
}

func runSol(ctx context.Context, c *shell.Call) error {
	env := c.Env
	if err := errors.Join(c.Values.Check(), sameModel(c.Values)); err != nil {
		return shell.Usage(err)
	}
	if c.Values.On("cpu") {
		shell.PrintNotes(env.Stderr, c.Notes)
		return solCPU(c, ctx, env)
	}
	for _, name := range []string{"model", "gpu"} {
		if !c.Values.Given(name) {
			return shell.Usagef("--cpu takes this machine for the card; tokmeter sim models and tokmeter sim hardware list the names", "sol needs --model MODEL and --gpu CARD: --%s is missing", name)
		}
	}
	shell.PrintNotes(env.Stderr, c.Notes)
	return printSol(ctx, c, env)
}

// sameModel lets --model-config stand for --model, and refuses what only --cpu
// has where it is not there.
func sameModel(v *flags.Values) error {
	var problems []error
	if v.Given("model-config") {
		if v.Given("model") && v.Text("model") != v.Text("model-config") {
			problems = append(problems, fmt.Errorf("two models: --model %s and --model-config %s: name one", flags.Shorten(v.Text("model")), flags.Shorten(v.Text("model-config"))))
		}
		v.Set("model", v.List("model-config"))
	}
	for _, f := range probeFlags()[1:] {
		if !v.On("cpu") && v.Given(f.Name) {
			problems = append(problems, fmt.Errorf("--%s needs --cpu", f.Name))
		}
	}
	return errors.Join(problems...)
}

// printSol answers and prints.
func printSol(ctx context.Context, c *shell.Call, env *shell.Env) error {
	v := c.Values
	s, err := simulated.EngineSetup(v, "")
	if err != nil {
		return shell.Usage(err)
	}
	missing := simulated.FindModel(ctx, env, &s)
	q, err := question(v, env)
	if err != nil {
		return shell.Usage(err)
	}
	l, err := light.Build(s)
	if err != nil {
		return shell.Usage(shell.AsLines(err), missing)
	}
	sheet := l.Sheet(q)
	if v.On("json") {
		return shell.PrintJSON(env.Stdout, sheet)
	}
	return sheet.WriteText(env.Stdout)
}

// maxAlone bounds the tokens of the request alone, and of a batch.
const maxAlone = 1 << 20

// question reads what sol is asked.
func question(v *flags.Values, env *shell.Env) (light.Question, error) {
	q := light.Question{
		Input: v.Integer("input-len"), Output: v.Integer("output-len"),
		Batches: []int{1, 8, 32, 128, 256}, Explain: v.On("explain"),
	}
	var problems []error
	for _, name := range []string{"input-len", "output-len"} {
		if n := v.Integer(name); n < 1 || n > maxAlone {
			problems = append(problems, fmt.Errorf("--%s: want 1 to %d tokens, got %d", name, maxAlone, n))
		}
	}
	if v.Given("batch") {
		q.Batches = nil
		for _, word := range v.List("batch") {
			n, err := flags.ParseInt(word, true)
			if err == nil && (n < 1 || n > maxAlone) {
				err = fmt.Errorf("want 1 to %d, got %d", maxAlone, n)
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("--batch: %w", err))
				continue
			}
			q.Batches = append(q.Batches, int(n))
		}
	}
	if err := errors.Join(problems...); err != nil || !v.Given("requests") {
		return q, err
	}
	f, err := simulated.ReadArrivals(env, v.Text("requests"))
	if err != nil {
		return q, err
	}
	q.Requests, q.FromQueue = requestsOf(f), f.FromQueue
	return q, nil
}

// requestsOf is a file of requests as the speed of light takes them.
func requestsOf(f *replay.File) []light.Request {
	list := make([]light.Request, len(f.Arrivals))
	known := func(x float64) float64 {
		if math.IsNaN(x) {
			return 0
		}
		return x
	}
	for i, a := range f.Arrivals {
		list[i] = light.Request{At: a.At, Prompt: a.Prompt, Output: a.Output, Priority: a.Priority, Tokens: a.Tokens}
		if i < len(f.Measured) {
			m := f.Measured[i]
			list[i].TTFT, list[i].TPOT, list[i].E2EL = known(m.TTFT), known(m.TPOT), known(m.E2EL)
		}
	}
	return list
}
