// Package selftest finds out what the machine holds that a client runs on: at how
// many streams of how many tokens a second the client begins to read late and its
// numbers begin to be off, and how far its TTFT is from the truth.
//
// A server of known times runs in a process of its own on the same machine, as
// nothing else is at hand; so what is found is a floor. Each level is one run, of
// twice as many streams as the one before or more, until at two of them tokens come
// too slowly or TTFT is not true. It takes less than a minute and sends nothing beyond the
// loopback.
package selftest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"slices"
	"time"

	"tokmeter/internal/machine"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
	"tokmeter/internal/run"
	"tokmeter/internal/stats"
)

const (
	rate        = 50  // tokens a second of a stream: a gap of 20 ms
	answer      = 100 // tokens: two seconds
	firstLevel  = 1   // streams
	step        = 4   // while there is room
	lagLimitMs  = 1.0 // of P99, which is 5 % of the gap too
	errorLimit  = 0.1 // ms that TTFT is off on average
	delivered   = 0.9 // of the tokens a second that should come
	enough      = 20  // requests of the smallest level
	longest     = 45 * time.Second
	misses      = 2 // levels one after the other that are too much: one may be another program's doing
	promptWords = 16
)

// Spec is the server's times, as `tokmeter sim --fixed` takes them. The jitter keeps
// streams from beating as one.
const Spec = "ttft=50ms,itl=20ms,jitter=0.05"

// Measure goes from level to level against the server at url, whose truth it asks
// for, up to most streams, and says after each what it found. The world is that of
// a run.
func Measure(ctx context.Context, url string, w run.World, most int, tell func(machine.Level)) (machine.Capacity, error) {
	c := machine.Capacity{Measured: w.Began, Tokmeter: w.Program, Arch: runtime.GOARCH, Rate: rate, TTFTError: math.Inf(1)}
	began := time.Now()
	missed, over := 0, 0 // levels that were too much, one after the other; the first of them
	at := func(streams int) error {
		l, cores, err := level(ctx, url, w, streams)
		if err != nil {
			return fmt.Errorf("%d streams: %w", streams, err)
		}
		tell(l)
		c.Cores = cores
		c.Levels = append(c.Levels, l)
		c.TTFTError = min(c.TTFTError, math.Abs(l.TTFTError))
		if l.Held {
			c.Streams, missed = max(c.Streams, streams), 0
			if l.LagP99 <= lagLimitMs {
				c.Prompt = max(c.Prompt, streams)
			}
		} else if missed++; missed == 1 {
			over = streams
		}
		return nil
	}
	for streams := firstLevel; streams <= most && missed < misses && time.Since(began) < longest; streams = next(streams) {
		if err := at(streams); err != nil {
			return c, err
		}
	}
	if c.Bounded = missed > 0; !c.Bounded {
		return c, nil
	}
	if between := (c.Streams + over) / 2; c.Streams > 0 && between > c.Streams {
		if err := at(between); err != nil {
			return c, err
		}
	}
	return c, nil
}

// next is the level after one that was held.
func next(streams int) int {
	if streams < 64 {
		return streams * step
	}
	return streams * 2
}

// level is one run.
func level(ctx context.Context, url string, w run.World, streams int) (l machine.Level, cores float64, err error) {
	if err := Forget(ctx, url); err != nil {
		return l, 0, err
	}
	out, err := run.Run(ctx, planOf(url, streams), w, silent{})
	if err != nil {
		return l, 0, err
	}
	defer out.Close()
	res, err := result.From(out.Run, nil)
	if err != nil {
		return l, 0, err
	}
	defer res.Close()
	s := &res.Summary
	if s.Completed < s.Requests || s.Completed == 0 {
		if err := out.Verdict(s); err != nil {
			return l, 0, err
		}
		return l, 0, fmt.Errorf("%d of %d requests failed", s.Failed, s.Requests)
	}
	truth, err := Truth(ctx, url)
	if err != nil {
		return l, 0, err
	}
	// A request's lag is its worst of a hundred reads: the median of these is the P99
	// of reads.
	l = machine.Level{Streams: streams, Tokens: s.OutputThroughput, LagP99: s.Dists[metrics.ClientLag].P50}
	if s.Steady != nil {
		l.Tokens = s.Steady.OutputThroughput
	}
	if l.TTFTError, l.TTFTErrorP99, err = errorOf(res.Records, truth); err != nil {
		return l, 0, err
	}
	if c := s.Client; c != nil && c.Wall > 0 {
		l.CPU, cores = c.Own.Seconds()/c.Wall.Seconds(), c.Cores
	}
	l.Held = math.Abs(l.TTFTError) <= errorLimit && (streams < enough || l.Tokens >= delivered*rate*float64(streams))
	return l, cores, nil
}

// planOf is a run of streams at once: one request a stream, and a few more where
// there are few streams.
func planOf(url string, streams int) plan.Plan {
	var p plan.Plan
	p.Version = plan.Version
	p.Target = plan.Target{
		Backend: "openai", BaseURL: url, Endpoint: "/v1/completions", Client: plan.ClientNative, Model: "simulated", IgnoreEOS: true,
		RequestIDPrefix: "selftest-", RequestTimeout: time.Minute, NoProbe: true,
	}
	p.Workload = plan.Workload{Dataset: "random", NumPrompts: max(streams, enough)}
	if streams == firstLevel {
		p.Workload.NumPrompts = 2
	}
	p.Workload.Random = plan.Random{InputLen: promptWords, OutputLen: answer, BatchSize: 1}
	p.Load = plan.Load{RequestRate: plan.Float(math.Inf(1)), Burstiness: 1, MaxConcurrency: streams}
	p.Output.NoRecord = true
	return p
}

type silent struct{}

func (silent) Observe(run.Event) {}

// A true request is when the kernel had it whole, and when the write of its first
// token began, in nanoseconds of the wall clock.
type trueRequest struct {
	ID      string  `json:"id"`
	Arrived int64   `json:"arrived_ns"`
	Sent    []int64 `json:"sent_ns"`
}

// Truth asks a simulated server for the true TTFT of each request that it
// answered, in milliseconds, by x-request-id.
func Truth(ctx context.Context, url string) (map[string]float64, error) {
	var answer struct {
		Requests []trueRequest `json:"requests"`
	}
	if err := ask(ctx, http.MethodGet, url, &answer); err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for _, r := range answer.Requests {
		if len(r.Sent) > 0 {
			out[r.ID] = float64(r.Sent[0]-r.Arrived) / 1e6
		}
	}
	return out, nil
}

// Forget has a simulated server forget what it knows of requests.
func Forget(ctx context.Context, url string) error { return ask(ctx, http.MethodDelete, url, nil) }

func ask(ctx context.Context, method, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, url+"/sim/truth", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("the server's truth: %s", res.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(into)
}

// errorOf is how far TTFT is from the truth, in milliseconds: the mean, and P99 of
// its size.
func errorOf(recs record.Pass, truth map[string]float64) (mean, p99 float64, err error) {
	v := metrics.ViewOf(plan.Plan{})
	var off, size []float64
	for r, err := range recs {
		if err != nil {
			return 0, 0, err
		}
		is, ok := truth[r.ID]
		if !ok || !v.OK(r) {
			continue
		}
		off = append(off, v.TTFT(r)*1e3-is)
		size = append(size, math.Abs(off[len(off)-1]))
	}
	if len(off) == 0 {
		return 0, 0, fmt.Errorf("the server knows none of the requests")
	}
	slices.Sort(size)
	return stats.Mean(off), stats.Percentile(size, 99), nil
}
