package run

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"tokmeter/internal/metrics"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/plan"
	"tokmeter/internal/tokenize"
)

// An Engine is one that can be simulated. This room knows no simulator: it is
// given one.
type Engine interface {
	// Setup is what the engine runs on; nil for one that answers at set times.
	Setup() *setup.Setup
	// Account is what it is, before it acts.
	Account() metrics.Simulator
	// Start makes a server that acts it.
	Start(Serving) (Simulator, error)
}

// Serving is what a simulated engine serves.
type Serving struct {
	Names     []string // of the model
	Adapters  []string // LoRA modules
	Tokenizer *tokenize.Tokenizer
}

// A Simulator is a server that acts an engine.
type Simulator interface {
	// URL is its base URL.
	URL() string
	// Account is what it is, and how late it was so far.
	Account() metrics.Simulator
	// Close ends it.
	Close() error
}

// Simulate starts the engine that p names, as a run of p would, for several runs
// to go to. Their World's Engine gives it to them.
func Simulate(ctx context.Context, p plan.Plan, w World) (Simulator, error) {
	j := newJob(p, w, nobody{})
	f, err := j.find(ctx)
	if err != nil {
		return nil, err
	}
	t, err := j.findTokenizer(ctx, f, p.Target.Model)
	if err != nil {
		return nil, err
	}
	return j.simulate(f, t)
}

// nobody watches a step that is no run.
type nobody struct{}

func (nobody) Observe(Event) {}

// simulate starts the server that acts the engine.
func (j *job) simulate(f found, t tokens) (Simulator, error) {
	serving := Serving{Names: []string{j.plan.Target.ModelName()}, Adapters: j.plan.Target.LoRAModules, Tokenizer: t.orInside()}
	s, err := f.engine.Start(serving)
	if err != nil {
		return nil, failf(Failed, "", "%w", err)
	}
	return s, nil
}

// orInside is the tokenizer of a simulator: one that has none takes that inside.
func (t tokens) orInside() *tokenize.Tokenizer {
	if t.Tokens == nil {
		return inside().Tokens
	}
	return t.Tokens
}

// SimulatedTokenizer is the tokenizer that simulated runs of e take where their
// plan names none: that of the model that is simulated where it is at hand, else
// the one inside. Nothing is fetched for it.
func SimulatedTokenizer(ctx context.Context, w World, e Engine) Tokenizer {
	s := e.Setup()
	if s == nil || !HasTokenizer(s.Model) && !strings.Contains(s.Model, "/") {
		return inside()
	}
	h := *w.Hub
	h.Offline = true
	if t, err := LoadTokenizer(ctx, &h, s.Model); err == nil {
		return t
	}
	return inside()
}

// keepAccount notes what the simulator of the run says of itself.
func (s *server) keepAccount() error {
	if s.simulator == nil {
		return nil
	}
	return s.note(s.simulator.Account())
}

func (s *server) note(x metrics.Simulator) error {
	raw, err := json.Marshal(x)
	if err != nil {
		return failf(Failed, "", "the simulator's account of itself: %w", err)
	}
	s.info.Simulator = raw
	return nil
}

// maxState bounds the answer of /sim/state, in bytes.
const maxState = 1 << 20

// askSimulator asks a simulator that was started elsewhere what it is and how
// late it was since its start; one that does not say is known by its version
// alone.
func (s *server) askSimulator(ctx context.Context) error {
	if s.simulator != nil || !s.info.Simulated() || s.away != nil {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.BaseURL+"/sim/state", nil)
	if err != nil {
		return nil
	}
	req.Header = s.Header.Clone()
	resp, err := s.HTTP.Do(req)
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
		x.Setup = EngineName(e.Model, e.Precision, e.GPU, e.Engine, e.TP)
	}
	x.Elsewhere = true
	return s.note(x)
}

// EngineName is an engine in one line.
func EngineName(model, precision, gpu, engine string, tp int) string {
	if tp > 1 {
		gpu = fmt.Sprintf("%d x %s", tp, gpu)
	}
	return fmt.Sprintf("%s %s on %s, %s", model, precision, gpu, engine)
}
