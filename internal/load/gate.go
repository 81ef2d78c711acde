package load

import "sync"

// A gate lets at most a number of streams through at once. The others wait in
// the order in which they came, as they do at vLLM's semaphore, and cost
// neither a goroutine nor a timer while they wait.
type gate struct {
	limit int // 0: no limit, and then nothing is locked

	mu      sync.Mutex
	inside  int
	waiting []*stream
	shut    bool
}

// enter reports whether s may start; otherwise a later leave returns it, or
// close does.
func (g *gate) enter(s *stream) bool {
	if g.limit == 0 {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside < g.limit {
		g.inside++
		return true
	}
	g.waiting = append(g.waiting, s)
	return false
}

// leave gives a slot back. It returns the stream that has it from then on, nil
// when none waits.
func (g *gate) leave() *stream {
	if g.limit == 0 {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut || len(g.waiting) == 0 {
		g.inside--
		return nil
	}
	s := g.waiting[0]
	g.waiting[0] = nil
	g.waiting = g.waiting[1:]
	return s
}

// close returns those who wait; nobody starts from then on.
func (g *gate) close() []*stream {
	g.mu.Lock()
	defer g.mu.Unlock()
	rest := g.waiting
	g.waiting, g.shut = nil, true
	return rest
}
