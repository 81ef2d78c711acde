// Package instance is the simulated engine that a server's rooms answer for: the
// engine itself, the names under which it is served, its tokenizer, and the
// settings that may change while it runs.
package instance

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tokmeter/internal/model/setup"
	"tokmeter/internal/sim/engine"
	"tokmeter/internal/sim/fault"
	"tokmeter/internal/tokenize"
)

// maxFixedLen is the context length, in tokens, where times are set.
const maxFixedLen = 1 << 20

// An Instance is one simulated engine and what it is served as.
type Instance struct {
	Options   Options
	Built     *setup.Built // nil where times are set
	Engine    engine.Engine
	Tokenizer *tokenize.Tokenizer
	Roster    *Roster
	MaxLen    int // tokens of a request, prompt and output
	Began     time.Time

	Closed <-chan struct{} // closed when the server ends
	Work   sync.WaitGroup  // what writes answers beside the engine's thread and the connections

	now atomic.Pointer[Settings]
}

// Settings are what can change while the server runs. The value that stands is
// never written to: a change puts another in its place.
type Settings struct {
	EOS        float64 // chance that an answer ends at a token, in [0,1)
	Faults     fault.Set
	FaultsText string // as POST /sim/config was given them
}

// New works out what o describes; Start makes it run.
func New(o Options, closed <-chan struct{}) (*Instance, error) {
	in := &Instance{Options: o, Tokenizer: o.Tokenizer, MaxLen: maxFixedLen, Began: time.Now(), Closed: closed}
	if in.Tokenizer == nil {
		in.Tokenizer = tokenize.Builtin()
	}
	name := ""
	if f := o.Fixed; f != nil {
		name = f.Model
		for _, adapter := range f.Adapters {
			in.Options.Adapters = append(in.Options.Adapters, Adapter{Name: adapter})
		}
	} else {
		built, err := o.Setup.Build()
		if err != nil {
			return nil, fmt.Errorf("simulator: %w", err)
		}
		name, in.Built, in.MaxLen = built.Setup.Model, built, built.Sched.MaxModelLen
	}
	if len(in.Options.Names) == 0 {
		in.Options.Names = []string{name}
	}
	in.Roster = newRoster(in.Options.Names, in.Options.Adapters)
	in.Set(Settings{EOS: o.EOS, Faults: o.Faults})
	return in, nil
}

// Start starts the engine, which tells the observers of its steps.
func (in *Instance) Start(observe ...engine.Observer) (err error) {
	if f := in.Options.Fixed; f != nil {
		in.Engine, err = engine.StartFixed(engine.FixedConfig{TTFT: f.TTFT, ITL: f.ITL, Jitter: f.Jitter, Seed: f.Seed}, observe...)
	} else {
		in.Engine, err = engine.Start(engine.Config{Sched: in.Built.Sched, Machine: in.Built.Machine,
			Acceptance: in.Built.Setup.Acceptance, Seed: in.Options.Seed}, observe...)
	}
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	return nil
}

// Model is the name under which answers carry the model.
func (in *Instance) Model() string { return in.Options.Names[0] }

// Uptime is how long the instance has been there.
func (in *Instance) Uptime() time.Duration { return time.Since(in.Began) }

// Settings are those that stand.
func (in *Instance) Settings() *Settings { return in.now.Load() }

// Set puts other settings in their place, for the requests that come after it.
func (in *Instance) Set(s Settings) { in.now.Store(&s) }

// Ready is when the scheduler may see a request that arrived at a time with a
// prompt of so many tokens: the engine's frontend takes a while.
func (in *Instance) Ready(arrived time.Time, prompt int) time.Time {
	if in.Built == nil {
		return arrived
	}
	return arrived.Add(time.Duration(in.Built.FrontendOf(prompt) * float64(time.Second)))
}
