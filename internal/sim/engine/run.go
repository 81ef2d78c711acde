package engine

import (
	"container/heap"
	"errors"
	"runtime"
	"slices"
	"time"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/sched"
)

// errPaused is why requests are dropped by a pause or sleep.
var errPaused = errors.New("the engine was paused")

// maxSlip is how far the engine may be behind its deadlines before it gives them
// up: the machine stood still, or steps are shorter than their work.
const maxSlip = 100 * time.Millisecond

func (e *clocked) run() {
	runtime.LockOSThread()
	// The thread's sharpened timer slack must not outlive its use: the thread
	// ends with this goroutine, because it is never unlocked.
	defer close(e.done)
	e.alarm.Sharpen()
	for e.take() {
		if e.frozen || !e.round() {
			e.publish()
			e.alarm.Wait(e.wakeAt())
		}
	}
	e.dropAll(errClosed)
	e.publish()
}

// take lets in what came from other goroutines. It is false when the engine is
// to be closed.
func (e *clocked) take() bool {
	e.mu.Lock()
	if e.closed {
		e.live = append(e.live, e.inbox...)
		e.inbox = nil
		e.mu.Unlock()
		return false
	}
	inbox, aborts, commands := e.inbox, e.aborts, e.commands
	e.inbox, e.aborts, e.commands = nil, nil, nil
	e.mu.Unlock()
	for _, r := range inbox {
		heap.Push(&e.early, r)
	}
	for _, r := range aborts {
		e.abort(r)
	}
	for _, f := range commands {
		f()
	}
	if len(e.live) == 0 && len(e.drained) > 0 {
		for _, c := range e.drained {
			close(c)
		}
		e.drained = nil
		e.frozen = e.holding
	}
	return true
}

// wakeAt is until when there is nothing to do. Requests that nothing can be
// computed for are looked at again and again.
func (e *clocked) wakeAt() time.Time {
	if len(e.live) > 0 && !e.frozen {
		return time.Now().Add(time.Millisecond)
	}
	if !e.holding && len(e.early) > 0 && e.early[0].Ready.After(time.Now()) {
		return e.early[0].Ready
	}
	return time.Now().Add(idle)
}

// round makes one step. It is false where there is none to make before
// something comes.
func (e *clocked) round() bool {
	begin := e.at
	now := time.Now()
	if len(e.live) == 0 {
		if e.holding || len(e.early) == 0 || e.early[0].Ready.After(now) {
			return false
		}
		if ready := e.early[0].Ready; ready.After(begin) {
			begin = ready
		}
	}
	if behind := now.Sub(begin); behind > maxSlip {
		if len(e.live) > 0 {
			e.late.slip(behind)
		}
		begin = now
	}
	e.admit(begin)
	st := e.sched.Schedule()
	if len(st.Shares) == 0 {
		again := len(st.Preempted) > 0
		e.sched.Commit(e)
		e.at = now
		return again
	}
	e.step(st, begin)
	return true
}

// admit adds what is ready to the scheduler.
func (e *clocked) admit(now time.Time) {
	for !e.holding && len(e.early) > 0 && !e.early[0].Ready.After(now) {
		r := heap.Pop(&e.early).(*Request)
		if r.Seq.Adapter != "" {
			e.adapters = true
		}
		if err := e.sched.Add(&r.Seq); err != nil {
			e.drop(r, err)
			continue
		}
		r.heapAt = len(e.live)
		e.live = append(e.live, r)
	}
}

// step computes what was decided: it lasts until its end, and then everyone
// gets what it made. The tokens are drawn while it lasts, so that at its end
// nothing is left to do but to write them.
func (e *clocked) step(st *sched.Step, begin time.Time) {
	e.begin(st, begin)
	cost := e.cfg.Machine.Step(e.seqs)
	e.stats.Cost = cost
	end := begin.Add(time.Duration(cost.Total * 1e9))
	e.stats.End = end
	leaving := e.unwanted
	e.unwanted = nil
	e.sched.Commit(e)
	for _, r := range leaving {
		e.sched.Abort(&r.Seq)
		e.forget(r)
	}
	if wait := time.Now(); wait.After(end) {
		e.late.over(wait.Sub(end))
	} else {
		e.late.over(0)
		for !e.alarm.Wait(end) {
			// woken by who comes: that is for the next step
		}
	}
	e.at = end
	e.emit(end)
	e.publish()
}

// begin notes what the step is made of.
func (e *clocked) begin(st *sched.Step, begin time.Time) {
	s := &e.stats
	at := s.AcceptedAt
	*s = StepStats{Index: e.count.steps, Start: begin, Requests: len(st.Shares), Preempted: len(st.Preempted), AcceptedAt: at[:0]}
	e.count.steps++
	e.count.preempted += int64(len(st.Preempted))
	e.seqs, e.made = e.seqs[:0], e.made[:0]
	for i := range st.Shares {
		sh := &st.Shares[i]
		e.seqs = append(e.seqs, roofline.Seq{Tokens: sh.Tokens, Context: sh.Context, Samples: sh.Samples})
		s.Batched += sh.Tokens
		s.PrefillTokens += max(min(sh.Context+sh.Tokens, len(sh.Request.Prompt))-sh.Context, 0)
		if sh.Samples {
			r := sh.Request.Owner.(*Request)
			e.made = append(e.made, share{r, -len(sh.Request.Output)})
		}
	}
	for _, q := range st.New {
		q.Owner.(*Request).Times.Scheduled = begin
	}
	p := e.sched.Prefix()
	s.Queries, s.Hits = p.Queries-e.prefix.Queries, p.Hits-e.prefix.Hits
	e.prefix = p
	e.count.prompt += int64(s.PrefillTokens)
}

// emit hands out what a step made, then tells the observers.
func (e *clocked) emit(due time.Time) {
	e.dropLate()
	first, last := time.Duration(-1), time.Duration(0)
	for i := range e.made {
		m := &e.made[i]
		r := m.r
		m.n += len(r.Seq.Output)
		if m.n <= 0 || r.quit {
			m.n = 0
			continue
		}
		last = time.Since(due)
		if first < 0 {
			first = last
		}
		if !r.Sink.Emit(r, m.n, due) && r.Seq.Finish == sched.Unfinished {
			r.quit, r.Ended = true, sched.Stopped
			e.unwanted = append(e.unwanted, r)
		}
	}
	if first >= 0 {
		e.late.step(first, last)
	}
	for _, m := range e.made {
		if m.n > 0 {
			e.tell(m.r, m.n, due)
		}
	}
	s := &e.stats
	s.Running, s.Waiting, _ = e.sched.Counts()
	s.Free, s.Late = e.sched.Free(), max(first, 0)
	for _, o := range e.observe {
		o.Step(s)
	}
}

// tell notes the tokens of one request.
func (e *clocked) tell(r *Request, n int, due time.Time) {
	s := &e.stats
	s.Generated += n
	e.count.output += int64(n)
	gap := 0.0
	if r.Times.First.IsZero() {
		r.Times.First = due
		s.Prompts++
		s.PromptTokens += len(r.Seq.Prompt)
		s.Cached += r.Seq.Cached
	} else {
		gap = due.Sub(r.Times.Last).Seconds()
	}
	r.Times.Last = due
	for _, o := range e.observe {
		o.Token(r, n, gap)
	}
	if r.Seq.Finish == sched.Unfinished && r.Ended == sched.Unfinished {
		return
	}
	if r.Ended == sched.Unfinished {
		r.Ended = r.Seq.Finish
		e.forget(r)
	}
	e.count.finished++
	for _, o := range e.observe {
		o.Finished(r)
	}
}

// forget takes r from those that are in the scheduler.
func (e *clocked) forget(r *Request) {
	i := r.heapAt
	if i < 0 || i >= len(e.live) || e.live[i] != r {
		return
	}
	last := len(e.live) - 1
	e.live[i] = e.live[last]
	e.live[i].heapAt = i
	e.live[last] = nil
	e.live = e.live[:last]
	r.heapAt = -1
}

// abort ends r for its client's sake.
func (e *clocked) abort(r *Request) {
	if r.quit || r.Ended != sched.Unfinished {
		return
	}
	if i := slices.Index(e.early, r); i >= 0 {
		heap.Remove(&e.early, i)
	}
	r.quit, r.Ended = true, sched.Aborted
	e.sched.Abort(&r.Seq)
	e.forget(r)
	e.count.aborted++
	for _, o := range e.observe {
		o.Finished(r)
	}
}

// dropLate ends the requests whose clients left while the step lasted.
func (e *clocked) dropLate() {
	e.mu.Lock()
	aborts := e.aborts
	e.aborts = nil
	e.mu.Unlock()
	for _, r := range aborts {
		if r.Seq.Finish == sched.Unfinished {
			e.abort(r)
		} else {
			r.quit = true
			e.abortEnded(r)
		}
	}
}

// abortEnded ends one that had its last token when its client left.
func (e *clocked) abortEnded(r *Request) {
	if r.Ended != sched.Unfinished {
		return
	}
	r.Ended = sched.Aborted
	e.forget(r)
	e.count.aborted++
	for _, o := range e.observe {
		o.Finished(r)
	}
}

// drop ends r and tells its sink.
func (e *clocked) drop(r *Request, why error) {
	if r.quit || r.Ended != sched.Unfinished {
		return
	}
	r.Dropped = true
	e.abort(r)
	r.Sink.Drop(r, why)
}

// dropAll ends everything that is on.
func (e *clocked) dropAll(why error) {
	for _, r := range e.unwanted {
		e.sched.Abort(&r.Seq)
		e.forget(r)
	}
	e.unwanted = nil
	for _, r := range append(slices.Clone(e.live), e.early...) {
		e.drop(r, why)
	}
	e.early = nil
}

// publish makes the state known.
func (e *clocked) publish() {
	running, waiting, deferred := e.sched.Counts()
	early := len(e.early)
	if !e.holding { // those that are not ready are with the API server, not in the queue
		early = e.ready(e.at)
	}
	p := e.sched.Prefix()
	x := Snapshot{
		Running: running, Waiting: waiting + early, Deferred: deferred, Capacity: waiting - deferred + early,
		Blocks: e.cfg.Sched.Blocks - 1, Free: e.sched.Free(), KVUsage: e.sched.Usage(),
		Steps: e.count.steps, Preemptions: e.count.preempted, Queries: int64(p.Queries), Hits: int64(p.Hits),
		Prompt: e.count.prompt, Output: e.count.output, Finished: e.count.finished, Aborted: e.count.aborted,
		Paused: e.holding, Sleep: e.sleep,
	}
	if e.adapters {
		x.RunningAdapters = adaptersOf(e.sched.Running())
		x.WaitingAdapters = adaptersOf(e.sched.Waiting())
	}
	e.mu.Lock()
	e.state = x
	e.mu.Unlock()
}

// ready counts those that the scheduler may see by now but has not.
func (e *clocked) ready(now time.Time) int {
	n := 0
	for _, r := range e.early {
		if !r.Ready.After(now) {
			n++
		}
	}
	return n
}

func adaptersOf(rs []*sched.Request) []string {
	var out []string
	for _, r := range rs {
		if r.Adapter != "" && !slices.Contains(out, r.Adapter) {
			out = append(out, r.Adapter)
		}
	}
	slices.Sort(out)
	return out
}

// Accept draws how many drafts are right: the scheduler asks.
func (e *clocked) Accept(_ *sched.Request, drafts int) int {
	n := 0
	for n < drafts && n < len(e.cfg.Acceptance) && e.rng.Float64() < e.cfg.Acceptance[n] {
		n++
	}
	s := &e.stats
	s.Drafts++
	s.DraftTokens += drafts
	s.Accepted += n
	for len(s.AcceptedAt) < drafts {
		s.AcceptedAt = append(s.AcceptedAt, 0)
	}
	for i := range n {
		s.AcceptedAt[i]++
	}
	return n
}

// Sample asks the request's sink for its next token: the scheduler asks.
func (e *clocked) Sample(q *sched.Request) (int, bool) {
	r := q.Owner.(*Request)
	if r.quit {
		return 0, false
	}
	return r.Sink.Sample(r)
}

// readyHeap orders requests by when they are ready, equal ones by submission.
type readyHeap []*Request

func (h readyHeap) Len() int { return len(h) }
func (h readyHeap) Less(i, j int) bool {
	if h[i].Ready.Equal(h[j].Ready) {
		return h[i].order < h[j].order
	}
	return h[i].Ready.Before(h[j].Ready)
}
func (h readyHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *readyHeap) Push(x any)   { *h = append(*h, x.(*Request)) }
func (h *readyHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
