// Package sched decides, step by step, which requests an inference engine
// computes and with how many tokens: the rules of vLLM's V1 scheduler with its
// paged KV blocks and prefix cache, and those of vLLM as it was in mid-2024.
//
// It promises the decisions of vLLM 0.32 to the last block on everything that
// was recorded from it. It refuses a request that could never be served, and a
// configuration that vLLM would not start with. It is pure: no clock, no
// goroutine, no randomness. What a step costs and what the model says are its
// caller's.
//
// Not followed: several KV-cache groups, multimodal input, structured output,
// connectors, drafts whose number depends on the load.
package sched

import "errors"

// A Policy orders waiting requests and chooses who is preempted.
type Policy uint8

const (
	FCFS     Policy = iota // first come, first served
	Priority               // lowest Request.Priority first, then earliest Arrival
)

// A Profile is a generation of vLLM whose rules are followed.
type Profile uint8

const (
	V1     Profile = iota // vLLM V1, as of 0.32
	V02024                // vLLM V0 of mid-2024: prefill first, no chunks, 1 % of the blocks kept free
)

// A Config is what vLLM's scheduler and cache are configured with. Tokens and
// blocks are counts.
type Config struct {
	Profile              Profile
	Blocks               int // with the null block, which is never free
	BlockSize            int // tokens in a block
	MaxBatchedTokens     int // token budget of a step
	MaxSeqs              int // requests that run at once
	MaxModelLen          int // tokens of a request, prompt and output
	PrefixCaching        bool
	ChunkedPrefill       bool
	Policy               Policy
	LongPrefillThreshold int // 0 is off
	LongPrefillAdaptive  bool
	ReserveFullPrompt    bool    // scheduler_reserve_full_isl
	Watermark            float64 // share of Blocks kept free at admission
	MaxAdapters          int     // different LoRA adapters in a step; 0 is no limit
	Drafts               int     // speculative tokens a step and request
	DraftHead            bool    // drafts come from a head with KV entries of its own (EAGLE, MTP): see Lookahead
	Async                bool    // asynchronous scheduling: a step is decided while the one before it runs
}

// DefaultConfig is vLLM's where nothing is set: 1,000 blocks of 16 tokens,
// 2,048 tokens a step, 256 requests, 4,096 tokens a request.
func DefaultConfig() Config {
	return Config{
		Blocks: 1000, BlockSize: 16, MaxBatchedTokens: 2048, MaxSeqs: 256, MaxModelLen: 4096,
		PrefixCaching: true, ChunkedPrefill: true, ReserveFullPrompt: true,
	}
}

// A Finish says why a request ended.
type Finish uint8

const (
	Unfinished Finish = iota
	Stopped           // the sampler ended it: end of sequence or a stop token
	Length            // it has MaxOutput tokens, or MaxModelLen in all
	Aborted
)

// A Request is one sequence to be computed. The caller sets the first group
// before Add and changes nothing after it; the scheduler keeps the second,
// which the caller may read between its calls.
type Request struct {
	ID        string
	Prompt    []int // token ids
	MaxOutput int   // output tokens at most
	MinOutput int   // output tokens before the sampler may end it
	Priority  int
	Arrival   float64 // orders requests of one priority; two equal ones in a full cache may preempt each other for ever, as in vLLM
	Salt      uint64  // goes into block hashes: adapter, cache_salt
	Adapter   string  // LoRA adapter; "" for none
	Owner     any     // the caller's own

	Output      []int // sampled tokens
	Computed    int   // tokens whose KV entries are there
	Cached      int   // tokens found in the prefix cache at first admission
	Preemptions int
	Finish      Finish

	state
}

// A Share is what one request gets of a step.
type Share struct {
	Request *Request
	Tokens  int  // tokens computed in this step, drafts among them
	Context int  // tokens computed before
	Drafts  int  // speculative tokens among Tokens
	Samples bool // all its tokens are computed after the step: it samples

	padded bool // its drafts only fill the step up; none is right
}

// A Step is one decision. It is the scheduler's and is valid until the next call
// of Schedule.
type Step struct {
	Shares    []Share    // in order of scheduling
	New       []*Request // admitted for the first time
	Resumed   []*Request // admitted again after a preemption
	Preempted []*Request // in order of preemption
	Hits      []int      // tokens found in the prefix cache: of New, then of Resumed
}

// A Sampler says what the model says.
type Sampler interface {
	// Accept returns how many of the drafts of r are right, in [0, drafts].
	Accept(r *Request, drafts int) int
	// Sample returns the next token of r, which stands after its prompt and
	// Output, and whether it ends the request.
	Sample(r *Request) (token int, end bool)
}

// ErrTooLong is what Add wraps for a request that can never be served.
var ErrTooLong = errors.New("longer than the engine can serve")
