package workload

import (
	"context"
	"sync"
	"sync/atomic"
)

// each calls f for 0 to n−1 on up to workers goroutines and returns when all
// are done. The first error, or the end of ctx, stops the rest.
func each(ctx context.Context, workers, n int, f func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				if err := f(i); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// inOrder runs n jobs that draw from one stream of random numbers, each
// beginning where the one before it stopped, on up to workers goroutines. How
// many numbers a job draws is known only when it has run; guess says how many
// it likely does. A few jobs at a time run from where the guesses put them, and
// those that began at the right place are kept: the result is that of running
// them one after another. It returns how many numbers were drawn in all.
func inOrder(ctx context.Context, workers, n int, guess func(i int) int, run func(i, from int) (used int)) (int, error) {
	from := 0
	for i := 0; i < n; {
		k := min(workers, n-i)
		starts, used := make([]int, k), make([]int, k)
		at := from
		for j := range k {
			starts[j] = at
			at += guess(i + j)
		}
		if err := each(ctx, workers, k, func(j int) error { used[j] = run(i+j, starts[j]); return nil }); err != nil {
			return 0, err
		}
		for j := 0; j < k && starts[j] == from; j++ {
			from += used[j]
			i++
		}
	}
	return from, nil
}

// A tape is a stream of random whole numbers that is drawn once and read at any
// place by many goroutines.
type tape struct {
	mu   sync.Mutex
	draw func(n int) []int64
	have []int64
}

// read appends n numbers, beginning with number from, to dst.
func (t *tape) read(dst []int, from, n int) []int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if missing := from + n - len(t.have); missing > 0 {
		t.have = append(t.have, t.draw(max(missing, 1024))...)
	}
	for _, v := range t.have[from : from+n] {
		dst = append(dst, int(v))
	}
	return dst
}
