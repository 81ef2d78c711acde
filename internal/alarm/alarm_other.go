//go:build !linux

package alarm

import (
	"runtime"
	"time"
)

// spin is how long before its moment a Wait stops sleeping: timers are that late.
const spin = 2 * time.Millisecond

// An Alarm waits for a moment or for a call of Wake, whichever comes first.
type Alarm struct {
	wake chan struct{}
}

// New makes an Alarm.
func New() (*Alarm, error) { return &Alarm{wake: make(chan struct{}, 1)}, nil }

// Sharpen does nothing on this system.
func (a *Alarm) Sharpen() {}

// Wait returns true at the moment until, or false as soon as Wake is called.
// It sleeps to shortly before the moment and yields from there on.
func (a *Alarm) Wait(until time.Time) bool {
	if left := time.Until(until) - spin; left > 0 {
		t := time.NewTimer(left)
		defer t.Stop()
		select {
		case <-a.wake:
			return false
		case <-t.C:
		}
	}
	for time.Now().Before(until) {
		runtime.Gosched()
	}
	select {
	case <-a.wake:
		return false
	default:
		return true
	}
}

// Wake ends the Wait that is on, or the next one.
func (a *Alarm) Wake() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Close gives nothing back on this system.
func (a *Alarm) Close() error { return nil }
