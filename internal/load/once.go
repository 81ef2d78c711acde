package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tokmeter/internal/record"
	"tokmeter/internal/workload"
)

// retryEvery is how long Ready waits between two attempts, as vLLM's client does.
const retryEvery = 5 * time.Second

// Once sends req at once and returns what happened to it. Of j it uses Client,
// Dialect, Clock and Timeout; the record reaches no sink and no progress.
// Cancelling ctx cancels the request.
func Once(ctx context.Context, j Job, req workload.Request) *record.Record {
	j.Progress = nil
	s := newStream(&j, req)
	s.rec.Due = j.Clock.Now()
	s.rec.Released = s.rec.Due
	s.exchange(ctx, func() {})
	return s.rec
}

// Ready sends req until an attempt succeeds, every 5 s, until limit has passed.
// An attempt that began before may take as long as limit itself. It returns
// the last attempt's record and an error that says why the server is not
// ready; failed, which may be nil, is called after each failed attempt. When
// ctx is cancelled the error is its cause.
func Ready(ctx context.Context, j Job, req workload.Request, limit time.Duration, failed func(*record.Record)) (*record.Record, error) {
	if j.Timeout == 0 || j.Timeout > limit {
		j.Timeout = limit
	}
	over := time.NewTimer(limit)
	defer over.Stop()
	for {
		rec := Once(ctx, j, req)
		if rec.Outcome == record.OK {
			return rec, nil
		}
		if failed != nil {
			failed(rec)
		}
		pause := time.NewTimer(retryEvery)
		select {
		case <-pause.C:
			continue
		case <-over.C:
		case <-ctx.Done():
		}
		pause.Stop()
		if ctx.Err() != nil {
			return rec, context.Cause(ctx)
		}
		return rec, fmt.Errorf("the server was not ready in time: %s: %s", rec.Outcome, rec.Err)
	}
}

// Warm sends n copies of req at once, at most j.MaxConcurrency of them at a
// time, and waits for all. Failures are counted and otherwise ignored.
// Cancelling ctx cancels them all.
func Warm(ctx context.Context, j Job, req workload.Request, n int) (ok, failed int) {
	limit := n
	if j.MaxConcurrency > 0 {
		limit = min(limit, j.MaxConcurrency)
	}
	// A failure shows in the requests themselves.
	_ = j.Client.Connect(ctx, limit)
	slots := make(chan struct{}, limit)
	var good atomic.Int64
	var wg sync.WaitGroup
	for range n {
		slots <- struct{}{}
		wg.Go(func() {
			if Once(ctx, j, req).Outcome == record.OK {
				good.Add(1)
			}
			<-slots
		})
	}
	wg.Wait()
	ok = int(good.Load())
	return ok, n - ok
}
