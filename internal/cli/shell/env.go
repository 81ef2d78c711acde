// Package shell is what every command stands on: the outside world (Env), what a
// command is and how it is called, the errors that end one with their exit codes,
// and how an interrupt reaches it. It knows no command.
package shell

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"tokmeter/internal/engine"
	"tokmeter/internal/run"
)

// An Env is everything of the outside world that a command may touch. A test
// runs the same Main with one of its own.
type Env struct {
	Args           []string // without the program's name
	Getenv         func(string) string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	StdoutTTY      bool
	StderrTTY      bool
	Width          int // columns of the terminal; 0 means 80
	// StderrWidth is the columns of the terminal behind Stderr at the moment,
	// 0 where it is not known; nil means Width.
	StderrWidth func() int
	Now         func() time.Time
	Rand        io.Reader // random bytes for names; nil gives zeros
	// Spare gives Go's scheduler n processors more, for threads that wait in
	// the kernel and hold one meanwhile. Nil leaves it as it is.
	Spare func(n int)
	// Interrupts begins to deliver the user's interrupts (Ctrl-C, SIGTERM)
	// until stop is called, once or more often; before and after that one ends
	// the process. Nil means that none ever comes.
	Interrupts func() (got <-chan os.Signal, stop func())
	// Guard takes over where this process is to guard an engine (see package
	// engine), and gives the exit code. Nil means that it never is.
	Guard func(args []string) (handled bool, code int)
	// Executable is the path of this program, by which it starts its guards; nil
	// means that it starts none.
	Executable func() (string, error)
	// Environ is the environment that engines inherit; nil means none.
	Environ func() []string
}

// OS is the real outside world.
func OS() *Env {
	e := &Env{
		Args:   os.Args[1:],
		Getenv: os.Getenv,
		Stdin:  os.Stdin,
		Stdout: openEnded{os.Stdout},
		Stderr: os.Stderr,
		Now:    time.Now,
		Rand:   rand.Reader,

		StdoutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		StderrTTY: term.IsTerminal(int(os.Stderr.Fd())),
		Interrupts: func() (<-chan os.Signal, func()) {
			c := make(chan os.Signal, 2)
			signal.Notify(c, interrupts()...)
			return c, func() { signal.Stop(c) }
		},
	}
	// Else a write to a pipe that nobody reads ends the process on the spot. An
	// engine that is started would inherit a signal that is ignored.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	e.Executable, e.Environ = os.Executable, os.Environ
	e.Guard = func(args []string) (bool, int) {
		return engine.Guard(args, engine.World{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Notify: signal.Notify})
	}
	if os.Getenv("GOMAXPROCS") == "" {
		e.Spare = func(n int) { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + n) }
	}
	e.Width = e.terminalWidth(int(os.Stdout.Fd()))
	e.StderrWidth = func() int { return e.terminalWidth(int(os.Stderr.Fd())) }
	return e
}

// interrupts are the signals that end a command in order: those of the user, and
// that of a terminal that is gone, unless nohup or the like made it count for
// nothing.
func interrupts() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}

// An openEnded is an output whose reader may leave early, as head does: what is
// written then goes nowhere, and the command goes on to save its result.
type openEnded struct{ to io.Writer }

// Write writes p, or nothing where nobody reads.
func (o openEnded) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		return len(p), nil
	}
	return n, err
}

// terminalWidth is COLUMNS, else what the terminal says, else 0.
func (e *Env) terminalWidth(fd int) int {
	if n, err := strconv.Atoi(e.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if w, _, err := term.GetSize(fd); err == nil {
		return w
	}
	return 0
}

// Program is the path of this program.
func (e *Env) Program() (string, error) {
	if e.Executable == nil {
		return "", errors.New("not known here")
	}
	return e.Executable()
}

// EngineEnviron is the environment that engines inherit.
func (e *Env) EngineEnviron() []string {
	if e.Environ == nil {
		return nil
	}
	return e.Environ()
}

// TextWidth is the number of columns to wrap text at.
func (e *Env) TextWidth() int {
	if e.Width <= 0 {
		return 80
	}
	return max(e.Width, 40)
}

// ProgressWidth is the number of columns that a line on Stderr may take.
func (e *Env) ProgressWidth() int {
	if e.StderrWidth == nil {
		return e.Width
	}
	return e.StderrWidth()
}

// A LockedWriter is a writer for several goroutines.
type LockedWriter struct {
	mu sync.Mutex
	W  io.Writer
}

// Write writes the whole of p between the writes of others.
func (l *LockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.W.Write(p)
}

// Interruptible derives a context that the first interrupt cancels, with
// run.ErrInterrupted as its cause, and a channel that the second one closes. Until
// then, and until release is called, interrupts do not end the process.
func (e *Env) Interruptible(parent context.Context) (ctx context.Context, second <-chan struct{}, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	abort := make(chan struct{})
	if e.Interrupts == nil {
		return ctx, abort, func() { cancel(nil) }
	}
	got, stop := e.Interrupts()
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for n := range 2 {
			select {
			case <-got:
			case <-done:
				return
			}
			if n == 0 {
				cancel(run.ErrInterrupted)
			} else {
				// Whatever does not heed the second one, the third one ends.
				stop()
				close(abort)
			}
		}
	}()
	return ctx, abort, func() {
		stop()
		close(done)
		<-gone
		cancel(nil)
	}
}
