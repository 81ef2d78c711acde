package sched

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A variant is another way to give a scheduler the same work, which must lead to
// the same history.
type variant struct {
	name  string
	apply func(t *rapid.T, c *Config, jobs []*job)
	drive func(s *Scheduler) *Step          // nil: Schedule
	fits  func(c *Config, jobs []*job) bool // makes the work such that it holds; nil: it always does
}

// always is a model that answers by the request's name and place alone, with
// tokens that are in no prompt.
type always struct{}

func (always) Accept(r *Request, drafts int) int {
	return (len(r.ID) + 3*len(r.Output)) % (drafts + 1)
}
func (always) Sample(r *Request) (int, bool) { return 1_000_000 + len(r.Output), len(r.Output) == 30 }

// history runs the jobs to their ends and tells of every step who got how many
// tokens, who was preempted and who ended.
func history(t *rapid.T, c Config, jobs []*job, drive func(*Scheduler) *Step) []string {
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if drive == nil {
		drive = (*Scheduler).Schedule
	}
	var log []string
	added := 0
	for step := 0; added < len(jobs) || s.Busy(); step++ {
		if step > 20000 {
			t.Fatalf("no end after %d steps", step)
		}
		for ; added < len(jobs) && jobs[added].step <= step; added++ {
			r := *jobs[added].req
			if err := s.Add(&r); err != nil {
				t.Fatal(err)
			}
		}
		var line strings.Builder
		st := drive(s)
		for _, sh := range st.Shares {
			fmt.Fprintf(&line, " %s+%d@%d", sh.Request.ID, sh.Tokens, sh.Context)
		}
		for _, r := range st.Preempted {
			fmt.Fprintf(&line, " -%s", r.ID)
		}
		for _, r := range s.Commit(always{}) {
			fmt.Fprintf(&line, " %s=%d", r.ID, len(r.Output))
		}
		log = append(log, line.String())
	}
	return log
}

// distinct gives every prompt tokens of its own, so that no cache can hit.
func distinct(jobs []*job) {
	for i, j := range jobs {
		j.req.Prompt = slices.Clone(j.req.Prompt)
		for k := range j.req.Prompt {
			j.req.Prompt[k] = 100_000*(i+1) + k
		}
	}
}

// TestMetamorphic: equal work under configurations that must not matter has equal
// histories.
func TestMetamorphic(t *testing.T) {
	variants := []variant{
		{name: "a step that is asked for twice is one step", drive: func(s *Scheduler) *Step { s.Schedule(); return s.Schedule() }},
		{name: "a commit without a step does nothing", drive: func(s *Scheduler) *Step { s.Commit(always{}); return s.Schedule() }},
		{name: "reading changes nothing", drive: func(s *Scheduler) *Step {
			s.Waiting()
			s.Counts()
			s.Usage()
			s.Prefix()
			return s.Schedule()
		}},
		{name: "tokens are names", apply: func(_ *rapid.T, _ *Config, jobs []*job) {
			for _, j := range jobs {
				j.req.Prompt = slices.Clone(j.req.Prompt)
				for k := range j.req.Prompt {
					j.req.Prompt[k] = 3*j.req.Prompt[k] + 50_000
				}
			}
		}},
		{name: "a cache without a hit is no cache", apply: func(_ *rapid.T, c *Config, _ []*job) { c.PrefixCaching = !c.PrefixCaching },
			fits: func(c *Config, jobs []*job) bool {
				distinct(jobs)
				c.Blocks += 5000 // who is preempted finds its own tokens
				return c.Profile == V1
			}},
		{name: "adapters that nobody has need no limit", apply: func(_ *rapid.T, c *Config, _ []*job) { c.MaxAdapters = 1 },
			fits: func(c *Config, jobs []*job) bool {
				return c.MaxAdapters == 0 && !slices.ContainsFunc(jobs, func(j *job) bool { return j.req.Adapter != "" })
			}},
		{name: "priorities that are equal are no priorities", apply: func(_ *rapid.T, _ *Config, jobs []*job) {
			for _, j := range jobs {
				j.req.Priority = 9
			}
		}, fits: func(c *Config, jobs []*job) bool {
			for _, j := range jobs {
				j.req.Priority = 1
			}
			return true
		}},
		{name: "of those that come at once priority and arrival decide, not the order of Add", apply: func(t *rapid.T, _ *Config, jobs []*job) {
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0))
			rng.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
			slices.SortStableFunc(jobs, func(a, b *job) int { return a.step - b.step })
		}, fits: func(c *Config, _ []*job) bool { return c.Policy == Priority && c.Profile == V1 }},
	}
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			ran := 0
			rapid.Check(t, func(t *rapid.T) {
				c := drawConfig(t)
				jobs := drawJobs(t, c)
				jobs = slices.DeleteFunc(jobs, func(j *job) bool { s, _ := New(c); return s.mostBlocks(j.req) > s.usable() })
				if v.fits != nil && !v.fits(&c, jobs) {
					return
				}
				ran++
				want := history(t, c, jobs, nil)
				if v.apply != nil {
					v.apply(t, &c, jobs)
				}
				if diff := cmp.Diff(want, history(t, c, jobs, v.drive)); diff != "" {
					t.Fatalf("(-one way +the other):\n%s", diff)
				}
			})
			if ran == 0 {
				t.Error("no case of it was drawn")
			}
		})
	}
}
