package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/live"
	"tokmeter/internal/load"
	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/wire"
	"tokmeter/internal/workload"
)

// measure sends the requests and reports what came back.
func (r *serveRun) measure(ctx context.Context) error {
	dialect, err := protocol.New(r.plan.Target.Backend)
	if err != nil {
		return usage(err)
	}
	requests, err := r.set.Requests(ctx, dialect, &r.plan)
	if err != nil {
		return usage(err)
	}
	// Some servers have a thread for each connection, idle or not.
	r.server.HTTP.CloseIdleConnections()
	clock := wire.NewClock()
	client, err := r.client(clock)
	if err != nil {
		return err
	}
	spool := record.NewSpool(r.spoolFolder())
	defer spool.Close()
	j := load.Job{
		Source: workload.NewList(requests), Requests: len(requests), Due: slices.Values(r.due),
		Client: client, Dialect: dialect, Sink: spool, Progress: &record.Progress{}, Clock: clock,
		MaxConcurrency: r.plan.Schedule.MaxConcurrency,
		Timeout:        r.plan.Target.RequestTimeout,
		Grace:          r.plan.Stop.Grace, Abort: r.opts.Abort,
	}
	if r.opts.Progress != nil {
		j.Progress = r.opts.Progress
	}
	if r.writer != nil {
		j.Sink = record.Tee(spool, r.writer)
	}
	first, err := r.set.First(dialect, &r.plan)
	if err != nil {
		return usage(err)
	}
	end, err := r.drive(ctx, j, first)
	err = errors.Join(err, client.Close())
	if end.End == 0 {
		return err
	}
	return errors.Join(err, r.finish(ctx, spool, end))
}

// spoolFolder is where the records lie while the run needs them again: beside
// those that are kept, else where the system has its temporary files.
func (r *serveRun) spoolFolder() string {
	if r.writer == nil {
		return ""
	}
	return r.writer.Dir()
}

// drive checks the server, warms it up and runs the job. An Ending without End
// means that the run did not begin.
func (r *serveRun) drive(ctx context.Context, j load.Job, first workload.Request) (record.Ending, error) {
	if err := r.readyCheck(ctx, j, first); err != nil {
		return record.Ending{}, err
	}
	if n := r.plan.Target.Warmups; n > 0 {
		r.say("Warming up with %d requests...", n)
		if ok, failed := load.Warm(ctx, j, first, n); failed > 0 {
			r.warn("warmup", "%d of %d warm-up requests failed", failed, ok+failed)
		}
		r.say("Warmup run completed.")
	}
	if ctx.Err() != nil {
		return record.Ending{}, context.Cause(ctx)
	}
	// They may be reason enough to stop the run and start another.
	for _, w := range r.warnings {
		fmt.Fprintf(r.env.Stderr, "tokmeter: warning: %s\n", w.Text)
	}
	r.say("Starting main benchmark run...")
	if r.plan.Target.Profile {
		r.say("Starting profiler...")
		if r.profile(ctx, true) {
			r.say("Profiler started")
		}
		defer func() { r.profiled = r.profile(ctx, false) }()
	}
	r.sayTraffic()
	r.info.Before = countersText(r.askCounters(ctx))
	if err := r.describe(); err != nil {
		return record.Ending{}, err
	}
	r.recorded = true
	return r.run(ctx, j)
}

// readyCheck waits for the server to answer one request, when asked to.
func (r *serveRun) readyCheck(ctx context.Context, j load.Job, first workload.Request) error {
	if r.plan.CompatVLLM() && !r.opts.Temperature {
		r.say("WARNING: vllm bench serve no longer sets temperature==0 (greedy) in requests by default. The default will be determined on the server side and can be model/API specific. For the old behavior, include --temperature=0.")
	}
	r.say("Starting initial single prompt test run...")
	limit := r.plan.Target.ReadyTimeout
	if limit <= 0 {
		r.say("Skipping endpoint ready check.")
		return nil
	}
	r.say("Waiting for endpoint to become up in %d seconds", int(limit.Seconds()))
	// Waiting for its port was a part of it.
	left := max(time.Until(r.readyBy), time.Second)
	rec, err := load.Ready(ctx, j, first, left, func(rec *record.Record) {
		fmt.Fprintf(r.env.Stderr, "tokmeter: not ready: %s: %s\n", rec.Outcome, excerpt.Lines(rec.Err))
	})
	if err == nil {
		r.say("Initial test run completed.")
		r.away = nil
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	code, hint := ExitFailed, ""
	if rec.Outcome == record.Refused {
		code, hint = ExitUnreachable, r.reachHint(r.away)
	}
	return failf(code, hint, "initial test run failed: %s: %w", r.plan.Target.URL(), err)
}

// profileLimit is how long the server may take to write its profile out.
const profileLimit = 10 * time.Minute

// profile starts or stops the server's profiler and says whether it obeyed.
func (r *serveRun) profile(ctx context.Context, start bool) bool {
	limit := profileLimit
	if start {
		limit = time.Minute
	}
	ctx, cancel := r.afterwards(ctx, limit)
	defer cancel()
	if err := r.server.Profile(ctx, start); err != nil {
		r.warn("profile", "the profiler did not obey: %v (the server needs --profiler-config)", err)
		return false
	}
	return true
}

// sayProfiled tells of the profiler's end, behind the numbers as vLLM's client
// does; the profiler itself stopped with the last answer.
func (r *serveRun) sayProfiled() {
	if !r.plan.Target.Profile {
		return
	}
	r.say("Stopping profiler...")
	if r.profiled {
		r.say("Profiler stopped")
	}
}

// sayTraffic prints vLLM's lines about the traffic.
func (r *serveRun) sayTraffic() {
	s := &r.plan.Schedule
	if s.SelfTimed {
		r.say("Self timing is set, using the timestamps from the trace file.")
		return
	}
	kind := "Gamma distribution"
	if s.Burstiness == 1 {
		kind = "Poisson process"
	}
	if s.RampStrategy != "" {
		r.say("Traffic ramp-up strategy: %s.", s.RampStrategy)
		r.say("Will increase RPS from %d to %d RPS over the duration of the benchmark.", s.RampStartRPS, s.RampEndRPS)
	} else {
		r.say("Traffic request rate: %s", rateText(s.RequestRate))
	}
	r.say("Burstiness factor: %s (%s)", rateText(s.Burstiness), kind)
	limit := "None"
	if s.MaxConcurrency > 0 {
		limit = fmt.Sprint(s.MaxConcurrency)
	}
	r.say("Maximum request concurrency: %s", limit)
}

// describe puts what is known before the first request into the run directory.
func (r *serveRun) describe() error {
	if r.writer == nil {
		return nil
	}
	head := record.Head{}
	if err := r.fill(&head); err != nil {
		return err
	}
	return r.writer.Update(func(h *record.Head) { _ = r.fill(h) })
}

// fill puts what is known of the run into the head of its directory.
func (r *serveRun) fill(h *record.Head) error {
	p, err := json.Marshal(r.plan)
	if err != nil {
		return failf(ExitFailed, "", "run directory: %w", err)
	}
	h.Args, h.Options, h.Plan, h.Workload = r.redactedArgs(), r.options(), p, &r.set.Report
	h.Server, h.Limit = r.info, r.kept
	h.Warnings = slices.Concat(r.set.Report.Warnings, r.warnings)
	return nil
}

// run runs the job with its progress on the screen.
func (r *serveRun) run(ctx context.Context, j load.Job) (record.Ending, error) {
	var line *live.Line
	if r.opts.Live {
		o := live.Options{Progress: j.Progress, Terminal: r.env.StderrTTY, Width: r.env.progressWidth}
		if r.openLoop() {
			o.Expect = r.span()
		}
		line = live.Start(r.env.Stderr, o)
	}
	quiet := r.tellInterrupt(ctx, j.Progress)
	giving, stop := r.giveUpUnreached(ctx, j.Progress)
	end, err := load.Run(giving, j)
	if errors.Is(context.Cause(giving), errUnreached) && end.Reason == record.Interrupted {
		end.Reason, r.unreached = record.Unreachable, true
	}
	stop()
	quiet()
	line.Stop()
	for _, w := range end.Warnings {
		r.warn("connections", "%s", w)
	}
	if err != nil {
		err = failf(ExitFailed, "", "%w", err)
	}
	return end, err
}

// openLoop says that requests go by the clock, whatever becomes of the others.
func (r *serveRun) openLoop() bool {
	s := &r.plan.Schedule
	return s.SelfTimed || s.RampStrategy != "" || !math.IsInf(float64(s.RequestRate), 1)
}

// probe asks the server for one token.
func (r *serveRun) probe(ctx context.Context) (*record.Record, error) {
	dialect, err := protocol.New(r.plan.Target.Backend)
	if err != nil {
		return nil, usage(err)
	}
	prompt := protocol.Prompt{Text: "Hi"}
	body, err := dialect.AppendBody(nil, protocol.Call{Model: r.plan.Target.ModelName(), Prompt: prompt, MaxTokens: 1, Compat: r.plan.CompatVLLM()})
	if err != nil {
		return nil, usage(err)
	}
	clock := wire.NewClock()
	client, err := r.client(clock)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	rec := load.Once(ctx, load.Job{Client: client, Dialect: dialect, Clock: clock}, workload.Request{Body: body})
	return rec, client.Close()
}

// redactedArgs is the command line without the values of headers.
func (r *serveRun) redactedArgs() []string {
	args := slices.Clone(r.env.Args)
	secret := false
	for i, a := range args {
		switch {
		case isHeaderFlag(a):
			secret = true
			args[i] = cutValue(a)
		case len(a) > 1 && a[:2] == "--":
			secret = false
		case secret:
			args[i] = cutValue(a)
		}
	}
	return args
}
