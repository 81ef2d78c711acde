package run

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/record"
	"tokmeter/internal/target"
)

// contact starts the simulator where the plan wants one, and asks the server
// what it is. The server is to be closed even where there is an error.
func (j *job) contact(ctx context.Context, f found, d draft) (*server, error) {
	s := &server{job: j, resolved: Resolved{Dataset: f.dataset}}
	if f.engine != nil {
		var err error
		if s.simulator, err = j.simulate(f, d.tokens); err != nil {
			return s, err
		}
		s.resolved.BaseURL, s.setTimes = s.simulator.URL(), f.engine.Setup() == nil
		if err := s.keepAccount(); err != nil {
			return s, err
		}
	}
	var err error
	if s.Server, err = Bind(s.plan(), j.world); err != nil {
		return s, err
	}
	s.Notice = func(note string) { s.strayed.CompareAndSwap(nil, &note) }
	err = s.meet(ctx)
	s.tellStrayed()
	return s, err
}

// tellStrayed says that a question was led to another server, once.
func (s *server) tellStrayed() {
	if note := s.strayed.Load(); note != nil && !s.toldStrayed {
		s.toldStrayed = true
		s.job.doubt("redirects", "%s", *note)
	}
}

// meet asks the server which models it has and what it calls itself. A server
// that does not answer these questions may serve all the same; one that can't be
// reached may be there when the run begins.
func (s *server) meet(ctx context.Context) error {
	unnamed := s.job.plan.Target.Model == ""
	if unnamed {
		s.job.tell(AskingModel{})
	}
	models, raw, err := s.askModels(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.models, s.info.Models = models, raw
	if err != nil {
		if unnamed {
			return noModel(err)
		}
		if errors.Is(err, target.ErrUnreachable) {
			s.away = err
		}
		return nil
	}
	ask, cancel := context.WithTimeout(ctx, AskTimeout)
	defer cancel()
	if s.info.Version, err = s.Version(ask); err != nil {
		s.info.Version = nil
	}
	if unnamed {
		return s.takeFirstModel()
	}
	return s.checkModel(ctx)
}

const (
	// awaitEvery is the pause between two looks for a server that is awaited.
	awaitEvery = 500 * time.Millisecond
	// awaitTold is how often is said that it is not there.
	awaitTold = 5 * time.Second
)

// askModels asks the server for its models. Where a ready check is wanted, it
// asks until the server is there or the time for the check is over, so that
// what is asked of the server next has an answer.
func (s *server) askModels(ctx context.Context) (models []target.Model, raw []byte, err error) {
	timeout := s.job.plan.Target.ReadyTimeout
	s.readyBy = time.Now().Add(timeout)
	var told time.Time
	for {
		ask, cancel := context.WithTimeout(ctx, AskTimeout)
		models, raw, err = s.Models(ask)
		cancel()
		if !notYet(err) || timeout <= 0 || ctx.Err() != nil {
			return models, raw, err
		}
		if time.Since(told) >= awaitTold {
			told = time.Now()
			s.job.tell(NotReady{Reason: excerpt.Lines(err.Error())})
		}
		if time.Until(s.readyBy) < awaitEvery {
			return nil, nil, fmt.Errorf("the server was not ready within %s: %w", timeout, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(awaitEvery):
		}
	}
}

// notYet reports whether err is that of a server which may still be starting:
// nobody listens, or what stands before it says so.
func notYet(err error) bool {
	var status *target.StatusError
	return errors.Is(err, target.ErrUnreachable) || errors.As(err, &status) && status.Status >= 502 && status.Status <= 504
}

// noModel is the error of a server that was asked for its models in vain.
func noModel(err error) error {
	if errors.Is(err, target.ErrUnreachable) {
		return failf(Unreachable, reachHint(err), "%w", err)
	}
	return failf(Failed, "name the model with --model", "no model given, and the server does not say which it has: %w", err)
}

// takeFirstModel names the model as vLLM's client does: requests carry its id,
// tokenizer and files go by its root.
func (s *server) takeFirstModel() error {
	if len(s.models) == 0 || s.models[0].ID == "" {
		return failf(Failed, "name the model with --model", "no model given, and /v1/models of %s lists none", s.BaseURL)
	}
	m, p := s.models[0], &s.job.plan
	s.resolved.Model = m.Root
	if s.resolved.Model == "" {
		s.resolved.Model = m.ID
	}
	if p.Target.ServedModel == "" || p.CompatVLLM() { // vLLM's client takes the server's name
		s.resolved.ServedModel = m.ID
	}
	s.job.tell(ModelFound{ID: m.ID, Name: s.resolved.Model})
	return nil
}

// weights is the model's name as its files are looked for. A server that names
// its model by a path must not have this machine read what it likes: such a name
// is "", with the reason, but for a folder that a server on this machine serves.
func (s *server) weights() (name string, unread error) {
	name = s.plan().Target.Model
	if s.job.plan.Target.Model != "" || !namesPath(name) {
		return name, nil
	}
	if u, err := url.Parse(s.BaseURL); err == nil && onThisMachine(u.Hostname()) {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			return name, nil
		}
	}
	return "", fmt.Errorf("the server names its model by the path %s, which is not read (name the tokenizer with --tokenizer)", name)
}

// namesPath reports whether a model's name is a place on a disk, and not one on
// the hub.
func namesPath(name string) bool {
	if filepath.IsAbs(name) || strings.Contains(name, `\`) || strings.HasPrefix(name, "/") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") {
		return true
	}
	_, err := os.Stat(name)
	return err == nil
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// checkModel refuses a model that the server does not have. Names that
// /v1/models does not list may be served all the same (aliases, gateways), so
// the server is asked for one token before that is said; vLLM's client asks
// nothing of the kind.
func (s *server) checkModel(ctx context.Context) error {
	t := &s.job.plan.Target
	name := t.ModelName()
	listed := slices.ContainsFunc(s.models, func(m target.Model) bool { return m.ID == name })
	if len(s.models) == 0 || listed || len(t.LoRAModules) > 0 || s.job.plan.CompatVLLM() || t.NoProbe {
		return nil
	}
	rec, err := s.probeAloud(ctx, Probing{Model: name, Limit: probeLimit})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil || rec.Outcome != record.HTTPError && rec.Outcome != record.StreamError {
		return err
	}
	if readRefusal(rec.Err).noSuchModel(name) {
		return failf(Failed, fmt.Sprintf("it offers %s", strings.Join(s.offers(), ", ")), "the server at %s does not take the model %q: %s", s.BaseURL, name, excerpt.Lines(rec.Err))
	}
	s.job.doubt("model", "/v1/models does not list the model %q, and the server refused one token of it for another reason: %s", name, excerpt.Lines(rec.Err))
	return nil
}

// quietProbe is how long a probe may take before it is told of.
const quietProbe = time.Second

// probeAloud is probe, told of where it takes long.
func (s *server) probeAloud(ctx context.Context, e Probing) (*record.Record, error) {
	answered := make(chan struct{})
	var told sync.WaitGroup
	told.Go(func() {
		patience := time.NewTimer(quietProbe)
		defer patience.Stop()
		select {
		case <-answered:
		case <-patience.C:
			s.job.tell(e)
		}
	})
	rec, err := s.probe(ctx)
	close(answered)
	told.Wait()
	return rec, err
}

// offers lists the names of the server's models.
func (s *server) offers() []string {
	var ids []string
	for _, m := range s.models {
		ids = append(ids, m.ID)
	}
	return ids
}

// unreachedFor is how long a run goes on against a server that could not be
// reached before it began, until that is asked again.
const unreachedFor = 5 * time.Second

// errUnreached is the cause of a run that was given up.
var errUnreached = errors.New("the server could not be reached")

// giveUp stops a run whose server was away before it began and has not answered
// since: a schedule of an hour is not waited for.
func (s *server) giveUp(ctx context.Context, p *record.Progress) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if s.away == nil {
		return ctx, func() { cancel(nil) }
	}
	var gone sync.WaitGroup
	gone.Go(func() {
		patience := time.NewTimer(unreachedFor)
		defer patience.Stop()
		select {
		case <-ctx.Done():
			return
		case <-patience.C:
		}
		if p.Failed.Load() < p.Done.Load() || p.TTFTCount.Load() > 0 {
			return
		}
		ask, stop := context.WithTimeout(ctx, AskTimeout)
		defer stop()
		if _, _, err := s.Models(ask); errors.Is(err, target.ErrUnreachable) {
			cancel(errUnreached)
		}
	})
	return ctx, func() { cancel(nil); gone.Wait() }
}
