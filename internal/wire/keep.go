package wire

import (
	"context"
	"sync/atomic"
	"time"

	"tokmeter/internal/record"
)

// restFor is how long a connection must have been seen open after an answer
// before its server is known to keep connections. A server that closes them
// does so within milliseconds, more of them on a busy machine: watchFor is how
// long one is watched where no request waits for it.
const (
	restFor  = 50 * time.Millisecond
	watchFor = 250 * time.Millisecond
)

// hastyWithin bounds how long after its answer a kept connection may end for its
// server to be hasty: limits on idle connections are seconds.
const hastyWithin = record.Stamp(time.Second)

// manners are how a server treats a connection after an answer that promised to
// keep it. A request on a connection that the server is about to close may be
// lost, and must not be sent again once the server may have read it; so none is
// reused before one, the witness, was seen idle and open for a moment, and none of a
// server that closed one right after its answer. The witness is
// waited for: while it is open, a server may have no thread for another. A call
// that is due goes past it on a connection of its own, and the witness ends once
// it has rested.
type manners struct{ state atomic.Uint32 }

const (
	mannersUnknown uint32 = iota
	mannersKeeping        // a connection was open restFor after its answer
	mannersHasty          // a connection ended right after its answer
)

func (m *manners) unknown() bool { return m.state.Load() == mannersUnknown }
func (m *manners) hasty() bool   { return m.state.Load() == mannersHasty }

// sawOpen notes that a connection was idle and open for so long after its answer.
func (m *manners) sawOpen(rested record.Stamp) {
	if rested >= record.Stamp(restFor) {
		m.state.CompareAndSwap(mannersUnknown, mannersKeeping)
	}
}

// sawEnd notes that a connection ended so long after its answer.
func (m *manners) sawEnd(rested record.Stamp) {
	if rested < hastyWithin {
		m.state.Store(mannersHasty)
	}
}

// pause waits for d, or until ctx is over.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
