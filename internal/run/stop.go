package run

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"tokmeter/internal/load"
	"tokmeter/internal/metrics"
	"tokmeter/internal/plan"
	"tokmeter/internal/record"
	"tokmeter/internal/stats"
)

const (
	// stopEvery is how often the rules of a run are looked at.
	stopEvery = 500 * time.Millisecond
	// rateOf is how many requests must have ended before their share of failures
	// counts.
	rateOf = 20
	// saturatedAfter is for how long a server must fall behind to be called saturated.
	saturatedAfter = 30
	// grown is by how much the number of requests grows between two looks at an
	// interval: a look takes time, and each one is a chance to stop by luck.
	grown = 1.05
)

// A stopper is a sink that watches whether a rule of the plan ends the run.
type stopper struct {
	rules plan.Stop
	view  metrics.View

	mu     sync.Mutex
	ended  int
	failed int
	values []indexed // of Until's latency, in ms
	under  []float64 // requests under way, a sample a second
	ttft   []float64 // of the first tokens since the sample before, in seconds

	looked int  // values at the last look
	narrow bool // the last look found the interval narrow enough
}

// indexed is a request's latency.
type indexed struct {
	index int
	ms    float64
}

func newStopper(p plan.Plan) *stopper {
	return &stopper{rules: p.Load.Stop, view: metrics.ViewOf(p)}
}

// Add takes what the rules need of a record.
func (s *stopper) Add(r *record.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended++
	if !s.view.OK(r) {
		if r.Outcome != record.Cancelled {
			s.failed++
		}
		return nil
	}
	if u := s.rules.Until; u != nil {
		if ms, ok := s.latency(u.Metric, r); ok {
			s.values = append(s.values, indexed{r.Index, ms})
		}
	}
	return nil
}

// Close has nothing to close.
func (s *stopper) Close() error { return nil }

// latency is a request's, in milliseconds; TPOT needs two tokens.
func (s *stopper) latency(metric string, r *record.Record) (ms float64, ok bool) {
	ttft, whole := s.view.TTFT(r), s.view.Latency(r)
	switch metric {
	case "ttft":
		return ttft * 1e3, true
	case "e2el":
		return whole * 1e3, true
	}
	n := s.view.Output(r).N - r.Unstreamed
	return stats.TPOT(ttft, whole, float64(n)) * 1e3, n > 1
}

// decide says which rule ends the run after so much time; "" for none.
func (s *stopper) decide(after time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &s.rules
	switch {
	case r.MaxErrors > 0 && s.failed >= r.MaxErrors:
		return fmt.Sprintf("%d of %d requests failed (--max-errors %d)", s.failed, s.ended, r.MaxErrors)
	case r.MaxErrorRate > 0 && s.ended >= rateOf && float64(s.failed) > r.MaxErrorRate*float64(s.ended):
		return fmt.Sprintf("%d of %d requests failed (--max-error-rate %v)", s.failed, s.ended, r.MaxErrorRate)
	case r.MaxDuration > 0 && after >= r.MaxDuration:
		return fmt.Sprintf("%v s are over (--max-duration)", r.MaxDuration.Seconds())
	case r.Saturated && s.saturated(after):
		return "the server is saturated: requests in flight and TTFT rise (--stop-when-saturated)"
	case r.Until != nil && after >= r.MinDuration:
		return s.reached(*r.Until)
	}
	return ""
}

// reached says that the run knows what it wants to know; "" where it does not.
func (s *stopper) reached(u plan.Until) string {
	n := len(s.values)
	if float64(n) < grown*float64(s.looked) || n == s.looked {
		return ""
	}
	s.looked = n
	if u.BelowMs > 0 {
		over := 0
		for _, v := range s.values {
			if v.ms > u.BelowMs {
				over++
			}
		}
		met, missed := stats.EarlyDecision(n, over, u.Percentile)
		switch {
		case met:
			return fmt.Sprintf("%s is met: %d of %d requests are over it", u, over, n)
		case missed:
			return fmt.Sprintf("%s is missed: %d of %d requests are over it", u, over, n)
		}
		return ""
	}
	slices.SortFunc(s.values, func(a, b indexed) int { return a.index - b.index })
	x := make([]float64, n)
	for i, v := range s.values {
		x[i] = v.ms
	}
	i := stats.MeanOfSeries(x, 1)
	if u.Percentile > 0 {
		i = stats.PercentileOfSeries(x, u.Percentile)
	}
	half := max(i.High-i.Value, i.Value-i.Low) / i.Value
	was := s.narrow
	s.narrow = half <= u.Within // false where there is no interval
	if !was || !s.narrow {
		return ""
	}
	return fmt.Sprintf("%s: known to ±%.2g %% after %d requests (%.2f, %.2f to %.2f ms)", u, 100*half, n, i.Value, i.Low, i.High)
}

// sample notes how many requests are under way, and the sum of the TTFTs of the n
// requests whose first token came since the sample before. It is called once a second.
func (s *stopper) sample(under int64, ttft time.Duration, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.under = append(s.under, float64(under))
	if n > 0 {
		s.ttft = append(s.ttft, ttft.Seconds()/float64(n))
	}
}

func (s *stopper) saturated(after time.Duration) bool {
	return len(s.under) >= saturatedAfter && after >= saturatedAfter*time.Second &&
		metrics.Saturated(s.under, s.ttft, after.Seconds())
}

// A ruled error says which rule ended a run.
type ruled struct{ why string }

func (r ruled) Error() string { return r.why }
func (r ruled) Unwrap() error { return load.ErrEnough }

// watch ends the returned context when a rule says so. The caller calls stop, which
// returns when nobody watches any more.
func (s *stopper) watch(ctx context.Context, p *record.Progress) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if !s.rules.Any() {
		return ctx, func() { cancel(nil) }
	}
	var gone sync.WaitGroup
	gone.Go(func() {
		tick := time.NewTicker(stopEvery)
		defer tick.Stop()
		limit := time.Duration(math.MaxInt64)
		if s.rules.MaxDuration > 0 {
			limit = s.rules.MaxDuration
		}
		over := time.NewTimer(limit)
		defer over.Stop()
		began := time.Now()
		var sum, count int64
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-over.C:
			case <-tick.C:
			}
			if n%2 == 0 {
				wasSum, wasCount := sum, count
				sum, count = p.TTFTSum.Load(), p.TTFTCount.Load()
				s.sample(p.Released.Load()-p.Done.Load(), time.Duration(sum-wasSum), count-wasCount)
			}
			if why := s.decide(time.Since(began)); why != "" {
				cancel(ruled{why})
				return
			}
		}
	})
	return ctx, func() { cancel(nil); gone.Wait() }
}
