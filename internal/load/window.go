package load

import (
	"sync"

	"tokmeter/internal/workload"
)

// How many requests are made ahead of need, and of how many bytes.
const (
	windowRequests = 4096
	windowBytes    = 16 << 20
)

// A window is the requests that were made ahead of need. One goroutine makes
// them.
type window struct {
	source workload.Source
	left   int // requests that may still be made
	gone   sync.WaitGroup

	mu      sync.Mutex
	changed sync.Cond
	ready   []workload.Request
	bytes   int
	stopped bool
	over    bool // the source has no more
}

// openWindow begins to make the requests of a source, most of them at most.
func openWindow(source workload.Source, most int) *window {
	w := &window{source: source, left: most}
	w.changed.L = &w.mu
	w.gone.Go(w.fill)
	return w
}

func (w *window) fill() {
	for w.wanted() {
		req, ok := w.source.Next()
		w.mu.Lock()
		if ok {
			w.left--
			w.ready = append(w.ready, req)
			w.bytes += len(req.Body)
		}
		w.over = !ok || w.left <= 0
		w.changed.Broadcast()
		w.mu.Unlock()
	}
}

// wanted waits until one more request is to be made; false means none any more.
func (w *window) wanted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left <= 0 {
		w.over = true
		w.changed.Broadcast()
	}
	for !w.stopped && !w.over && w.full() {
		w.changed.Wait()
	}
	return !w.stopped && !w.over
}

func (w *window) full() bool { return len(w.ready) >= windowRequests || w.bytes >= windowBytes }

// await returns when the window is full, or has all there is.
func (w *window) await() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.stopped && !w.over && !w.full() {
		w.changed.Wait()
	}
}

// next takes the next request, and waits for it where it is not made yet. It is
// not ok at the end of the source, and after halt.
func (w *window) next() (req workload.Request, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.ready) == 0 && !w.stopped && !w.over {
		w.changed.Wait()
	}
	if len(w.ready) == 0 || w.stopped {
		return workload.Request{}, false
	}
	return w.take(), true
}

func (w *window) take() workload.Request {
	req := w.ready[0]
	w.ready[0] = workload.Request{}
	w.ready = w.ready[1:]
	w.bytes -= len(req.Body)
	w.changed.Broadcast()
	return req
}

// halt ends the making of requests.
func (w *window) halt() {
	w.mu.Lock()
	w.stopped = true
	w.changed.Broadcast()
	w.mu.Unlock()
}

func (w *window) halted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopped
}

// stop is halt; it returns when the goroutine that makes them is gone.
func (w *window) stop() {
	w.halt()
	w.gone.Wait()
}

// rest takes the next request after stop. It may have no body: it is not sent.
func (w *window) rest() (workload.Request, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case len(w.ready) > 0:
		return w.take(), true
	case w.left <= 0:
		return workload.Request{}, false
	}
	w.left--
	if s, ok := w.source.(interface {
		Skip() (workload.Request, bool)
	}); ok {
		return s.Skip()
	}
	return w.source.Next()
}
