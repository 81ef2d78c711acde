// Package engine runs the simulated engine in real time: one locked thread
// takes arrivals, lets the scheduler decide a step, asks what it costs, waits
// for the step's end and hands every request its tokens. A second kind of
// engine gives tokens at set times without a scheduler.
//
// It promises steps at absolute deadlines, so that one that was late delays no
// other, and it measures how late it was itself. It refuses to block: what its
// thread calls must return at once. It knows no HTTP and no text.
package engine

import (
	"errors"
	"time"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/sched"
)

// An Engine computes requests. Its methods may be called from every goroutine.
type Engine interface {
	// Submit queues r, which is the engine's until its sink got the last token
	// or was told that it is dropped. The error wraps sched.ErrTooLong for a
	// request that can never be served, or is errClosed.
	Submit(r *Request) error
	// Abort ends r, whose sink gets no further call, and frees its blocks. It
	// does nothing for a request that has ended.
	Abort(r *Request)
	// Snapshot is the state after the last step.
	Snapshot() Snapshot
	// Lateness says how late the engine itself was so far.
	Lateness() Lateness
	// Pause stops the schedule: requests that are on are dropped (PauseAbort),
	// finished first (PauseWait) or kept as they are (PauseKeep). Requests that
	// come meanwhile wait.
	Pause(mode PauseMode) error
	Resume() error
	// Sleep pauses the engine as vLLM's sleep does: level 0 keeps everything,
	// 1 drops KV, 2 drops the weights too. Requests that are on are dropped
	// unless mode is PauseKeep.
	Sleep(level int, mode PauseMode) error
	Wake() error
	// ResetPrefixCache forgets what is cached and reports whether it could:
	// blocks in use prevent it unless running requests are preempted first.
	ResetPrefixCache(running bool) (bool, error)
	// Close drops what is on and returns when the thread is gone.
	Close()
}

// errClosed says that the engine takes no more requests.
var errClosed = errors.New("the engine is closed")

// ErrFixed says that an engine of set times has nothing of the kind.
var ErrFixed = errors.New("simulated times are fixed: there is no scheduler behind them; name a card and a model to have one")

// A PauseMode says what becomes of the requests that are on.
type PauseMode uint8

// The modes of vLLM's /pause and /sleep.
const (
	PauseAbort PauseMode = iota
	PauseWait
	PauseKeep
)

// A Sink takes what the engine computes for one request. All its methods are
// called on the engine's thread and must not block or call the engine.
type Sink interface {
	// Sample returns the token that comes after r's prompt and output, and
	// whether the answer ends with it (end of sequence, stop token).
	Sample(r *Request) (token int, end bool)
	// Emit tells that the last n tokens of r's output were made by the step
	// that was due to end at due. r.Seq.Finish says whether they are the last.
	// A sink that wants no more (a stop string was found) returns false: its
	// request ends as Stopped after the step that is being computed by then,
	// without a further call.
	Emit(r *Request, n int, due time.Time) (more bool)
	// Drop tells that r ends before its time: the engine was closed, paused or
	// put to sleep.
	Drop(r *Request, why error)
}

// A Request is one sequence on its way. The caller sets the first group before
// Submit.
type Request struct {
	Seq     sched.Request // Owner and Arrival are the engine's
	Sink    Sink
	Arrived time.Time // at the socket
	Ready   time.Time // when the scheduler may see it: Arrived and the time of HTTP and tokenization
	N       int       // answers asked for by the request it belongs to, for the metrics
	Max     int       // max_tokens asked for, for the metrics
	Pooling bool      // no text is made of it: an embedding
	Dropped bool      // set by the engine: it ended the request, not the client

	// Kept by the engine. Sinks and observers may read them when they are called.
	Times Times
	Ended sched.Finish // as the client sees it: Stopped where its sink wanted no more

	quit   bool   // aborted or not wanted any more: leaves before the next decision
	order  uint64 // of submission
	heapAt int    // place in the engine's list
	fixed  *pace
}

// Times are when things happened to a request; zero where they did not yet.
// Tokens count from the due end of the step that made them.
type Times struct {
	Arrived, Queued, Scheduled, First, Last time.Time
}

// Prefill is from the first scheduling to the first token, Decode from there to
// the last, Queue from the queue to the first scheduling, E2E from the arrival
// to the last token. All in seconds, 0 where an end is missing.
func (t Times) Queue() float64   { return span(t.Queued, t.Scheduled) }
func (t Times) Prefill() float64 { return span(t.Scheduled, t.First) }
func (t Times) Decode() float64  { return span(t.First, t.Last) }
func (t Times) E2E() float64     { return span(t.Arrived, t.Last) }
func (t Times) TTFT() float64    { return span(t.Arrived, t.First) }

func span(a, b time.Time) float64 {
	if a.IsZero() || b.IsZero() {
		return 0
	}
	return b.Sub(a).Seconds()
}

// An Observer is told what happens, on the engine's thread: it must return at
// once and keep nothing of what it is given.
type Observer interface {
	// Step comes after each step.
	Step(s *StepStats)
	// Token comes for each request that got n > 0 tokens at due; gap is the time
	// since the tokens before, in seconds, and 0 for the first ones.
	Token(r *Request, n int, gap float64)
	// Finished comes when r has ended, Aborted among them; r.Ended says how.
	Finished(r *Request)
}

// StepStats are one step's.
type StepStats struct {
	Index         int64
	Start, End    time.Time
	Cost          roofline.Cost
	Requests      int // in the step
	PrefillTokens int // prompt (or recomputed) tokens computed
	Generated     int // tokens sampled
	Batched       int // tokens computed in all
	Preempted     int
	Queries, Hits int // prefix cache, in tokens, of requests admitted for the first time
	Drafts        int // requests with drafts
	DraftTokens   int
	Accepted      int
	AcceptedAt    []int // by position
	Prompts       int   // requests whose prompt was completed: first tokens
	PromptTokens  int   // their prompts' tokens
	Cached        int   // of these found in the cache

	Running, Waiting int           // requests after the step
	Free             int           // blocks after the step
	Late             time.Duration // from End to the moment before the first write
}

// A Snapshot is the engine's state at one moment.
type Snapshot struct {
	Running, Waiting int
	Capacity         int // waiting for room
	Deferred         int // waiting for an adapter's slot
	Blocks, Free     int // KV blocks without the null block
	KVUsage          float64
	Steps            int64
	Preemptions      int64
	Queries, Hits    int64 // prefix cache, in tokens
	Prompt, Output   int64 // tokens computed for prompts, tokens sampled
	Finished         int64
	Aborted          int64
	RunningAdapters  []string // in order of name, each once
	WaitingAdapters  []string
	Paused           bool
	Sleep            int // level; -1 when awake
}

// Lateness says how late the simulator itself was, in seconds: from a step's
// deadline to the moment before the first write of its tokens and before the
// last one, and by how much the work of a step went past the next deadline.
type Lateness struct {
	Steps          int64
	First          Quantiles // deadline → first write of the step
	Last           Quantiles // deadline → last write of the step
	Overrun        Quantiles // work past the next deadline, over all steps
	Slipped        int64     // deadlines given up because the machine stood still
	SlippedSeconds float64
}

// Quantiles of a measured time, in seconds.
type Quantiles struct{ P50, P99, Max float64 }
