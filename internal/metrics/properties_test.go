package metrics_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tokmeter/internal/record"
)

// drawRun makes a run of a few dozen requests of any shape.
func drawRun(t *rapid.T) []*record.Record {
	n := rapid.IntRange(1, 40).Draw(t, "n")
	var recs []*record.Record
	for i := range n {
		sent := record.Stamp(rapid.IntRange(1, 3000).Draw(t, "sent"))
		var tokens []record.Stamp
		at := record.Stamp(0)
		for range rapid.IntRange(1, 12).Draw(t, "tokens") {
			at += record.Stamp(rapid.IntRange(0, 400).Draw(t, "gap"))
			tokens = append(tokens, at)
		}
		r := answer(i, sent, sent, tokens...)
		r.PerEvent[0] = uint16(rapid.IntRange(0, 3).Draw(t, "first"))
		r.OutputTokens.N = len(tokens) - 1 + max(int(r.PerEvent[0]), 1)
		recs = append(recs, r)
	}
	return recs
}

// TestPeaks compares both peaks with a search over every moment.
func TestPeaks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recs := drawRun(t)
		s := summarize(recs, record.Ending{End: 5000 * ms}, openLoop())
		concurrent, tokens := 0, 0
		for _, r := range recs {
			n := 0
			for _, o := range recs {
				if o.Sent <= r.Sent && r.Sent < max(o.Done, o.Sent+1) {
					n++
				}
			}
			concurrent = max(concurrent, n)
			for _, start := range r.Events {
				n := 0
				for _, o := range recs {
					for k, at := range o.Events {
						if at >= start && at < start+1000*ms {
							n += max(int(o.PerEvent[k]), 1)
						}
					}
				}
				tokens = max(tokens, n)
			}
		}
		if s.PeakConcurrency != concurrent || int(s.PeakOutput) != tokens {
			t.Fatalf("got %d requests and %v tokens, want %d and %d", s.PeakConcurrency, s.PeakOutput, concurrent, tokens)
		}
		if s.PeakConcurrency > len(recs) {
			t.Fatalf("peak concurrency %d exceeds the %d requests", s.PeakConcurrency, len(recs))
		}
	})
}

// TestPure: the order of records does not matter, and none is changed.
func TestPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		recs := drawRun(t)
		p := openLoop()
		p.Output.Percentiles = []float64{0, 50, 90, 99, 100}
		if rapid.Bool().Draw(t, "compat") {
			p.Compat = "vllm"
		}
		end := record.Ending{End: 5000 * ms}
		before := fmt.Sprint(copyOf(recs))
		want := summarize(recs, end, p)
		shuffled := rapid.Permutation(recs).Draw(t, "order")
		order := slices.Clone(shuffled)
		if diff := cmp.Diff(want, summarize(shuffled, end, p)); diff != "" {
			t.Fatalf("another order, another summary:\n%s", diff)
		}
		if !slices.Equal(order, shuffled) || fmt.Sprint(copyOf(recs)) != before {
			t.Fatal("Summarize changed its records")
		}
		for id, d := range want.Dists {
			for i := 1; i < len(d.Percentiles); i++ {
				if d.Percentiles[i].Value < d.Percentiles[i-1].Value-1e-9 {
					t.Fatalf("%s: percentiles fall: %v", id, d.Percentiles)
				}
			}
			if d.Min > d.Median || d.Median > d.Max || d.P99 > d.Max {
				t.Fatalf("%s: out of order: %+v", id, d)
			}
		}
	})
}

func copyOf(recs []*record.Record) []record.Record {
	var all []record.Record
	for _, r := range recs {
		c := *r
		c.Events, c.PerEvent = slices.Clone(r.Events), slices.Clone(r.PerEvent)
		all = append(all, c)
	}
	return all
}

// BenchmarkSummarize is a run of 10,000 requests of 500 tokens.
func BenchmarkSummarize(b *testing.B) {
	const requests, tokens = 10_000, 500
	seed := uint64(1)
	roll := func(n uint64) record.Stamp {
		seed = seed*6364136223846793005 + 1442695040888963407
		return record.Stamp(seed >> 33 % n)
	}
	recs := make([]*record.Record, requests)
	for i := range recs {
		r := answer(i, record.Stamp(i), record.Stamp(i), 10)
		at := r.Sent + 20*ms
		r.Events, r.PerEvent = make([]record.Stamp, tokens), make([]uint16, tokens)
		for k := range r.Events {
			r.Events[k], r.PerEvent[k] = at, 1
			at += 15*ms + roll(10e6)
		}
		r.OutputTokens.N = tokens
		r.FirstToken, r.LastToken, r.Done = r.Events[0], r.Events[tokens-1], r.Events[tokens-1]
		recs[i] = r
	}
	end := record.Ending{End: 20_000 * ms}
	for _, compat := range []string{"", "vllm"} {
		p := openLoop()
		p.Compat = compat
		b.Run("compat="+compat, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				summarize(recs, end, p)
			}
		})
	}
}
