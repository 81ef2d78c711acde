package load

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"tokmeter/internal/record"
)

// Counters count the tokens of an answer for which the server gave no count.
// Each may be nil; each may be called by many goroutines.
type Counters struct {
	// Server asks the server's /tokenize, without special tokens.
	Server func(ctx context.Context, text string) (int, error)
	// Local is a tokenizer in this process, without special tokens.
	Local func(text string) int
	// TextAlone says of which answers Local counts the Text and nothing beside
	// it, even where there is another count.
	TextAlone func(*record.Record) bool
}

// askAtOnce is how many texts are under way to the server's /tokenize.
const askAtOnce = 4

// Count counts the answers of the successful records that the server gave no
// count for, after the run: with c.Server as long as it answers, else with
// c.Local. It returns the counts by the records' Index for Spool.Recount and
// Head.Counts. An answer with reasoning or tool calls keeps its number of
// events, for its text is not the whole of it. The error is that of a pass.
func Count(ctx context.Context, recs record.Pass, c Counters) (counts map[int]record.Count, warnings []string, err error) {
	n := counting{counts: map[int]record.Count{}}
	if c.Server != nil {
		ask, stop := context.WithCancelCause(ctx)
		open, err := n.each(ask, recs, askAtOnce, uncounted, func(a answer) {
			err := n.note(a, record.FromServer, func(text string) (int, error) {
				if text == "" {
					return 0, nil
				}
				return c.Server(ask, text)
			})
			if err != nil {
				stop(err)
			}
		})
		if cause := context.Cause(ask); cause != nil {
			warnings = append(warnings, fmt.Sprintf("the server's /tokenize counted %d of %d answers: %v", len(n.counts), open, cause))
		}
		stop(nil)
		if err != nil {
			return nil, warnings, err
		}
	}
	if c.Local == nil {
		return n.counts, warnings, nil
	}
	left := func(r *record.Record) (answer, bool) {
		if c.TextAlone != nil && c.TextAlone(r) {
			return answer{index: r.Index, text: r.Text}, true
		}
		if n.has(r.Index) {
			return answer{}, false
		}
		return uncounted(r)
	}
	_, err = n.each(ctx, recs, runtime.GOMAXPROCS(0), left, func(a answer) {
		_ = n.note(a, record.FromTokenizer, func(text string) (int, error) { return c.Local(text), nil })
	})
	return n.counts, warnings, err
}

// An answer is what is counted of a record.
type answer struct {
	index  int
	text   string
	beside []string
}

// uncounted is the answer of r where it has one whose tokens nobody counted.
func uncounted(r *record.Record) (answer, bool) {
	wanted := r.Outcome == record.OK && (r.Text != "" || len(r.Beside) > 0) &&
		(r.OutputTokens.From == "" || r.OutputTokens.From == record.FromEvents)
	return answer{r.Index, r.Text, r.Beside}, wanted
}

// A counting is the counts so far.
type counting struct {
	mu     sync.Mutex
	counts map[int]record.Count
}

func (n *counting) has(index int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.counts[index]
	return ok
}

// note counts one answer.
func (n *counting) note(a answer, from record.Source, count func(text string) (int, error)) error {
	sum, err := count(a.text)
	for i := 0; i < len(a.beside) && err == nil; i++ {
		var more int
		more, err = count(a.beside[i])
		sum += more
	}
	if err != nil {
		return err
	}
	n.mu.Lock()
	n.counts[a.index] = record.Count{N: sum, From: from}
	n.mu.Unlock()
	return nil
}

// each calls f for the answers that are wanted of the records, on so many
// goroutines, until ctx is cancelled. It returns how many are wanted.
func (n *counting) each(ctx context.Context, recs record.Pass, workers int, wanted func(*record.Record) (answer, bool), f func(answer)) (open int, err error) {
	var wg sync.WaitGroup
	next := make(chan answer)
	for range workers {
		wg.Go(func() {
			for a := range next {
				if ctx.Err() == nil {
					f(a)
				}
			}
		})
	}
	for r, passErr := range recs {
		if err = passErr; err != nil {
			break
		}
		a, ok := wanted(r)
		if !ok {
			continue
		}
		open++
		if ctx.Err() == nil {
			next <- a
		}
	}
	close(next)
	wg.Wait()
	return open, err
}
