package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"tokmeter/internal/metrics"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/sim"
	"tokmeter/internal/sim/engine"
)

// simulation reads what --simulate is given and finds the engine that it names;
// built is nil at set times. The error is a usage error.
func simulation(text string) (o sim.Options, built *setup.Built, err error) {
	if o, err = sim.ParseSimulate(text); err != nil && !strings.ContainsAny(text, "=/") {
		return o, nil, fmt.Errorf("--simulate %q: want GPU/MODEL or GPU/MODEL/PRECISION, such as a10g/llama-3-8b/int4, or set times, such as ttft=50ms,itl=20ms", shorten(text))
	}
	if err != nil {
		return o, nil, fmt.Errorf("--%w", err)
	}
	if o.Fixed != nil {
		return o, nil, nil
	}
	built, err = o.Setup.Build()
	return o, built, asLines(err, "--simulate "+shorten(text)+": ")
}

// nameSimulator gives the simulator's model its name: the user's, where there
// is one.
func (r *serveRun) nameSimulator() error {
	if !r.plan.Target.Simulated {
		return nil
	}
	o, built, err := simulation(r.plan.Target.Simulate)
	if err != nil {
		return usage(err)
	}
	r.simulate, r.built = o, built
	if r.plan.Target.Model != "" {
		return nil
	}
	switch {
	case len(o.Names) > 0:
		r.plan.Target.Model = o.Names[0]
	case o.Fixed != nil:
		r.plan.Target.Model = o.Fixed.Model
	default:
		r.plan.Target.Model = built.Setup.Model
	}
	return nil
}

// startSimulator starts the server inside the binary.
func (r *serveRun) startSimulator(context.Context) error {
	if r.shared != nil {
		r.simulator = r.shared
		r.plan.Target.BaseURL = r.simulator.URL()
		return r.sayOfSimulator()
	}
	o := r.simulate
	o.Names = []string{r.plan.Target.ModelName()}
	for _, name := range r.plan.Target.LoRAModules {
		o.Adapters = append(o.Adapters, sim.Adapter{Name: name})
	}
	o.Tokenizer = r.local
	if o.Tokenizer == nil {
		r.useBuiltin()
		o.Tokenizer, r.tokenizer = r.local, nil
	}
	var err error
	if r.simulator, err = sim.Start(o); err != nil {
		return failf(ExitFailed, "", "%w", err)
	}
	r.plan.Target.BaseURL = r.simulator.URL()
	return r.sayOfSimulator()
}

// findSimulatedTokenizer takes the tokenizer of the model that is simulated
// where it is at hand, else the one inside. Nothing is fetched for it.
func (r *serveRun) findSimulatedTokenizer(ctx context.Context) {
	if r.lend != nil {
		r.local, r.tokenizer, r.folder = r.lend.local, r.lend.tokenizer, r.lend.folder
		return
	}
	r.useBuiltin()
	if r.built == nil {
		return
	}
	name := r.built.Setup.Model
	if folderWithTokenizer(name) == "" && !strings.Contains(name, "/") {
		return
	}
	h := r.hub()
	h.Offline = true
	if tok, dir, err := loadTokenizer(ctx, h, name); err == nil {
		r.local, r.tokenizer, r.folder = tok, tok, dir
	}
}

// sayOfSimulator keeps what the simulator is, and how late it was so far.
func (r *serveRun) sayOfSimulator() error {
	if r.simulator == nil {
		return nil
	}
	l := r.simulator.Lateness()
	x := metrics.Simulator{
		Setup: fixedName(r.simulate.Fixed),
		Steps: l.Steps, First: lateMs(l.First), Last: lateMs(l.Last), Overrun: lateMs(l.Overrun), Slipped: l.Slipped,
	}
	if r.built != nil {
		x.Setup, x.Constants = setupName(r.built), constantsText(r.built.Setup.Constants)
		x.Unconfirmed = unconfirmedConstants(r.built)
	}
	raw, err := json.Marshal(x)
	if err != nil {
		return failf(ExitFailed, "", "the simulator's account of itself: %w", err)
	}
	r.info.Simulator = raw
	return nil
}

// askSimulator asks a simulator that was started elsewhere what it is and how
// late it was since its start; one that does not say is known by its version
// alone.
func (r *serveRun) askSimulator(ctx context.Context) error {
	if r.simulator != nil || !r.info.Simulated() || r.away != nil {
		return nil
	}
	ctx, done := r.afterwards(ctx, countersLimit)
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server.BaseURL+"/sim/state", nil)
	if err != nil {
		return nil
	}
	req.Header = r.header()
	resp, err := r.server.HTTP.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	var state struct {
		Engine *struct {
			Model, GPU, Precision, Engine string
			TP                            int `json:"tensor_parallel_size"`
		}
		Lateness metrics.Simulator
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxState)).Decode(&state); err != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	x := state.Lateness
	x.Setup = "set times"
	if e := state.Engine; e != nil {
		x.Setup = engineName(e.Model, e.Precision, e.GPU, e.Engine, e.TP)
	}
	x.Elsewhere = true
	raw, err := json.Marshal(x)
	if err != nil {
		return failf(ExitFailed, "", "the simulator's account of itself: %w", err)
	}
	r.info.Simulator = raw
	return nil
}

// maxState bounds the answer of /sim/state.
const maxState = 1 << 20

// fixedName is set times in one line.
func fixedName(f *sim.Spec) string {
	if f == nil {
		return ""
	}
	return "set times ttft=" + f.TTFT.String() + ",itl=" + f.ITL.String()
}

// msPerSecond turns the simulator's seconds into the report's milliseconds.
const msPerSecond = 1e3

// lateMs is the simulator's lateness as reports have it.
func lateMs(q engine.Quantiles) metrics.Lateness {
	return metrics.Lateness{P50: q.P50 * msPerSecond, P99: q.P99 * msPerSecond, Max: q.Max * msPerSecond}
}
