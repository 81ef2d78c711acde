package sim

import (
	"fmt"
	"sync"
	"testing"

	"tokmeter/internal/model/setup"
	"tokmeter/internal/sim/api"
)

// TestAnswersAreNotTheEngines: what is said to a prompt depends on the seed alone,
// not on the engine, its settings, who else is there, or the order of asking. The
// histories of all these servers are equal, answer by answer.
func TestAnswersAreNotTheEngines(t *testing.T) {
	off, on := false, true
	asks := make([]string, 12)
	for i := range asks {
		asks[i] = fmt.Sprintf(`{"prompt":"tell me of %d","max_tokens":%d,"seed":%d}`, i%5, 10+7*i, i)
	}
	var want []string
	for _, tt := range []struct {
		name   string
		change func(*setup.Setup)
		spec   *Spec
		order  func(i int) int // of asking
		atOnce bool
	}{
		{name: "one after the other"},
		{name: "all at once", atOnce: true},
		{name: "the last one first", order: func(i int) int { return len(asks) - 1 - i }},
		{name: "another card and format", change: func(s *setup.Setup) { s.GPU, s.Precision = "a10g", "int4" }, atOnce: true},
		{name: "synchronous scheduling", change: func(s *setup.Setup) { s.Async = &off }, atOnce: true},
		{name: "asynchronous scheduling", change: func(s *setup.Setup) { s.Async = &on }, atOnce: true},
		{name: "two at a time", change: func(s *setup.Setup) { s.MaxSeqs = 2 }, atOnce: true},
		{name: "few blocks, so that it preempts", change: func(s *setup.Setup) { s.Blocks, s.MaxModelLen = 20, 200 }, atOnce: true},
		{name: "no prefix cache", change: func(s *setup.Setup) { s.PrefixCaching = &off }, atOnce: true},
		{name: "several tokens a step", change: func(s *setup.Setup) { s.Acceptance = []float64{0.9, 0.5} }, atOnce: true},
		{name: "set times", spec: &Spec{Model: "m"}, atOnce: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := fast()
			if tt.change != nil {
				tt.change(&o.Setup)
			}
			if tt.spec != nil {
				o.Fixed, o.Setup = tt.spec, setup.Setup{}
			}
			s := serve(t, o)
			got := make([]string, len(asks))
			var wg sync.WaitGroup
			for i := range asks {
				if tt.order != nil {
					i = tt.order(i)
				}
				wg.Go(func() { got[i] = ask(t, s, api.PathCompletions, asks[i]).Choices[0].Text })
				if !tt.atOnce {
					wg.Wait()
				}
			}
			wg.Wait()
			if want == nil {
				want = got
			}
			for i := range asks {
				if got[i] != want[i] || got[i] == "" {
					t.Errorf("%s: got %q, want %q", asks[i], got[i], want[i])
				}
			}
		})
	}
}
