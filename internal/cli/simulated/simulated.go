// Package simulated turns flags into the engine that they name, for the commands
// that simulate one, and lets a run start the simulator.
package simulated

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/metrics"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/run"
	"tokmeter/internal/sim"
	"tokmeter/internal/sim/engine"
)

// setupName is an engine in one line.
func setupName(b *setup.Built) string {
	s := &b.Setup
	return run.EngineName(s.Model, s.Precision, s.GPU, s.Engine, s.TP)
}

// unconfirmedConstants names the constants that a single source gives.
func unconfirmedConstants(b *setup.Built) []string {
	var out []string
	for _, c := range b.Machine.Explain() {
		if !c.Confirmed && !slices.Contains(out, c.Name) {
			out = append(out, c.Name)
		}
	}
	return out
}

// Find reads what --simulate is given and finds the engine that it names, in the
// catalogue, else as FindModel does; built is nil at set times. The error is a
// usage error.
func Find(ctx context.Context, env *shell.Env, text string) (o sim.Options, built *setup.Built, err error) {
	if o, err = sim.ParseSimulate(text); err != nil && !strings.ContainsAny(text, "=/") {
		return o, nil, fmt.Errorf("--simulate %q: want GPU/MODEL or GPU/MODEL/PRECISION, such as a10g/llama-3-8b/int4, or set times, such as ttft=50ms,itl=20ms", flags.Shorten(text))
	}
	if err != nil {
		return o, nil, fmt.Errorf("--%w", err)
	}
	if o.Fixed != nil {
		return o, nil, nil
	}
	missing := FindModel(ctx, env, &o.Setup)
	if built, err = o.Setup.Build(); err == nil {
		return o, built, nil
	}
	return o, built, shell.AsLines(errors.Join(err, missing), "--simulate "+flags.Shorten(text)+": ")
}

// ModelName is the name of the simulator's model.
func ModelName(o sim.Options, built *setup.Built) string {
	switch {
	case len(o.Names) > 0:
		return o.Names[0]
	case o.Fixed != nil:
		return o.Fixed.Model
	}
	return built.Setup.Model
}

// An inside is an engine that the server inside the binary can act.
type inside struct {
	options sim.Options
	built   *setup.Built // nil at set times
}

// Engine is the engine that --simulate names, as a run starts it.
func Engine(ctx context.Context, env *shell.Env, text string) (run.Engine, error) {
	o, built, err := Find(ctx, env, text)
	return inside{o, built}, err
}

// Resettable is Engine for a server whose cache can be emptied.
func Resettable(ctx context.Context, env *shell.Env, text string) (run.Engine, error) {
	o, built, err := Find(ctx, env, text)
	o.DevMode = true
	return inside{o, built}, err
}

// Setup is what the engine runs on; nil at set times.
func (i inside) Setup() *setup.Setup {
	if i.built == nil {
		return nil
	}
	return &i.options.Setup
}

// Start starts the server.
func (i inside) Start(s run.Serving) (run.Simulator, error) {
	o := i.options
	o.Names, o.Tokenizer = s.Names, s.Tokenizer
	for _, name := range s.Adapters {
		o.Adapters = append(o.Adapters, sim.Adapter{Name: name})
	}
	server, err := sim.Start(o)
	if err != nil {
		return nil, err
	}
	return acting{server, i}, nil
}

// An acting is the server inside that acts an engine.
type acting struct {
	*sim.Server
	engine inside
}

// Account is what the simulator is, and how late it was so far.
func (a acting) Account() metrics.Simulator {
	l, x := a.Lateness(), a.engine.Account()
	x.Steps, x.First, x.Last, x.Overrun, x.Slipped = l.Steps, LateMs(l.First), LateMs(l.Last), LateMs(l.Overrun), l.Slipped
	return x
}

// Account is what the engine is.
func (i inside) Account() metrics.Simulator {
	x := metrics.Simulator{Setup: fixedName(i.options.Fixed)}
	if b := i.built; b != nil {
		x.Setup, x.Constants = setupName(b), ConstantsText(b.Setup.Constants)
		x.Unconfirmed = unconfirmedConstants(b)
	}
	return x
}

// fixedName is set times in one line.
func fixedName(f *sim.Spec) string {
	if f == nil {
		return ""
	}
	return "set times ttft=" + f.TTFT.String() + ",itl=" + f.ITL.String()
}

// msPerSecond turns the simulator's seconds into the report's milliseconds.
const msPerSecond = 1e3

// LateMs is the simulator's lateness as reports have it.
func LateMs(q engine.Quantiles) metrics.Lateness {
	return metrics.Lateness{P50: q.P50 * msPerSecond, P99: q.P99 * msPerSecond, Max: q.Max * msPerSecond}
}
