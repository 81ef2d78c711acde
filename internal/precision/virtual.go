package precision

import (
	"context"
	"fmt"
	"slices"

	"tokmeter/internal/compare"
	"tokmeter/internal/experiment"
	"tokmeter/internal/model/replay"
)

// A Length is one request of a workload, in tokens.
type Length struct{ Prompt, Output int }

// A Virtual runs simulated variants with no time passing: it is both Starter and
// Runner. Its results have no run directory; Load makes them again, for the
// same input gives the same times.
type Virtual struct {
	Spec     *Spec
	Requests []Length
	// Due gives the seconds at which the first n requests are due at a rate; the
	// rate is 0 for all at once.
	Due     func(rate float64, n int) ([]float64, error)
	Prompts string // hash of the workload
	Seed    uint64 // of drafts that are accepted
}

type virtualServer struct{ facts experiment.Facts }

func (virtualServer) URL() string                 { return "virtual" }
func (s virtualServer) Facts() experiment.Facts   { return s.facts }
func (virtualServer) Err() error                  { return nil }
func (virtualServer) Ended(context.Context) error { return nil }
func (virtualServer) Stop(context.Context) error  { return nil }

// Start builds the engine of a simulated variant. The error says that it is
// none.
func (w *Virtual) Start(_ context.Context, x experiment.Variant) (experiment.Server, error) {
	v := w.Spec.Variant(x.Name)
	if v == nil || v.Simulate == "" {
		return nil, fmt.Errorf("variant %q is a real engine: no time can be left out of it: give it simulate, or run without --virtual", x.Name)
	}
	b, err := v.Built()
	if err != nil {
		return nil, err
	}
	return virtualServer{experiment.Facts{Version: b.Setup.Engine, Card: b.Card.Name, WeightBytes: b.Machine.ReadBytes(1)}}, nil
}

// Run replays the job's requests.
func (w *Virtual) Run(ctx context.Context, j experiment.Job) (experiment.Outcome, error) {
	if err := context.Cause(ctx); err != nil {
		return experiment.Outcome{}, err
	}
	b, err := w.Spec.Variant(j.Variant.Name).Built()
	if err != nil {
		return experiment.Outcome{}, err
	}
	n := len(w.Requests)
	if j.Prompts > 0 {
		n = min(n, j.Prompts)
	}
	arrivals := make([]replay.Arrival, n)
	for i, r := range w.Requests[:n] {
		arrivals[i] = replay.Arrival{ID: fmt.Sprint(i), Prompt: r.Prompt, Output: r.Output}
	}
	o := replay.Options{Seed: w.Seed}
	if j.Load.Concurrency > 0 {
		o.Open = j.Load.Concurrency
	} else {
		due, err := w.Due(j.Load.Rate, n)
		if err != nil {
			return experiment.Outcome{}, err
		}
		if len(due) < n {
			return experiment.Outcome{}, fmt.Errorf("%d due times for %d requests", len(due), n)
		}
		for i := range arrivals {
			arrivals[i].At = due[i]
		}
	}
	res, err := replay.Run(b, arrivals, o)
	if err != nil {
		return experiment.Outcome{}, err
	}
	return experiment.Outcome{Run: virtualRun(j, res), Prompts: w.Prompts, IgnoreEOS: true}, nil
}

// Load runs the job again.
func (w *Virtual) Load(ctx context.Context, j experiment.Job, _ string) (experiment.Outcome, error) {
	return w.Run(ctx, j)
}

// virtualRun is a replay as compare takes it.
func virtualRun(j experiment.Job, res *replay.Result) compare.Run {
	run := compare.Run{Variant: j.Variant.Name, Round: j.Round, Load: j.Load, Offered: j.Load.Rate, Seconds: res.Duration}
	for i, t := range res.Timings {
		run.Requests = append(run.Requests, compare.Request{
			Index: i, OK: true, Prompt: t.Prompt, Output: t.Output, Cached: t.Cached,
			TTFT: t.TTFT() * 1e3, TPOT: t.TPOT() * 1e3, E2EL: t.E2EL() * 1e3, Sent: t.Arrived * 1e3,
		})
	}
	run.PeakOpen = peakOpen(res.Timings)
	return run
}

// peakOpen is the most requests that were under way at once.
func peakOpen(all []replay.Timing) int {
	type change struct {
		at float64
		n  int
	}
	var changes []change
	for _, t := range all {
		changes = append(changes, change{t.Arrived, 1}, change{t.Last, -1})
	}
	slices.SortFunc(changes, func(a, b change) int {
		if a.at != b.at {
			if a.at < b.at {
				return -1
			}
			return 1
		}
		return a.n - b.n
	})
	open, most := 0, 0
	for _, c := range changes {
		open += c.n
		most = max(most, open)
	}
	return most
}
