package ab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tokmeter/internal/cli/measure"
	"tokmeter/internal/cli/shell"
	"tokmeter/internal/compare"
	"tokmeter/internal/engine"
	"tokmeter/internal/experiment"
	"tokmeter/internal/metrics"
	"tokmeter/internal/precision/board"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
	"tokmeter/internal/run"
)

// A laboratory starts the targets and makes the runs.
type laboratory struct {
	env   *shell.Env
	sides []*side
	dir   string
	board *board.Board
	abort <-chan struct{}
}

func (l *laboratory) side(name string) *side {
	for _, s := range l.sides {
		if s.name == name {
			return s
		}
	}
	return nil
}

// A standing server is one that runs already, or that each run starts itself.
type standing struct{ url string }

func (s standing) URL() string                 { return s.url }
func (s standing) Facts() experiment.Facts     { return experiment.Facts{} }
func (s standing) Err() error                  { return nil }
func (s standing) Ended(context.Context) error { return nil }
func (s standing) Stop(context.Context) error  { return nil }

// A started engine is one of a command.
type started struct{ *engine.Engine }

// Facts is what the engine says of itself.
func (s started) Facts() experiment.Facts {
	f := s.Engine.Facts()
	return experiment.Facts{Version: strings.TrimSpace(f.Engine + " " + f.Version), Args: f.Args, Card: f.Card}
}

// Stop ends the engine.
func (s started) Stop(ctx context.Context) error {
	_, err := s.Engine.Stop(ctx)
	return err
}

// Start brings a target up.
func (l *laboratory) Start(ctx context.Context, v experiment.Variant) (experiment.Server, error) {
	s := l.side(v.Name)
	if s.argv == nil {
		return standing{s.url}, nil
	}
	self, err := l.env.Program()
	if err != nil {
		return nil, fmt.Errorf("this program's own file, which guards the engine: %w", err)
	}
	progress, done := l.board.Loads(v.Name)
	defer done()
	e, err := engine.Start(ctx, engine.Spec{
		Name: v.Name, Model: s.plan.Target.ModelName(), Argv: s.argv, Environ: l.env.EngineEnviron(), Guard: []string{self},
		Log: l.free(v.Name+"-engine", ".log"), Chat: strings.Contains(s.plan.Target.Backend, "chat"),
		APIKey: l.env.Getenv("OPENAI_API_KEY"), Progress: progress,
	})
	if err != nil {
		var f *engine.Failure
		if errors.As(err, &f) && ctx.Err() == nil {
			l.board.Lines(f.Last)
		}
		return nil, err
	}
	l.board.Say(v.Name, "ready at "+e.URL())
	return started{e}, nil
}

// Run sends a job's requests, and writes what bench serve would have printed into a
// log beside the run.
func (l *laboratory) Run(ctx context.Context, j experiment.Job) (experiment.Outcome, error) {
	s := l.side(j.Variant.Name)
	name := fmt.Sprintf("%s-r%d", j.Variant.Name, j.Round+1)
	if j.Kind == experiment.Warm {
		name += fmt.Sprintf("-warm%d", j.Number+1)
	}
	dir := l.free(filepath.Join("runs", name), "")
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return experiment.Outcome{}, err
	}
	log, err := os.Create(dir + ".log")
	if err != nil {
		return experiment.Outcome{}, fmt.Errorf("log of the run: %w", err)
	}
	defer log.Close()
	p := j.Plan
	p.Output.RecordDir = dir
	if s.argv != nil {
		p.Target.BaseURL = strings.TrimRight(j.URL, "/")
	}
	env := *l.env
	out := &shell.LockedWriter{W: log}
	env.Stdout, env.Stderr, env.StdoutTTY, env.StderrTTY = out, out, false, false
	w := measure.World(&env, l.abort)
	w.Options, w.Progress = s.options.Options(p), &record.Progress{}
	defer l.board.Runs(j, w.Progress)()
	see := &measure.Watcher{Env: &env, Plan: p}
	o, err := run.Run(ctx, p, w, see)
	if o.Begun {
		err = errors.Join(err, measure.Finish(&env, o, see))
	}
	if err != nil && (!o.Begun || j.Kind == experiment.Measure || ctx.Err() != nil) {
		return experiment.Outcome{}, fmt.Errorf("%w (log: %s)", err, dir+".log")
	}
	return l.Load(ctx, j, dir)
}

// Load reads a finished run again.
func (l *laboratory) Load(_ context.Context, _ experiment.Job, dir string) (experiment.Outcome, error) {
	dir = filepath.Join(l.dir, "runs", filepath.Base(dir))
	o := experiment.Outcome{Dir: dir}
	res, err := result.Of(dir)
	if err != nil {
		return o, err
	}
	defer res.Close()
	o.Prompts = res.Head.PlanHash
	o.Run, err = compare.FromRecords(res.Records, metrics.ViewOf(res.Plan), res.Summary)
	return o, err
}

// free is a name in the experiment's folder that nothing has yet.
func (l *laboratory) free(name, end string) string {
	for i := 1; ; i++ {
		path := filepath.Join(l.dir, name+end)
		if i > 1 {
			path = filepath.Join(l.dir, fmt.Sprintf("%s.%d%s", name, i, end))
		}
		if _, err := os.Stat(path); err != nil {
			return path
		}
	}
}

// nonce makes this experiment's salts unlike those of others.
func (l *laboratory) nonce() string {
	var id [4]byte
	if l.env.Rand != nil {
		_, _ = io.ReadFull(l.env.Rand, id[:]) // where it fails the salts are those of others
	}
	return hex.EncodeToString(id[:]) + "-"
}

// hash stands for a target, whose command may hold secrets.
func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

// clock is the time of the outside world.
type clock struct{ env *shell.Env }

// Now is the time of day.
func (c clock) Now() time.Time { return c.env.Now() }
