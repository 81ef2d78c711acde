package wire

import (
	"fmt"
	"net"
	"runtime"
	"sync"

	"tokmeter/internal/record"
)

// loops are the reader threads of a client.
type loops struct {
	all  []*loop
	once sync.Once

	mu    sync.Mutex
	count int // lines made
}

const (
	// linesALoop is how many lines one thread gets before the next one does.
	linesALoop = 1024
	// coresALoop leaves cores to those who write, and to the server where it is on
	// the same machine.
	coresALoop = 4
	maxLoops   = 8
)

// newLoops starts the threads that cfg asks for; nil where goroutines read.
func newLoops(cfg Config) (*loops, error) {
	if cfg.Method == MethodGo {
		return nil, nil
	}
	switch cfg.Method {
	case MethodUring:
		return startLoops(cfg, newUring)
	case MethodEpoll:
		return startLoops(cfg, newEpoll)
	}
	s, err := startLoops(cfg, newEpoll)
	if err != nil {
		return nil, nil
	}
	return s, nil
}

func startLoops(cfg Config, watch func() (watcher, error)) (*loops, error) {
	s := new(loops)
	for range min(max(runtime.GOMAXPROCS(0)/coresALoop, 1), maxLoops) {
		l, err := newLoop(cfg.Clock, cfg.rounds, watch)
		if err != nil {
			s.close()
			return nil, fmt.Errorf("no reader thread: %w", err)
		}
		s.all = append(s.all, l)
	}
	return s, nil
}

// adopt gives a connection to one of the threads.
func (s *loops) adopt(c net.Conn, dialed record.Stamp) (*line, error) {
	s.mu.Lock()
	among := min(len(s.all), 1+s.count/linesALoop)
	l := s.all[s.count%among]
	s.count++
	s.mu.Unlock()
	return l.adopt(c, dialed)
}

// close returns when the threads are gone and their lines closed. It may be
// called again, and on nil.
func (s *loops) close() {
	if s == nil {
		return
	}
	s.once.Do(func() {
		for _, l := range s.all {
			l.close()
		}
	})
}
