package sim

import (
	"sort"
	"sync"
	"sync/atomic"
)

// A Truth is what really happened to one streamed request. Times are wall
// clock, in nanoseconds since 1970.
type Truth struct {
	ID string `json:"id"` // its x-request-id; "" when it had none
	// Arrived is the kernel's stamp of the request's last byte (the reader's
	// time where the kernel gives none).
	Arrived int64 `json:"arrived_ns"`
	// Sent has the moment before the write of each token began.
	Sent []int64 `json:"sent_ns"`
	// Complete says that the write of every token began.
	Complete bool `json:"complete"`
}

// serial numbers the requests of a server.
type serial struct{ n atomic.Int64 }

func (s *serial) next() int64 { return s.n.Add(1) }

// A ledger keeps the truths of finished requests.
type ledger struct {
	mu   sync.Mutex
	rows []Truth
}

func (l *ledger) add(t Truth) {
	l.mu.Lock()
	l.rows = append(l.rows, t)
	l.mu.Unlock()
}

// Truth returns what happened to every finished streamed request, in order of
// arrival.
func (s *Server) Truth() []Truth {
	s.truth.mu.Lock()
	rows := append([]Truth(nil), s.truth.rows...)
	s.truth.mu.Unlock()
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].Arrived < rows[j].Arrived })
	return rows
}

// Forget drops the truths kept so far.
func (s *Server) Forget() {
	s.truth.mu.Lock()
	s.truth.rows = nil
	s.truth.mu.Unlock()
}
