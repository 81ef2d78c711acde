package wire

import (
	"golang.org/x/sys/unix"

	"tokmeter/internal/record"
)

// losses are what the kernel counts of a connection: segments that this side sent
// again, and segments that came out of their order, as those behind a lost one do.
type losses struct{ resent, disordered uint32 }

func lossesAt(fd int) (l losses, ok bool) {
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return losses{}, false
	}
	return losses{info.Total_retrans, info.Rcv_ooopack}, true
}

// losses asks for those of an open connection.
func (s *socket) losses() (l losses, ok bool) {
	if s.raw == nil || s.raw.Control(func(fd uintptr) { l, ok = lossesAt(int(fd)) }) != nil {
		return losses{}, false
	}
	return l, ok
}

// take adds to t what was lost since the time before, of which l keeps the count.
func (l *losses) take(t *record.Timing, now losses, ok bool) {
	if !ok {
		return
	}
	t.Resent += int(now.resent - l.resent)
	t.Disordered += int(now.disordered - l.disordered)
	*l = now
}
