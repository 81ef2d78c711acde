package replay

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/sched"
	"tokmeter/internal/model/setup"
)

// Options are what a replay may be given beside engine and requests.
type Options struct {
	Seed uint64 // of the drafts that are accepted
	// Each, if set, is told every step. What it is given is valid until it
	// returns.
	Each func(Step)
	// Open is how many requests may be under way at once; the others go, in the
	// order of their arrivals, at the moment when one ends. 0 is no limit.
	Open int
	// Token, if set, is told when the arrival of this index gets n tokens more, in
	// seconds from the start; Ended when it has its last, with all its times.
	Token func(index int, at float64, n int)
	Ended func(index int, t Timing)
	// Refused, if set, is told of an arrival that the engine could never serve, which
	// is then left out; without it that is Run's error.
	Refused func(index int, t Timing, err error)
}

// A Step is one step of a replay. Times are seconds from the start.
type Step struct {
	Start, End float64
	Decision   *sched.Step
	Seqs       []roofline.Seq // what the cost was asked for
	Cost       roofline.Cost
	Running    int // requests in the engine's running list
	Waiting    int // requests in its queue
}

// A Result is what a replay gives.
type Result struct {
	Timings     []Timing // in the order of the arrivals
	Steps       int
	Preemptions int
	Prefix      sched.PrefixStats
	Busy        float64 // seconds of steps
	Duration    float64 // seconds from the start to the last token
	Computed    int     // tokens that steps computed, prompts, output and what was computed again
	Drafts      int     // drafts that steps verified
	Accepted    int     // those that were right
}

// errStuck says that the engine has requests and gives none of them tokens.
var errStuck = errors.New("the engine stands still")

// Run replays the requests on the engine. Arrivals need no order. A request that
// the engine could never serve is an error that names it; it wraps
// sched.ErrTooLong.
func Run(b *setup.Built, arrivals []Arrival, o Options) (*Result, error) {
	s, err := sched.New(b.Sched)
	if err != nil {
		return nil, err
	}
	r := &run{
		sched: s, machine: b.Machine, late: b.ToldLate, frontend: b.FrontendOf, o: o, acceptance: b.Setup.Acceptance,
		arrivals: arrivals, order: make([]int, len(arrivals)), result: &Result{Timings: make([]Timing, len(arrivals))},
	}
	for i := range r.order {
		r.order[i] = i
		if a := arrivals[i]; math.IsNaN(a.At) || math.IsInf(a.At, 0) {
			return nil, fmt.Errorf("request %q: arrival at %v s: want a number of seconds", a.ID, a.At)
		}
	}
	slices.SortStableFunc(r.order, func(x, y int) int { return cmp.Compare(arrivals[x].At, arrivals[y].At) })
	if err := r.all(); err != nil {
		return nil, err
	}
	r.result.Prefix = s.Prefix()
	return r.result, nil
}

// A run is one replay on its way.
type run struct {
	sched      *sched.Scheduler
	machine    *roofline.Machine
	frontend   func(prompt int) float64
	acceptance []float64
	o          Options

	arrivals []Arrival
	order    []int   // of arrival
	next     int     // of order
	sent     []sent  // and not yet seen by the scheduler, as a heap by when it may see them
	open     int     // requests sent that have not ended
	freed    float64 // when the last of them ended that others waited for
	live     int     // in the engine
	now      float64
	late     bool    // tokens are told when the step after theirs ends
	held     news    // of the last step, where they are told late
	last     float64 // seconds that it took
	rng      uint64

	zeros  []int // the prompt of requests that do not say theirs
	seqs   []roofline.Seq
	result *Result
}

// A slot is a request and the place of its timing.
type slot struct {
	req   sched.Request
	index int
	made  int // output tokens made so far
	told  int // of them, those that the client was told
}

// all runs until every request has its last token.
func (r *run) all() error {
	r.rng = r.o.Seed*0x9e3779b97f4a7c15 + 1
	empty := 0 // decisions without a token, one after the other
	for {
		if err := r.admit(); err != nil {
			return err
		}
		if r.live == 0 && !r.held.empty() {
			r.now += r.last // the step that the engine runs before it knows that all have ended
			r.tell(&r.held, r.now)
		}
		if r.live == 0 {
			at, any := r.ready()
			if !any {
				return nil
			}
			r.now = max(r.now, at)
			continue
		}
		st := r.sched.Schedule()
		if len(st.Shares) == 0 {
			// A decision that only preempts takes no time, and the next one is
			// another. Otherwise there is nothing to compute until something comes.
			again := len(st.Preempted) > 0
			r.result.Preemptions += len(st.Preempted)
			r.sched.Commit(r)
			r.tell(&r.held, r.now)
			at, any := r.ready()
			switch {
			case again && empty < 2*r.live+2:
				empty++
			case !any:
				return fmt.Errorf("%w: %d requests are left and none of them fits: give it more KV blocks", errStuck, r.live)
			default:
				r.now, empty = max(r.now, at), 0
			}
			continue
		}
		empty = 0
		r.step(st)
	}
}

// admit adds what the scheduler may see by now.
func (r *run) admit() error {
	for {
		at, any := r.ready()
		if !any || at > r.now {
			return nil
		}
		q := r.pop()
		a := &r.arrivals[q.index]
		s := &slot{index: q.index}
		s.req.ID, s.req.MaxOutput, s.req.Priority, s.req.Arrival, s.req.Owner = a.ID, a.Output, a.Priority, q.at, s
		s.req.Prompt, s.req.Salt = r.prompt(a, q.index)
		if err := r.sched.Add(&s.req); err != nil {
			if r.o.Refused == nil {
				return fmt.Errorf("%w: leave it out, or give the engine more KV blocks or a greater --max-model-len", err)
			}
			t := Timing{ID: a.ID, Arrived: q.at, Queued: r.now, Scheduled: math.NaN(), First: math.NaN(), Last: math.NaN(), Prompt: len(s.req.Prompt)}
			r.result.Timings[q.index] = t
			r.o.Refused(q.index, t, err)
			r.leave(r.now)
			continue
		}
		r.result.Timings[q.index] = Timing{ID: a.ID, Arrived: q.at, Queued: r.now, Scheduled: math.NaN(), First: math.NaN(), Prompt: len(s.req.Prompt)}
		r.live++
	}
}

// prompt is the tokens of a request. One that does not say them shares its
// tokens with all others and has a salt of its own, so that no block of it is
// equal to another's.
func (r *run) prompt(a *Arrival, i int) (tokens []int, salt uint64) {
	switch {
	case a.Tokens != nil:
		return a.Tokens, 0
	case len(a.Hashes) > 0 && a.HashTokens > 0:
		t := make([]int, a.Prompt)
		for k := range t {
			h := uint64(i)<<32 | 1<<63 // beyond the stretches that have names
			if j := k / a.HashTokens; j < len(a.Hashes) {
				h = a.Hashes[j]
			}
			t[k] = int((h + uint64(k%a.HashTokens)*0x9e3779b97f4a7c15) >> 1)
		}
		return t, 0
	}
	if a.Prompt > len(r.zeros) {
		r.zeros = make([]int, max(a.Prompt, 2*len(r.zeros)))
	}
	return r.zeros[:max(a.Prompt, 0)], uint64(i) + 1
}

// step lets the decided step last and hands out its tokens.
func (r *run) step(st *sched.Step) {
	r.seqs = r.seqs[:0]
	computed := 0
	for i := range st.Shares {
		sh := &st.Shares[i]
		r.seqs = append(r.seqs, roofline.Seq{Tokens: sh.Tokens, Context: sh.Context, Samples: sh.Samples})
		computed += sh.Tokens
		r.result.Drafts += sh.Drafts
	}
	cost := r.machine.Step(r.seqs)
	end := r.now + cost.Total
	for _, q := range st.New {
		t := &r.result.Timings[q.Owner.(*slot).index]
		t.Scheduled = r.now
	}
	if r.o.Each != nil {
		running, waiting, _ := r.sched.Counts()
		r.o.Each(Step{Start: r.now, End: end, Decision: st, Seqs: r.seqs, Cost: cost, Running: running, Waiting: waiting})
	}
	r.result.Steps++
	r.result.Preemptions += len(st.Preempted)
	r.result.Computed += computed
	r.result.Busy += cost.Total
	r.now = end
	if r.late {
		r.tell(&r.held, end)
		r.last = cost.Total
	}
	r.held.gather(st, r.sched.Commit(r))
	r.live -= len(r.held.ended)
	if !r.late {
		r.tell(&r.held, end)
	}
}

// Sample gives a token that no other request has at its place.
func (r *run) Sample(q *sched.Request) (token int, end bool) {
	return -1 - (q.Owner.(*slot).index<<24 | len(q.Output)&(1<<24-1)), false
}

// Accept draws how many drafts are right.
func (r *run) Accept(_ *sched.Request, drafts int) int {
	n := 0
	for n < drafts && n < len(r.acceptance) && r.chance() < r.acceptance[n] {
		n++
	}
	r.result.Accepted += n
	return n
}

// chance is a number in [0, 1) of splitmix64.
func (r *run) chance() float64 {
	r.rng += 0x9e3779b97f4a7c15
	z := r.rng
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64((z^z>>31)>>11) / (1 << 53)
}
