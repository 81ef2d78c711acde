// Package truth keeps what really happened to the requests of the simulator, to
// hold beside what a client says of them.
package truth

import (
	"sort"
	"sync"
)

// A Record is what really happened to one request for an answer. Times are wall
// clock, in nanoseconds since 1970.
type Record struct {
	ID      string `json:"id"`      // its x-request-id; "" when it had none
	Request string `json:"request"` // the id in its answer
	Stream  bool   `json:"stream"`
	// Arrived is the kernel's stamp of the request's last byte (the reader's
	// time where the kernel gives none), Queued when the scheduler could see it
	// and Scheduled when its first step began.
	Arrived   int64 `json:"arrived_ns"`
	Queued    int64 `json:"queued_ns"`
	Scheduled int64 `json:"scheduled_ns"`
	// Due has the end of the step that made each piece of the answer, Sent the
	// moment before the write of each token began.
	Due  []int64 `json:"due_ns"`
	Sent []int64 `json:"sent_ns"`
	// Complete says that the write of every token began.
	Complete    bool   `json:"complete"`
	Prompt      int    `json:"prompt_tokens"`
	Output      int    `json:"output_tokens"`
	Cached      int    `json:"cached_tokens"`
	Preemptions int    `json:"preemptions"`
	Finish      string `json:"finish_reason"` // of the last choice; "" or abort where it has no whole answer
}

// maxStamps is how many times of tokens are kept: some 256 MB.
const maxStamps = 16 << 20

// A Ledger keeps the truths of finished requests, the last ones where they are
// very many.
type Ledger struct {
	mu      sync.Mutex
	rows    []Record
	stamps  int
	dropped int
	limit   int // of stamps; 0: maxStamps
}

func (t *Record) stamps() int { return len(t.Sent) + len(t.Due) }

// Add keeps one more.
func (l *Ledger) Add(t Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = append(l.rows, t)
	l.stamps += t.stamps()
	limit := l.limit
	if limit == 0 {
		limit = maxStamps
	}
	if l.stamps <= limit {
		return
	}
	// A quarter goes at once, so that not every request moves all the others.
	n := 0
	for n < len(l.rows)-1 && l.stamps > limit*3/4 {
		l.stamps -= l.rows[n].stamps()
		n++
	}
	l.dropped += n
	l.rows = append([]Record(nil), l.rows[n:]...)
}

// Forget drops everything.
func (l *Ledger) Forget() {
	l.mu.Lock()
	l.rows, l.stamps, l.dropped = nil, 0, 0
	l.mu.Unlock()
}

// Rows are the truths that are kept, in order of arrival, and how many were
// dropped before them.
func (l *Ledger) Rows() (rows []Record, dropped int) {
	l.mu.Lock()
	rows, dropped = append([]Record{}, l.rows...), l.dropped
	l.mu.Unlock()
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].Arrived < rows[j].Arrived })
	return rows, dropped
}
