// Package machine looks at the machine that the client runs on: who used its
// cores, who waited for them, what the network lost, and what limits hold.
//
// A Look is what the counters say at one moment; two of them are a record.Client.
// It reads small files of the kernel and never the clock in
// between, so that looking disturbs nothing. What a system does not tell is left
// out: only Linux tells all of it.
package machine

import (
	"os"
	"runtime"
	"time"

	"tokmeter/internal/record"
)

// A Look is the machine at one moment.
type Look struct {
	at     time.Time
	kernel counters
	own    time.Duration // CPU time of the process
	pauses []uint64      // by length: see pauseLimits
	cores  float64
	files  int64
	ports  int
}

// Now looks.
func Now() Look {
	l := Look{at: time.Now(), own: ownTime(), pauses: gcPauses(), files: fileLimit()}
	root := os.DirFS("/")
	l.kernel = readCounters(root)
	l.ports = localPorts(root)
	l.cores = min(float64(runtime.NumCPU()), l.kernel.quota)
	return l
}

// Until is what happened from l until end.
func (l Look) Until(end Look) record.Client {
	a, b := l.kernel, end.kernel
	c := record.Client{
		Wall: end.at.Sub(l.at), Cores: end.cores, Files: end.files, Ports: end.ports,
		Machine:     b.cores,
		Own:         end.own - l.own,
		Stolen:      since(a.stolen, b.stolen),
		Queued:      since(a.queued, b.queued),
		Throttled:   since(a.throttled, b.throttled),
		Pressure:    since(a.pressure, b.pressure),
		Segments:    since(a.segments, b.segments),
		Resent:      since(a.resent, b.resent),
		ZeroWindows: since(a.zeroWindows, b.zeroWindows),
		Pruned:      since(a.pruned, b.pruned),
	}
	if busy := since(a.busy, b.busy); busy > c.Own {
		c.Others = busy - c.Own
	}
	c.Pauses, c.LongestPause = pausesBetween(l.pauses, end.pauses)
	return c
}

// since is how much a counter grew; 0 where it fell, as the sum over threads does
// when one ends.
func since[T int64 | time.Duration](before, after T) T { return max(0, after-before) }
