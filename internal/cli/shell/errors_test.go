package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"tokmeter/internal/run"
)

func TestPrintError(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want string
		code int
	}{
		{"nothing", nil, "", 0},
		{"one line", errors.New("no"), "tokmeter: no\n", 1},
		{"a hint", Usagef("do this", "no"), "tokmeter: no (do this)\n", 2},
		{"another code", Failf(ExitUnreachable, "", "no"), "tokmeter: no\n", 5},
		{"a code deep inside", fmt.Errorf("run: %w", Failf(ExitUnreachable, "", "no")), "tokmeter: run: no\n", 5},
		{"line breaks of a server", errors.New("a\n  b\r\nc"), "tokmeter: a; b; c\n", 1},
		{"joined", Usage(errors.New("a"), errors.Join(errors.New("b"), errors.New("c"))), "tokmeter: a\ntokmeter: b\ntokmeter: c\n", 2},
		{"too many", Usage(errors.New("a"), errors.New("b"), errors.New("c"), errors.New("d")), "tokmeter: a\ntokmeter: b\ntokmeter: c (and 1 more problems)\n", 2},
		{"joined inside a sentence", fmt.Errorf("run: %w", errors.Join(errors.New("a"), errors.New("b"))), "tokmeter: run: a; b\n", 1},
		{"interrupted", run.ErrInterrupted, "tokmeter: interrupted\n", 130},
	}
	for _, tt := range tests {
		var b bytes.Buffer
		PrintError(&b, tt.err)
		if got := b.String(); got != tt.want || ExitCode(tt.err) != tt.code {
			t.Errorf("%s: got %q and code %d, want %q and %d", tt.name, got, ExitCode(tt.err), tt.want, tt.code)
		}
	}
}

// TestInterruptible: the first interrupt cancels, the second one cuts.
func TestInterruptible(t *testing.T) {
	defer goleak.VerifyNone(t)
	signals := make(chan os.Signal)
	stopped := false
	env, _, _ := fakeEnv()
	env.Interrupts = func() (<-chan os.Signal, func()) { return signals, func() { stopped = true } }
	ctx, second, release := env.Interruptible(context.Background())
	if ctx.Err() != nil {
		t.Fatal("cancelled before any interrupt")
	}
	signals <- os.Interrupt
	<-ctx.Done()
	if got := context.Cause(ctx); got != run.ErrInterrupted {
		t.Errorf("cause: got %v, want %v", got, run.ErrInterrupted)
	}
	select {
	case <-second:
		t.Error("one interrupt counted twice")
	default:
	}
	signals <- os.Interrupt
	<-second
	release()
	if !stopped {
		t.Error("interrupts are still caught after release")
	}
}

// TestNoInterrupts: release ends what interruptible began.
func TestNoInterrupts(t *testing.T) {
	defer goleak.VerifyNone(t)
	env, _, _ := fakeEnv()
	env.Interrupts = func() (<-chan os.Signal, func()) { return nil, func() {} }
	ctx, _, release := env.Interruptible(context.Background())
	release()
	if context.Cause(ctx) != context.Canceled {
		t.Errorf("cause: got %v, want %v", context.Cause(ctx), context.Canceled)
	}
}
