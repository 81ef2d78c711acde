package cli

import (
	"context"
	"errors"
	"fmt"
	"math"

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
func solTable() table {
	g := groupLight
	t := table{
		{Name: "requests", Group: g, Meta: "FILE", Origin: own, Help: "A load: arrivals and lengths as sim replay reads them, - for standard input, or the folder of a run. What it says was measured is put beside its limit."},
		{Name: "input-len", Group: g, Kind: human, Origin: own, Default: "1000", Help: "Prompt tokens of the request alone."},
		{Name: "output-len", Group: g, Kind: human, Origin: own, Default: "128", Help: "Output tokens of the request alone."},
		{Name: "batch", Group: g, Kind: words1, Origin: own, Meta: "N", Help: "Batches of the table. Where it is not given: 1 8 32 128 256."},
		{Name: "json", Group: g, Kind: toggle, Origin: own, Help: "Print one JSON object."},
		{Name: "explain", Group: g, Kind: toggle, Origin: own, Help: "List every constant with its source."},
	}
	t = append(t, probeFlags()...)
	for _, f := range append(engineFlags(), schedulerFlags()...) {
		switch f.Name {
		case "constants", "host-ms", "async-scheduling", "engine", "speculative-config":
			f.Refused = "the speed of light has perfect kernels, no host and vLLM V1's schedule"
		}
		t = append(t, f)
		if f.Name == "model" {
			t = append(t, flagDef{Name: "model-config", Group: f.Group, Origin: own, Meta: "PATH", Help: "The same as --model, by the name that bench serve has for it."})
		}
	}
	return t
}

// solCommand prints the speed of light.
func solCommand() Command {
	return Command{
		Path: "sol", Takes: "--model MODEL --gpu CARD | --cpu [flags]",
		Short: "Print the speed of light of a model on a card",
		Long: `The least that TTFT, TPOT and E2EL can be: alone on an empty server, and with
--requests under that load through vLLM V1's schedule. What binds is named, and with
--explain every constant with its source. Nothing of it is measured, but for what
--cpu finds out of this machine's memory.`,
		Flags: solTable(), About: docsSol,
		Run: runSol,
	}
}

func runSol(ctx context.Context, c *Call) error {
	env := c.Env
	if err := errors.Join(c.Values.check(), c.Values.sameModel()); err != nil {
		return usage(err)
	}
	if c.Values.on("cpu") {
		printNotes(env.Stderr, c.Notes)
		return c.solCPU(ctx, env)
	}
	for _, name := range []string{"model", "gpu"} {
		if !c.Values.given(name) {
			return usagef("--cpu takes this machine for the card; tokmeter sim models and tokmeter sim hardware list the names", "sol needs --model MODEL and --gpu CARD: --%s is missing", name)
		}
	}
	printNotes(env.Stderr, c.Notes)
	return c.sol(env)
}

// sameModel lets --model-config stand for --model, and refuses what only --cpu
// has where it is not there.
func (v *values) sameModel() error {
	var problems []error
	if v.given("model-config") {
		if v.given("model") && v.text("model") != v.text("model-config") {
			problems = append(problems, fmt.Errorf("two models: --model %s and --model-config %s: name one", shorten(v.text("model")), shorten(v.text("model-config"))))
		}
		v.set("model", v.list("model-config"))
	}
	for _, f := range probeFlags()[1:] {
		if !v.on("cpu") && v.given(f.Name) {
			problems = append(problems, fmt.Errorf("--%s needs --cpu", f.Name))
		}
	}
	return errors.Join(problems...)
}

// sol answers and prints.
func (c *Call) sol(env *Env) error {
	v := c.Values
	s, err := v.engineSetup("")
	if err != nil {
		return usage(err)
	}
	q, err := v.question(env)
	if err != nil {
		return usage(err)
	}
	l, err := light.Build(s)
	if err != nil {
		return usage(asLines(err))
	}
	sheet := l.Sheet(q)
	if v.on("json") {
		return printJSON(env.Stdout, sheet)
	}
	return sheet.WriteText(env.Stdout)
}

// maxAlone bounds the tokens of the request alone, and of a batch.
const maxAlone = 1 << 20

// question reads what sol is asked.
func (v *values) question(env *Env) (light.Question, error) {
	q := light.Question{
		Input: v.integer("input-len"), Output: v.integer("output-len"),
		Batches: []int{1, 8, 32, 128, 256}, Explain: v.on("explain"),
	}
	var problems []error
	for _, name := range []string{"input-len", "output-len"} {
		if n := v.integer(name); n < 1 || n > maxAlone {
			problems = append(problems, fmt.Errorf("--%s: want 1 to %d tokens, got %d", name, maxAlone, n))
		}
	}
	if v.given("batch") {
		q.Batches = nil
		for _, word := range v.list("batch") {
			n, err := parseInt(word, true)
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
	if err := errors.Join(problems...); err != nil || !v.given("requests") {
		return q, err
	}
	f, err := readArrivals(env, v.text("requests"))
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
