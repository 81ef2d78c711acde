package load

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"tokmeter/internal/record"
)

// Counters count the tokens of an answer for which the server gave no count.
// Both may be nil; both may be called by many goroutines.
type Counters struct {
	// Server asks the server's /tokenize, without special tokens.
	Server func(ctx context.Context, text string) (int, error)
	// Local is a tokenizer in this process, without special tokens.
	Local func(text string) int
}

// askAtOnce is how many texts are under way to the server's /tokenize.
const askAtOnce = 4

// Count counts the answers of the successful records that the server gave no
// count for, after the run: with c.Server as long as it answers, else with
// c.Local. It returns the counts by the records' Index for Record.Recount and
// Head.Counts, and changes no record. An answer with reasoning or tool calls
// keeps its number of events, for its text is not the whole of it.
func Count(ctx context.Context, recs []*record.Record, c Counters) (counts map[int]record.Count, warnings []string) {
	var open []*record.Record
	for _, r := range recs {
		if countable(r) {
			open = append(open, r)
		}
	}
	counts = make(map[int]record.Count, len(open))
	var mu sync.Mutex
	note := func(r *record.Record, from record.Source, count func(text string) (int, error)) error {
		n, err := count(r.Text)
		for i := 0; i < len(r.Beside) && err == nil; i++ {
			var more int
			more, err = count(r.Beside[i])
			n += more
		}
		if err != nil {
			return err
		}
		mu.Lock()
		counts[r.Index] = record.Count{N: n, From: from}
		mu.Unlock()
		return nil
	}
	if c.Server != nil {
		ask, stop := context.WithCancelCause(ctx)
		each(ask, open, askAtOnce, func(r *record.Record) {
			err := note(r, record.FromServer, func(text string) (int, error) {
				if text == "" {
					return 0, nil
				}
				return c.Server(ask, text)
			})
			if err != nil {
				stop(err)
			}
		})
		if err := context.Cause(ask); err != nil {
			warnings = append(warnings, fmt.Sprintf("the server's /tokenize counted %d of %d answers: %v", len(counts), len(open), err))
		}
		stop(nil)
	}
	if c.Local != nil {
		left := make([]*record.Record, 0, len(open))
		for _, r := range open {
			if _, ok := counts[r.Index]; !ok {
				left = append(left, r)
			}
		}
		each(ctx, left, runtime.GOMAXPROCS(0), func(r *record.Record) {
			_ = note(r, record.FromTokenizer, func(text string) (int, error) { return c.Local(text), nil })
		})
	}
	return counts, warnings
}

// countable reports whether r has an answer whose tokens nobody counted.
func countable(r *record.Record) bool {
	return r.Outcome == record.OK && (r.Text != "" || len(r.Beside) > 0) &&
		(r.OutputTokens.From == "" || r.OutputTokens.From == record.FromEvents)
}

// each calls f for every record, on n goroutines, until ctx is cancelled.
func each(ctx context.Context, recs []*record.Record, n int, f func(*record.Record)) {
	var wg sync.WaitGroup
	next := make(chan *record.Record)
	for range min(n, len(recs)) {
		wg.Go(func() {
			for r := range next {
				if ctx.Err() == nil {
					f(r)
				}
			}
		})
	}
	for _, r := range recs {
		if ctx.Err() != nil {
			break
		}
		next <- r
	}
	close(next)
	wg.Wait()
}
