package sched

import (
	"fmt"
	"math/bits"
	"slices"
)

// status is where a request stands.
type status uint8

const (
	fresh status = iota // not added yet
	waiting
	running
	preempted
	done
)

// state is what the scheduler keeps of a request for itself.
type state struct {
	status  status
	chunk   bool // a part of its prompt is still to be computed
	drop    bool // output in flight when it was preempted is thrown away
	aside   bool // it waits for more than room
	adapter int32

	spec    int // drafts proposed for its next step
	pending int // async: tokens that steps in flight will sample, drafts among them
	flight  int // tokens of steps not yet committed
	stale   int // of those, the ones from before a preemption

	blocks []int32
	cached int      // blocks that have entered the prefix cache
	hashes []uint64 // of full blocks, each with all before it

	added uint64 // order of Add
	at    uint64 // step in which it was given tokens as a running request
}

// tokens is how many tokens r has, prompt and output.
func (r *Request) tokens() int { return len(r.Prompt) + len(r.Output) }

// A Scheduler decides the steps of one engine. Its methods are called in turn:
// Add and Abort as requests come and go; Schedule, then, when the step is over,
// Commit. It is not safe for use by several goroutines.
type Scheduler struct {
	cfg       Config
	lookahead int
	watermark int // blocks
	pool      *pool
	waiting   queue
	running   []*Request
	deferred  int // waiting requests that were set aside

	steps    [2]Step // async: the one that runs and the one decided ahead
	cur      int
	ahead    bool // the other step is decided
	open     bool // the current step is not committed
	tick     uint64
	added    uint64
	adapters map[string]int32
	seen     []uint64 // adapter → tick in which it was last counted
	inStep   int      // different adapters in this step
	prefix   PrefixStats

	resumed, skipped, finished, order []*Request
	resumedHits                       []int
	hitBlocks                         []int32
	spareBlocks                       [][]int32  // of requests that ended, for those that come
	spareHashes                       [][]uint64 // likewise
}

// PrefixStats counts look-ups in the prefix cache at admission, as vLLM's
// PrefixCacheStats does: requests, their tokens, and the tokens that were found.
// Admissions after a preemption are counted apart. All stay 0 without the cache.
type PrefixStats struct {
	Requests, Queries, Hits                            int
	PreemptedRequests, PreemptedQueries, PreemptedHits int
}

// New makes an idle engine's scheduler.
func New(c Config) (*Scheduler, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Scheduler{
		cfg: c, lookahead: c.Lookahead(), pool: newPool(c.Blocks, c.PrefixCaching),
		adapters: map[string]int32{"": 0}, seen: make([]uint64, 1),
		watermark: int(c.Watermark * float64(c.Blocks)),
	}
	if c.Profile == V02024 {
		s.watermark = int(v0Watermark * float64(c.Blocks-1)) // V0 has no null block
	}
	s.waiting.byPriority = c.Policy == Priority
	return s, nil
}

// Config is what the scheduler was made with.
func (s *Scheduler) Config() Config { return s.cfg }

// Add queues a request. It refuses one that was added before, and, with
// ErrTooLong, one that could never be served: its prompt leaves no room for a
// token within MaxModelLen, or all its tokens would need more blocks than there
// are, so that it would preempt itself for ever.
func (s *Scheduler) Add(r *Request) error {
	switch {
	case r.status != fresh:
		return fmt.Errorf("request %q: it was added before; make another one", r.ID)
	case len(r.Prompt) == 0:
		return fmt.Errorf("request %q: its prompt is empty; it needs at least one token", r.ID)
	case r.MaxOutput < 1:
		return fmt.Errorf("request %q: MaxOutput is %d; ask for at least one token", r.ID, r.MaxOutput)
	case r.Arrival != r.Arrival:
		return fmt.Errorf("request %q: its arrival is not a number", r.ID)
	case len(r.Prompt) >= s.cfg.MaxModelLen:
		return fmt.Errorf("request %q: %d prompt tokens of at most %d: %w", r.ID, len(r.Prompt), s.cfg.MaxModelLen-1, ErrTooLong)
	}
	if need, have := s.mostBlocks(r), s.usable(); need > have {
		return fmt.Errorf("request %q: %d prompt and %d output tokens need %d blocks of %d: %w", r.ID, len(r.Prompt), r.MaxOutput, need, have, ErrTooLong)
	}
	r.state = state{status: waiting, added: s.added, adapter: s.adapterID(r.Adapter)}
	r.Output, r.Computed, r.Cached, r.Preemptions, r.Finish = r.Output[:0], 0, 0, 0, Unfinished
	s.added++
	if len(s.running) == 0 && s.waiting.len() == 0 && !s.open {
		s.ahead = false // the engine stood still: a step for requests that have ended is over
	}
	s.waiting.push(r)
	return nil
}

// mostBlocks is what r holds at the end of its longest life. Its last token is
// never computed; drafts and their head take slots beyond it.
func (s *Scheduler) mostBlocks(r *Request) int {
	full := s.cfg.MaxModelLen
	if room := full - len(r.Prompt); r.MaxOutput < room {
		full = len(r.Prompt) + r.MaxOutput
	}
	return s.blocksFor(min(full-1+s.cfg.Drafts+s.lookahead, s.cfg.MaxModelLen))
}

// usable is how many blocks one request can have.
func (s *Scheduler) usable() int {
	if s.cfg.Profile == V02024 {
		return s.cfg.Blocks - 1 - s.watermark
	}
	return s.cfg.Blocks - 1
}

func (s *Scheduler) blocksFor(tokens int) int {
	return (tokens + s.cfg.BlockSize - 1) / s.cfg.BlockSize
}

func (s *Scheduler) adapterID(name string) int32 {
	id, ok := s.adapters[name]
	if !ok {
		id = int32(len(s.seen))
		s.adapters[name], s.seen = id, append(s.seen, 0)
	}
	return id
}

// Abort ends a request that waits or runs and gives its blocks back. What a step
// under way computes for it is thrown away. Aborting a request that has ended or
// was never added does nothing.
func (s *Scheduler) Abort(r *Request) {
	switch r.status {
	case running:
		if i := slices.Index(s.running, r); i >= 0 {
			s.running = slices.Delete(s.running, i, i+1)
		}
	case waiting, preempted:
		s.waiting.remove(r)
	default:
		return
	}
	s.end(r, Aborted)
}

// end gives the blocks of a request back, which has left its queue.
func (s *Scheduler) end(r *Request, why Finish) {
	r.Finish, r.status = why, done
	s.attend(r)
	s.free(r)
	if cap(r.blocks) > 0 {
		s.spareBlocks = append(s.spareBlocks, r.blocks)
	}
	if cap(r.hashes) > 0 {
		s.spareHashes = append(s.spareHashes, r.hashes[:0])
	}
	r.blocks, r.hashes = nil, nil
}

// pop takes the last of a list of spare slices, nil if there is none.
func pop[T any](spare *[][]T) []T {
	n := len(*spare)
	if n == 0 {
		return nil
	}
	last := (*spare)[n-1]
	(*spare)[n-1] = nil
	*spare = (*spare)[:n-1]
	return last
}

func (s *Scheduler) free(r *Request) {
	s.pool.release(r.blocks)
	r.blocks, r.cached = r.blocks[:0], 0
}

// preempt takes everything from r, which has left the running list, and puts it
// back into the queue. Its output stays.
func (s *Scheduler) preempt(r *Request, drop bool) {
	s.free(r)
	r.status, r.Computed, r.spec, r.chunk = preempted, 0, 0, false
	r.drop = drop || r.drop && r.stale > 0
	r.stale, r.pending = r.flight, 0
	r.Preemptions++
	s.waiting.unshift(r)
}

// Running lists the running requests in their order. It is valid until the
// scheduler's next call.
func (s *Scheduler) Running() []*Request { return s.running }

// Waiting lists the waiting requests, first to be served first. It is valid
// until the next call of Waiting.
func (s *Scheduler) Waiting() []*Request {
	s.order = s.waiting.list(s.order[:0])
	return s.order
}

// Counts are the numbers of running and of waiting requests, and how many of
// the waiting were set aside when their turn came although there was room (vLLM's
// reason "deferred"; the others wait for capacity).
func (s *Scheduler) Counts() (running, waiting, deferred int) {
	return len(s.running), s.waiting.len(), s.deferred
}

// Free is the number of free blocks; cached blocks that nobody uses are free.
func (s *Scheduler) Free() int { return s.pool.free }

// CachedBlocks is the number of different hashes in the prefix cache.
func (s *Scheduler) CachedBlocks() int { return s.pool.count }

// Usage is the share of blocks in use, from 0 to 1 (vllm:kv_cache_usage_perc).
func (s *Scheduler) Usage() float64 { return s.pool.usage() }

// Prefix is what was looked up in the prefix cache so far.
func (s *Scheduler) Prefix() PrefixStats { return s.prefix }

// Blocks is the block table of a request. It is valid until the scheduler's next
// call.
func (s *Scheduler) Blocks(r *Request) []int32 { return r.blocks }

// ResetPrefixCache forgets all cached blocks and reports whether it did: like
// vLLM it refuses while any block is in use.
func (s *Scheduler) ResetPrefixCache() bool { return s.pool.reset() }

// ResetRunning preempts every running request, which then compute their tokens
// anew, and forgets all cached blocks (vLLM's reset_prefix_cache with
// reset_running_requests). What a step under way samples for them is thrown away
// and sampled again.
func (s *Scheduler) ResetRunning() bool {
	for i := len(s.running) - 1; i >= 0; i-- {
		s.preempt(s.running[i], true)
	}
	clear(s.running)
	s.running = s.running[:0]
	return s.pool.reset()
}

// hashTo makes the hashes of the first n full blocks of r. A hash covers the
// block's tokens and all before them, the salt and the adapter.
func (s *Scheduler) hashTo(r *Request, n int) {
	if r.hashes == nil && n > 0 {
		r.hashes = pop(&s.spareHashes)
	}
	for len(r.hashes) < n {
		k := len(r.hashes)
		h := uint64(0x9e3779b97f4a7c15)
		if k > 0 {
			h = r.hashes[k-1]
		} else {
			h = mix(h, r.Salt)
			for i := range len(r.Adapter) {
				h = mix(h, uint64(r.Adapter[i])+1)
			}
		}
		for i := k * s.cfg.BlockSize; i < (k+1)*s.cfg.BlockSize; i++ {
			if i < len(r.Prompt) {
				h = mix(h, uint64(r.Prompt[i]))
			} else {
				h = mix(h, uint64(r.Output[i-len(r.Prompt)]))
			}
		}
		r.hashes = append(r.hashes, h)
	}
}

func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^0xa0761d6478bd642f, v^0xe7037ed1a0b428db)
	return hi ^ lo ^ h
}

// cacheTo enters the blocks that hold the first n tokens of r into the prefix cache.
func (s *Scheduler) cacheTo(r *Request, n int) {
	if !s.pool.caching || n < (r.cached+1)*s.cfg.BlockSize {
		return
	}
	full := n / s.cfg.BlockSize
	s.hashTo(r, full)
	for ; r.cached < full; r.cached++ {
		s.pool.insert(r.blocks[r.cached], r.hashes[r.cached])
	}
}
