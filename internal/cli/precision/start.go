package precision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/engine"
	"tokmeter/internal/experiment"
	"tokmeter/internal/precision"
	"tokmeter/internal/record"
	"tokmeter/internal/run"
	"tokmeter/internal/target"
)

// Start brings a variant up.
func (l *laboratory) Start(ctx context.Context, v experiment.Variant) (experiment.Server, error) {
	x := l.spec.Variant(v.Name)
	if err := x.Unfit(); err != nil {
		return nil, err
	}
	switch {
	case x.Simulate != "":
		return l.startSim(ctx, x)
	case x.URL != "":
		return l.meet(ctx, x)
	default:
		return l.startEngine(ctx, x)
	}
}

// A simServer is a simulator that serves a variant.
type simServer struct {
	lab   *laboratory
	sim   run.Simulator
	facts experiment.Facts
}

func (s *simServer) URL() string { return s.sim.URL() }

func (s *simServer) Facts() experiment.Facts { return s.facts }

func (s *simServer) Err() error { return nil }

func (s *simServer) Ended(context.Context) error { return nil }

func (s *simServer) Stop(context.Context) error {
	s.lab.mu.Lock()
	delete(s.lab.sims, s.sim.URL())
	s.lab.mu.Unlock()
	return s.sim.Close()
}

func (l *laboratory) startSim(ctx context.Context, v *precision.Variant) (experiment.Server, error) {
	r := l.serveVariant(v.Name, "")
	r.world.Engine = func(ctx context.Context, text string) (run.Engine, error) {
		return simulated.Resettable(ctx, l.env, text) // between turns its cache is emptied
	}
	up, err := run.Simulate(ctx, r.plan, r.world)
	if err != nil {
		return nil, err
	}
	_, b, err := simulated.Find(ctx, l.env, r.plan.Target.Simulate)
	if err != nil {
		return nil, errors.Join(err, up.Close())
	}
	s := &simServer{lab: l, sim: up, facts: experiment.Facts{Version: "simulated"}}
	if b != nil {
		s.facts = experiment.Facts{Version: b.Setup.Engine, Card: b.Card.Name, WeightBytes: b.Machine.ReadBytes(1)}
	}
	l.mu.Lock()
	l.sims[s.sim.URL()] = s.sim
	l.mu.Unlock()
	return s, nil
}

// A remote is a server that runs already; nobody here ends it.
type remote struct {
	url   string
	facts experiment.Facts
}

func (r *remote) URL() string { return r.url }

func (r *remote) Facts() experiment.Facts { return r.facts }

func (r *remote) Err() error { return nil }

func (r *remote) Ended(context.Context) error { return nil }

func (r *remote) Stop(context.Context) error { return nil }

// meet asks a server that runs already what it calls itself.
func (l *laboratory) meet(ctx context.Context, v *precision.Variant) (experiment.Server, error) {
	r := l.serveVariant(v.Name, "")
	server, err := run.Bind(r.plan, r.world)
	if err != nil {
		return nil, err
	}
	defer server.HTTP.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, run.AskTimeout)
	defer cancel()
	if _, _, err := server.Models(ctx); errors.Is(err, target.ErrUnreachable) {
		return nil, shell.Failf(shell.ExitUnreachable, "is it running? start it, or give a command in place of the URL", "variant %q: %s could not be reached: %w", v.Name, v.URL, err)
	}
	s := &remote{url: v.URL}
	if raw, err := server.Version(ctx); err == nil {
		s.facts.Version = versionText(raw)
	}
	return s, nil
}

// A started is an engine that was started here.
type started struct {
	*engine.Engine
	lab *laboratory
}

func (e *started) Facts() experiment.Facts {
	f := e.Engine.Facts()
	version := strings.TrimSpace(f.Engine + " " + f.Version)
	if f.Engine == "tokmeter" {
		version += " " + precision.SimulatedMark
	}
	cards := f.Parallel
	if cards == 0 && len(f.Cards) == 1 {
		cards = 1
	}
	return experiment.Facts{Version: version, Args: f.Args, Card: f.Card, Cards: cards, Kernel: f.Kernel, WeightBytes: f.WeightBytes}
}

// Stop ends the engine; the second interrupt leaves the time out that it is
// given for it.
func (e *started) Stop(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-e.lab.abort:
			cancel()
		case <-done:
		}
	}()
	_, err := e.Engine.Stop(ctx)
	return err
}

// startEngine starts a variant's command.
func (l *laboratory) startEngine(ctx context.Context, v *precision.Variant) (experiment.Server, error) {
	self, err := l.env.Program()
	if err != nil {
		return nil, fmt.Errorf("this program's own file, which guards the engine: %w", err)
	}
	served := v.Served
	if served == "" {
		served = v.Model
	}
	s := engine.Spec{
		Name: v.Name, Model: served, Argv: v.Argv(), Environ: l.env.EngineEnviron(),
		Guard: []string{self}, Log: l.freeLog(v.Name), Limit: l.spec.ReadyTimeout, Grace: l.spec.StopTimeout,
		Chat: strings.Contains(l.spec.Flag("backend"), "chat"), APIKey: l.env.Getenv("OPENAI_API_KEY"),
		Cards: nvidiaCards,
	}
	for name, value := range v.Env {
		s.Env = append(s.Env, name+"="+value)
	}
	progress, done := l.board.Loads(v.Name)
	defer done()
	s.Progress = progress
	began := l.env.Now()
	e, err := engine.Start(ctx, s)
	if err != nil {
		var f *engine.Failure
		if errors.As(err, &f) && ctx.Err() == nil {
			l.board.Lines(f.Last)
		}
		return nil, err
	}
	l.board.Say(v.Name, fmt.Sprintf("ready after %.1f s at %s", l.env.Now().Sub(began).Seconds(), e.URL()))
	if err := keepFacts(s.Log, e.Facts()); err != nil {
		_, left := e.Stop(ctx)
		return nil, errors.Join(err, left)
	}
	return &started{e, l}, nil
}

// keepFacts writes what an engine says of itself beside its log.
func keepFacts(log string, f engine.Facts) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(strings.TrimSuffix(log, ".log")+".json", append(text, '\n'), 0o644)
}

// freeLog is a file for the log of one more start.
func (l *laboratory) freeLog(variant string) string {
	for i := 1; ; i++ {
		path := filepath.Join(l.dir, fmt.Sprintf("%s-engine-%d.log", fileName(variant), i))
		if _, err := os.Stat(path); err != nil {
			return path
		}
	}
}

// nvidiaCards asks the driver's own tool, where there is one.
func nvidiaCards(ctx context.Context) ([]string, error) {
	tool, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, tool, "-L").Output()
	if err != nil {
		return nil, err
	}
	var cards []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "GPU ") {
			cards = append(cards, strings.TrimSpace(line))
		}
	}
	return cards, nil
}

// Reset empties a server's prefix cache, by vLLM's call or SGLang's.
func (l *laboratory) Reset(ctx context.Context, v experiment.Variant, url string) error {
	r := l.serveVariant(v.Name, url)
	server, err := run.Bind(r.plan, r.world)
	if err != nil {
		return err
	}
	defer server.HTTP.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, run.AskTimeout)
	defer cancel()
	return server.ResetCache(ctx)
}

// versionText is a server's version as it tells it, marked where it is a
// simulator's.
func versionText(raw json.RawMessage) string {
	var v struct{ Version string }
	_ = json.Unmarshal(raw, &v) // what has no version has none to show
	if (record.Server{Version: raw}).Simulated() {
		return strings.TrimSpace(v.Version + " " + precision.SimulatedMark)
	}
	return v.Version
}
