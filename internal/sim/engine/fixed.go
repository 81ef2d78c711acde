package engine

import (
	"container/heap"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"tokmeter/internal/alarm"
	"tokmeter/internal/model/sched"
)

// A FixedConfig is set times in place of a schedule.
type FixedConfig struct {
	TTFT   time.Duration // from a request's arrival to its first token
	ITL    time.Duration // between tokens
	Jitter float64       // standard deviation of each time, relative to its length; in [0,1)
	Seed   uint64
}

// A pace is the times of one request.
type pace struct {
	next time.Time
	rng  *rand.Rand
}

// fixed is the Engine of set times: each request has its own.
type fixed struct {
	cfg     FixedConfig
	observe []Observer
	alarm   *alarm.Alarm
	done    chan struct{}
	late    lateness

	mu     sync.Mutex
	due    dueHeap
	state  Snapshot
	closed bool
}

// StartFixed starts an engine of set times. A request's times depend on the seed
// and its prompt alone, not on the order of arrival.
func StartFixed(c FixedConfig, observe ...Observer) (Engine, error) {
	a, err := alarm.New()
	if err != nil {
		return nil, err
	}
	f := &fixed{cfg: c, observe: observe, alarm: a, done: make(chan struct{})}
	f.state.Sleep = -1
	go f.run()
	return f, nil
}

// gap draws a time around d. It is never below a tenth of d.
func (f *fixed) gap(p *pace, d time.Duration) time.Duration {
	x := 1 + f.cfg.Jitter*p.rng.NormFloat64()
	return time.Duration(float64(d) * math.Max(0.1, x))
}

// newPace makes the randomness of one request.
func newPace(seed uint64, prompt []int) *pace {
	h := fnv.New64a()
	var b [8]byte
	for _, id := range prompt {
		for i := range b {
			b[i] = byte(id >> (8 * i))
		}
		h.Write(b[:])
	}
	return &pace{rng: rand.New(rand.NewPCG(seed, h.Sum64()))}
}

func (f *fixed) Submit(r *Request) error {
	if r.Seq.MaxOutput < 1 {
		return fmt.Errorf("request %s: %d tokens of output are asked for", r.Seq.ID, r.Seq.MaxOutput)
	}
	p := newPace(f.cfg.Seed, r.Seq.Prompt)
	p.next = r.Arrived.Add(f.gap(p, f.cfg.TTFT))
	r.fixed = p
	r.Times = Times{Arrived: r.Arrived, Queued: r.Arrived, Scheduled: r.Arrived}
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return errClosed
	}
	heap.Push(&f.due, r)
	f.state.Running++
	f.state.Prompt += int64(len(r.Seq.Prompt))
	first := f.due[0] == r
	f.mu.Unlock()
	if first {
		f.alarm.Wake()
	}
	return nil
}

func (f *fixed) Abort(r *Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.quit || r.Ended != sched.Unfinished {
		return
	}
	r.quit = true
	if r.heapAt >= 0 { // the thread does not hold it: it takes it at once
		r.fixed.next = time.Now()
		heap.Fix(&f.due, r.heapAt)
		f.alarm.Wake()
	}
}

// idle is how long the thread sleeps when nothing is on.
const idle = time.Minute

func (f *fixed) run() {
	runtime.LockOSThread()
	// The thread's sharpened timer slack must not outlive its use: the thread
	// ends with this goroutine, because it is never unlocked.
	defer close(f.done)
	f.alarm.Sharpen()
	for {
		r, quit, next, ok := f.pop()
		if !ok {
			return
		}
		if r == nil {
			f.alarm.Wait(next)
			continue
		}
		ended := sched.Aborted
		if !quit {
			ended = f.step(r)
		}
		f.mu.Lock()
		if ended == sched.Unfinished && !r.quit {
			heap.Push(&f.due, r)
			f.mu.Unlock()
			continue
		}
		if ended == sched.Unfinished {
			ended = sched.Aborted
		}
		r.Ended = ended
		if ended == sched.Aborted {
			f.state.Aborted++
		} else {
			f.state.Finished++
		}
		f.state.Running--
		f.mu.Unlock()
		for _, o := range f.observe {
			o.Finished(r)
		}
	}
}

// pop takes the request that is due, or says when the next one is.
func (f *fixed) pop() (r *Request, quit bool, next time.Time, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, false, next, false
	}
	now := time.Now()
	if len(f.due) == 0 {
		return nil, false, now.Add(idle), true
	}
	next = f.due[0].fixed.next
	if next.After(now) {
		return nil, false, next, true
	}
	r = heap.Pop(&f.due).(*Request)
	return r, r.quit, next, true
}

// step gives r its next token and says whether and how that ends it.
func (f *fixed) step(r *Request) sched.Finish {
	due := r.fixed.next
	f.late.step(time.Since(due), 0)
	token, end := r.Sink.Sample(r)
	r.Seq.Output = append(r.Seq.Output, token)
	f.mu.Lock()
	f.state.Output++
	f.state.Steps++
	f.mu.Unlock()
	gap := 0.0
	if r.Times.First.IsZero() {
		r.Times.First = due
	} else {
		gap = due.Sub(r.Times.Last).Seconds()
	}
	r.Times.Last = due
	switch n := len(r.Seq.Output); {
	case end && n >= r.Seq.MinOutput:
		r.Seq.Finish = sched.Stopped
	case n >= r.Seq.MaxOutput:
		r.Seq.Finish = sched.Length
	default:
		r.fixed.next = due.Add(f.gap(r.fixed, f.cfg.ITL))
	}
	more := r.Sink.Emit(r, 1, due)
	for _, o := range f.observe {
		o.Token(r, 1, gap)
	}
	if r.Seq.Finish == sched.Unfinished && !more {
		return sched.Stopped
	}
	return r.Seq.Finish
}

func (f *fixed) Snapshot() Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}

func (f *fixed) Lateness() Lateness { return f.late.report() }

func (f *fixed) Pause(PauseMode) error               { return ErrFixed }
func (f *fixed) Resume() error                       { return ErrFixed }
func (f *fixed) Sleep(int, PauseMode) error          { return ErrFixed }
func (f *fixed) Wake() error                         { return ErrFixed }
func (f *fixed) ResetPrefixCache(bool) (bool, error) { return true, nil }

// Close ends the thread; requests that are on are dropped.
func (f *fixed) Close() {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return
	}
	f.closed = true
	f.mu.Unlock()
	f.alarm.Wake()
	<-f.done
	for _, r := range f.due {
		r.Ended = sched.Aborted
		r.Sink.Drop(r, errClosed)
	}
	f.due = nil
	f.alarm.Close()
}

// dueHeap orders requests by their next time.
type dueHeap []*Request

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].fixed.next.Before(h[j].fixed.next) }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapAt, h[j].heapAt = i, j
}
func (h *dueHeap) Push(x any) {
	r := x.(*Request)
	r.heapAt = len(*h)
	*h = append(*h, r)
}
func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	last.heapAt = -1
	*h = old[:len(old)-1]
	return last
}
