package engine

import (
	"math/rand/v2"
	"sync"
	"time"

	"tokmeter/internal/alarm"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/sched"
)

// A Config is what an engine runs on.
type Config struct {
	Sched      sched.Config
	Machine    *roofline.Machine
	Acceptance []float64 // chance that each draft is accepted, given the one before
	Seed       uint64
}

// clocked is the Engine that schedules.
type clocked struct {
	cfg     Config
	observe []Observer
	alarm   *alarm.Alarm
	done    chan struct{}
	late    lateness

	// probe is an empty scheduler that tells which requests fit.
	probing sync.Mutex
	probe   *sched.Scheduler

	mu       sync.Mutex
	inbox    []*Request
	order    uint64 // of the next request
	aborts   []*Request
	commands []func()
	state    Snapshot
	closed   bool

	// The thread's own.
	sched    *sched.Scheduler
	rng      *rand.Rand
	early    readyHeap  // not to be seen by the scheduler yet
	live     []*Request // in the scheduler, in no order
	at       time.Time  // end of the last step
	frozen   bool       // no step is made
	holding  bool       // nobody is admitted
	drained  []chan struct{}
	sleep    int
	unwanted []*Request // their sinks want no more; they leave after the next step
	adapters bool       // there was a request with one
	seqs     []roofline.Seq
	stats    StepStats
	prefix   sched.PrefixStats
	made     []share
	count    counts
}

// counts go over the engine's life.
type counts struct{ prompt, output, preempted, finished, aborted, steps int64 }

// A share is what one request got of a step.
type share struct {
	r *Request
	n int
}

// Start starts an engine that schedules.
func Start(c Config, observe ...Observer) (Engine, error) {
	s, err := sched.New(c.Sched)
	if err != nil {
		return nil, err
	}
	a, err := alarm.New()
	if err != nil {
		return nil, err
	}
	probe, err := sched.New(c.Sched)
	if err != nil {
		return nil, err
	}
	e := &clocked{probe: probe, cfg: c, observe: observe, alarm: a, done: make(chan struct{}), sched: s, sleep: -1,
		rng: rand.New(rand.NewPCG(c.Seed, 0x656e67696e65))}
	e.publish()
	go e.run()
	return e, nil
}

// grace is how late a request may come to the engine after it was ready and
// still count as in time: reading it took longer than the model says.
const grace = time.Millisecond

func (e *clocked) Submit(r *Request) error {
	now := time.Now()
	if r.Ready.Before(now.Add(-grace)) {
		r.Ready = now
	}
	r.Times = Times{Arrived: r.Arrived, Queued: r.Ready}
	r.Seq.Owner = r
	r.Seq.Arrival = float64(r.Arrived.UnixNano()) / 1e9
	if err := e.fits(r); err != nil {
		return err
	}
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return errClosed
	}
	r.order = e.order
	e.order++
	e.inbox = append(e.inbox, r)
	first := len(e.inbox) == 1
	e.mu.Unlock()
	if first {
		e.alarm.Wake()
	}
	return nil
}

// fits asks the scheduler of an empty engine whether r could be served at all.
func (e *clocked) fits(r *Request) error {
	q := r.Seq
	e.probing.Lock()
	defer e.probing.Unlock()
	err := e.probe.Add(&q)
	e.probe.Abort(&q)
	return err
}

func (e *clocked) Abort(r *Request) {
	e.mu.Lock()
	if !e.closed {
		e.aborts = append(e.aborts, r)
	}
	e.mu.Unlock()
	e.alarm.Wake()
}

func (e *clocked) Snapshot() Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	x := e.state
	if x.Paused {
		x.Waiting += len(e.inbox)
		x.Capacity += len(e.inbox)
	}
	return x
}

func (e *clocked) Lateness() Lateness { return e.late.report() }

// do runs f on the engine's thread between two steps and returns when it has.
func (e *clocked) do(f func()) error {
	ran := make(chan struct{})
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return errClosed
	}
	e.commands = append(e.commands, func() { f(); e.publish(); close(ran) })
	e.mu.Unlock()
	e.alarm.Wake()
	select {
	case <-ran:
		return nil
	case <-e.done:
		return errClosed
	}
}

func (e *clocked) Pause(mode PauseMode) error {
	var wait chan struct{}
	err := e.do(func() { wait = e.halt(mode) })
	if err == nil && wait != nil {
		select {
		case <-wait:
		case <-e.done:
			return errClosed
		}
	}
	return err
}

// halt stops the schedule; the channel closes when those that are on have ended.
func (e *clocked) halt(mode PauseMode) chan struct{} {
	e.holding = true
	switch mode {
	case PauseAbort:
		e.dropAll(errPaused)
		e.frozen = true
	case PauseKeep:
		e.frozen = true
	case PauseWait:
		if len(e.live) > 0 {
			c := make(chan struct{})
			e.drained = append(e.drained, c)
			return c
		}
		e.frozen = true
	}
	return nil
}

func (e *clocked) Resume() error {
	return e.do(e.release)
}

func (e *clocked) Sleep(level int, mode PauseMode) error {
	if err := e.Pause(mode); err != nil {
		return err
	}
	return e.do(func() {
		e.sleep = level
		if level > 0 {
			if len(e.live) > 0 {
				e.sched.ResetRunning()
			} else {
				e.sched.ResetPrefixCache()
			}
		}
	})
}

func (e *clocked) Wake() error {
	return e.do(func() { e.sleep = -1; e.release() })
}

func (e *clocked) ResetPrefixCache(running bool) (ok bool, err error) {
	err = e.do(func() {
		if running {
			e.count.preempted += int64(len(e.sched.Running()))
			ok = e.sched.ResetRunning()
			return
		}
		ok = e.sched.ResetPrefixCache()
	})
	return ok, err
}

func (e *clocked) Close() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.closed = true
	e.mu.Unlock()
	e.alarm.Wake()
	<-e.done
	e.alarm.Close()
}

// release lets the schedule go on from this moment.
func (e *clocked) release() { e.frozen, e.holding, e.at = false, false, time.Now() }
