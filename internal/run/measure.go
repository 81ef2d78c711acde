package run

import (
	"context"
	"errors"
	"slices"
	"time"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/load"
	"tokmeter/internal/machine"
	"tokmeter/internal/record"
	"tokmeter/internal/wire"
	"tokmeter/internal/workload"
)

// sent is what came of the requests. An ending without End means that the run
// did not begin.
type sent struct {
	records   *record.Spool
	ending    record.Ending
	unreached bool // given up, for the server stayed away
	profiled  bool // the server's profiler stopped when it was told to
}

// measure writes the bodies, checks that the server is ready, and sends the
// requests.
func (j *job) measure(ctx context.Context, r prepared, d *directory) (s sent, err error) {
	s.records = record.NewSpool(d.path())
	p := r.server.plan()
	j.spare(p, r.simulator != nil)
	dialect, err := r.dialect()
	if err != nil {
		return s, usage(err)
	}
	requests, err := r.set.Source(dialect, &p)
	if err != nil {
		return s, usage(err)
	}
	first, err := r.set.First(dialect, &p)
	if err != nil {
		return s, usage(err)
	}
	// Some servers have a thread for each connection, idle or not.
	r.HTTP.CloseIdleConnections()
	clock := wire.NewClock()
	client, err := r.client(clock)
	if err != nil {
		return s, err
	}
	l := load.Job{
		Source: requests, Requests: r.due.Len(), Pace: r.due.Pace(), Busiest: r.due.Busiest,
		Client: client, Dialect: dialect, Sink: s.records, Progress: j.world.Progress, Clock: clock,
		Mask:           p.Target.Mask,
		Punctual:       p.Load.OpenLoop(),
		MaxConcurrency: p.Load.MaxConcurrency,
		Timeout:        p.Target.RequestTimeout,
		Grace:          p.Load.Grace, Abort: j.world.Abort,
	}
	if l.Progress == nil {
		l.Progress = &record.Progress{}
	}
	if d.writer != nil {
		l.Sink = record.Tee(s.records, d.writer)
	}
	if err = j.getReady(ctx, r, l, first); err == nil {
		err = j.resetCache(ctx, r.server)
	}
	if err == nil {
		err = errors.Join(j.send(ctx, r, l, d, &s), usage(requests.Err()))
	}
	return s, errors.Join(err, client.Close())
}

// getReady waits until the server answers, and warms it up.
func (j *job) getReady(ctx context.Context, r prepared, l load.Job, first workload.Request) error {
	if err := j.readyCheck(ctx, r, l, first); err != nil {
		return err
	}
	if n := j.plan.Target.Warmups; n > 0 {
		j.tell(Warming{n})
		if ok, failed := load.Warm(ctx, l, first, n); failed > 0 {
			j.doubt("warmup", "%d of %d warm-up requests failed", failed, ok+failed)
		}
		j.tell(Warmed{})
	}
	return context.Cause(ctx)
}

// resetCache empties the server's prefix cache, when asked to.
func (j *job) resetCache(ctx context.Context, s *server) error {
	if !j.plan.Target.ResetCache {
		return nil
	}
	ask, cancel := context.WithTimeout(ctx, AskTimeout)
	defer cancel()
	if err := s.ResetCache(ask); err != nil {
		return failf(Failed, "take --cache salt, which asks nothing of the server", "--cache reset: the server does not empty its prefix cache: %s", excerpt.Lines(err.Error()))
	}
	return nil
}

// readyCheck waits for the server to answer one request, when asked to.
func (j *job) readyCheck(ctx context.Context, r prepared, l load.Job, first workload.Request) error {
	timeout := j.plan.Target.ReadyTimeout
	j.tell(Checking{timeout})
	if timeout <= 0 {
		return nil
	}
	// Waiting for its port was a part of it.
	left := max(time.Until(r.readyBy), time.Second)
	rec, err := load.Ready(ctx, l, first, left, func(rec *record.Record) {
		j.tell(NotReady{Outcome: rec.Outcome, Reason: excerpt.Lines(rec.Err)})
	})
	if err == nil {
		j.tell(Checked{})
		r.away = nil
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	p := r.server.plan()
	kind, hint := Failed, ""
	if rec.Outcome == record.Refused {
		kind, hint = Unreachable, reachHint(r.away)
	}
	return failf(kind, hint, "initial test run failed: %s: in %s (--ready-check-timeout-sec): %w", p.Target.URL(), timeout, err)
}

// send is the measured part, with the server's profiler around it.
func (j *job) send(ctx context.Context, r prepared, l load.Job, d *directory, s *sent) (err error) {
	j.tell(Starting{slices.Clone(j.doubts)})
	if j.plan.Target.Profile {
		j.tell(ProfilerStarting{})
		if j.profile(ctx, r.server, true) {
			j.tell(ProfilerStarted{})
		}
		defer func() { s.profiled = j.profile(ctx, r.server, false) }()
	}
	j.tell(Scheduled{})
	r.info.Before = r.counters(ctx)
	if err := d.describe(j, r, nil); err != nil {
		return err
	}
	d.begun = true
	running := Running{Progress: l.Progress}
	if j.plan.Load.OpenLoop() {
		running.Expect = r.due.Span()
	}
	j.tell(running)
	quiet := j.tellDraining(ctx, l.Progress)
	giving, stop := r.giveUp(ctx, l.Progress)
	rules := newStopper(r.server.plan())
	if rules.rules.Any() {
		l.Sink = record.Tee(l.Sink, rules)
	}
	ruledBy, unwatch := rules.watch(giving, l.Progress)
	before := machine.Now()
	s.ending, err = load.Run(ruledBy, l)
	client := before.Until(machine.Now())
	s.ending.Client = &client
	if errors.Is(context.Cause(giving), errUnreached) && s.ending.Reason == record.Interrupted {
		s.ending.Reason, s.unreached = record.Unreachable, true
	}
	if why := new(ruled); errors.As(context.Cause(ruledBy), why) && s.ending.Reason == record.Interrupted {
		s.ending.Reason = record.Stopped + why.why
	}
	unwatch()
	stop()
	quiet()
	j.tell(Ended{})
	for _, w := range s.ending.Warnings {
		j.doubt(w.Code, "%s", w.Text)
	}
	if err != nil {
		err = failf(Failed, "", "%w", err)
	}
	return err
}

const (
	// profileStart is how long the server may take to start its profiler.
	profileStart = time.Minute
	// profileStop is how long the server may take to write its profile out.
	profileStop = 10 * time.Minute
)

// profile starts or stops the server's profiler and says whether it obeyed.
func (j *job) profile(ctx context.Context, s *server, start bool) bool {
	timeout := profileStop
	if start {
		timeout = profileStart
	}
	ctx, cancel := j.afterwards(ctx, timeout)
	defer cancel()
	if err := s.Profile(ctx, start); err != nil {
		j.doubt("profile", "the profiler did not obey: %v (the server needs --profiler-config)", err)
		return false
	}
	return true
}
