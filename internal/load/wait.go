package load

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"tokmeter/internal/alarm"
	"tokmeter/internal/record"
)

// A waiter waits for moments.
type waiter struct {
	// until returns true at the moment, or false as soon as the run is to stop, or
	// after a wake.
	until func(ctx context.Context, moment record.Stamp) bool
	wake  func()
}

// onThread runs f on a thread of its own with a waiter that keeps to its moments
// more exactly than Go's timers do, and returns when f has.
func onThread(ctx context.Context, clock Clock, f func(waiter)) error {
	bell, err := alarm.New()
	if err != nil {
		return fmt.Errorf("load: no timer for the dispatcher: %w", err)
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		bell.Wake()
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The goroutine ends locked, so its sharpened thread ends with it.
		runtime.LockOSThread()
		bell.Sharpen()
		f(waiter{wake: bell.Wake, until: func(ctx context.Context, moment record.Stamp) bool {
			left := moment.Sub(clock.Now())
			if left > 0 && !bell.Wait(time.Now().Add(left)) {
				return false
			}
			return ctx.Err() == nil
		}})
	}()
	<-done
	if !stop() {
		<-woken
	}
	return bell.Close()
}
