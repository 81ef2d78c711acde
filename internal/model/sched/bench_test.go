package sched

import (
	"fmt"
	"testing"
)

// A sayer answers with the same token for ever.
type sayer struct{ token int }

func (s *sayer) Accept(*Request, int) int { return 0 }

func (s *sayer) Sample(*Request) (int, bool) {
	s.token = (s.token*1103515245 + 12345) & 0xffff
	return s.token, false
}

// BenchmarkSchedule is 256 requests that generate, on one core: a request that
// ends is followed by another, prompts of 128 tokens, answers of 512.
func BenchmarkSchedule(b *testing.B) {
	c := DefaultConfig()
	c.Blocks, c.MaxBatchedTokens, c.MaxSeqs = 20000, 8192, 256
	s, err := New(c)
	if err != nil {
		b.Fatal(err)
	}
	m := &sayer{}
	next := 0
	prompts := make([][]int, 512)
	for i := range prompts {
		prompts[i] = make([]int, 128)
		for k := range prompts[i] {
			prompts[i][k] = (i*7919 + k*104729) % 50000
		}
	}
	free := make([]*Request, 0, 300)
	for i := range 300 {
		free = append(free, &Request{ID: fmt.Sprint(i)})
	}
	add := func() {
		r := free[len(free)-1]
		free = free[:len(free)-1]
		*r = Request{ID: r.ID, Prompt: prompts[next%512], MaxOutput: 512 - next%7, Output: r.Output[:0]}
		next++
		if err := s.Add(r); err != nil {
			b.Fatal(err)
		}
	}
	for i := range 256 { // begun one after the other, so that they end so
		add()
		if i%4 == 0 {
			s.Schedule()
			s.Commit(m)
		}
	}
	shares := 0
	b.ReportAllocs()
	for b.Loop() {
		st := s.Schedule()
		shares += len(st.Shares)
		for _, r := range s.Commit(m) {
			free = append(free, r)
			add()
		}
	}
	b.ReportMetric(float64(shares)/b.Elapsed().Seconds(), "request-steps/s")
}
