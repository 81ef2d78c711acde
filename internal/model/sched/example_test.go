package sched_test

import (
	"fmt"

	"tokmeter/internal/model/sched"
)

// words is a model that takes no draft and never ends by itself.
type words struct{}

func (words) Accept(*sched.Request, int) int                { return 0 }
func (words) Sample(r *sched.Request) (token int, end bool) { return 100 + len(r.Output), false }

// A prompt of 100 tokens does not fit a step of 64: it is computed in two, the
// second of which makes the first token. The other request decodes beside it.
func Example() {
	c := sched.DefaultConfig()
	c.MaxBatchedTokens = 64
	c.MaxSeqs = 2
	s, err := sched.New(c)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range []*sched.Request{
		{ID: "short", Prompt: make([]int, 10), MaxOutput: 3},
		{ID: "long", Prompt: make([]int, 100), MaxOutput: 2, Arrival: 1},
	} {
		if err := s.Add(r); err != nil {
			fmt.Println(err)
		}
	}
	for s.Busy() {
		for _, share := range s.Schedule().Shares {
			fmt.Printf("%s: %d tokens behind %d\n", share.Request.ID, share.Tokens, share.Context)
		}
		for _, r := range s.Commit(words{}) {
			fmt.Printf("%s ends with %d tokens\n", r.ID, len(r.Output))
		}
	}
	// Output:
	// short: 10 tokens behind 0
	// long: 54 tokens behind 0
	// short: 1 tokens behind 10
	// long: 46 tokens behind 54
	// short: 1 tokens behind 11
	// long: 1 tokens behind 100
	// short ends with 3 tokens
	// long ends with 2 tokens
}
