package sim

import (
	"container/heap"
	"runtime"
	"sync"
	"time"

	"tokmeter/internal/alarm"
)

// A clock writes the tokens of all streams at their due times from one thread.
// A write never blocks it: what a full socket does not take is tried again.
type clock struct {
	alarm *alarm.Alarm
	done  chan struct{}

	mu     sync.Mutex
	due    dueHeap
	closed bool
}

func startClock() (*clock, error) {
	a, err := alarm.New()
	if err != nil {
		return nil, err
	}
	c := &clock{alarm: a, done: make(chan struct{})}
	go c.run()
	return c, nil
}

// add takes a stream whose next time is set.
func (c *clock) add(st *stream) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		st.end(false)
		return
	}
	heap.Push(&c.due, st)
	first := c.due[0] == st
	c.mu.Unlock()
	if first {
		c.alarm.Wake()
	}
}

// close ends the thread; streams that are on are ended incomplete.
func (c *clock) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.alarm.Wake()
	<-c.done
	for _, st := range c.due {
		st.end(false)
	}
	c.due = nil
	c.alarm.Close()
}

// idle is how long the thread sleeps when no stream is on.
const idle = time.Minute

func (c *clock) run() {
	runtime.LockOSThread()
	// The thread's sharpened timer slack must not outlive its use: the thread
	// ends with this goroutine, because it is never unlocked.
	defer close(c.done)
	c.alarm.Sharpen()
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return
		}
		next := time.Now().Add(idle)
		var st *stream
		if len(c.due) > 0 {
			next = c.due[0].next
			if !next.After(time.Now()) {
				st = heap.Pop(&c.due).(*stream)
			}
		}
		c.mu.Unlock()
		if st == nil {
			c.alarm.Wait(next)
			continue
		}
		if st.step() {
			c.mu.Lock()
			heap.Push(&c.due, st)
			c.mu.Unlock()
		}
	}
}

// dueHeap orders streams by their next time.
type dueHeap []*stream

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].next.Before(h[j].next) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(*stream)) }
func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}
