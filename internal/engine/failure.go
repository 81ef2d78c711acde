package engine

import (
	"fmt"
	"strings"
	"time"

	"tokmeter/internal/excerpt"
)

// An Exit is how an engine's first process ended.
type Exit struct {
	Code   int    `json:"code"`             // -1 where a signal ended it
	Signal string `json:"signal,omitempty"` // its name, as "killed" or "segmentation fault"
}

// String is the exit in words.
func (x Exit) String() string {
	if x.Signal != "" {
		return "signal: " + x.Signal
	}
	return fmt.Sprintf("exit status %d", x.Code)
}

// An Ending says how a start or a run went wrong.
type Ending string

// The endings.
const (
	NotStarted Ending = "not started"      // the command could not be run
	Crashed    Ending = "crashed"          // it ended before it was ready
	Died       Ending = "ended by itself"  // it ended after it was ready
	Slow       Ending = "not ready"        // the limit is over and it still runs
	NoToken    Ending = "gave no token"    // it is healthy and refuses the request
	Abandoned  Ending = "start given up"   // the caller's context ended
	Lost       Ending = "out of our reach" // the guard is gone
)

// A Failure is an engine that does not serve, as an error of one line: what it
// failed on, the line of the log that tells why, and the next step.
type Failure struct {
	Name    string
	Ending  Ending
	Exit    Exit // of Crashed and Died
	Seconds float64
	Stage   Stage // that it had come to
	Cause   Cause // zero where the log names none
	Last    []string
	Log     string // the file with the whole log; "" where there is none
	Reason  error  // of NotStarted, NoToken and Abandoned
}

// lastLines is how many lines of a log a Failure shows.
const lastLines = 20

// Error is the failure in one line.
func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "engine %s: ", f.Name)
	after := time.Duration(f.Seconds * float64(time.Second)).Round(100 * time.Millisecond)
	switch f.Ending {
	case Crashed, Died:
		fmt.Fprintf(&b, "%s after %v (%v)", f.Ending, after, f.Exit)
	case Slow:
		fmt.Fprintf(&b, "not ready after %v: it still runs, %s", after, f.Stage)
	case Lost:
		fmt.Fprintf(&b, "its guard ended after %v", after)
	default:
		b.WriteString(string(f.Ending))
	}
	if f.Reason != nil {
		fmt.Fprintf(&b, ": %v", f.Reason)
	}
	if f.Ending != NotStarted && (f.Cause.Trouble == "" || f.Ending == Slow) {
		b.WriteString(f.lastWords())
	}
	switch {
	case f.Cause.Trouble == "" && f.Ending == Slow:
		b.WriteString("; raise the limit if the line shows progress")
	case f.Cause.Trouble == "":
	case f.Ending == NotStarted:
		fmt.Fprintf(&b, ": %s", f.Cause.Hint)
	case f.Cause.Line == "":
		fmt.Fprintf(&b, ": %s; %s", f.Cause.Trouble, f.Cause.Hint)
	default:
		fmt.Fprintf(&b, ": %s: %s; %s", f.Cause.Trouble, cut(f.Cause.Line, 200), f.Cause.Hint)
	}
	if f.Log != "" {
		fmt.Fprintf(&b, " (log: %s)", f.Log)
	}
	return excerpt.Squeeze(b.String())
}

// Unwrap is the reason, so that errors.Is finds the end of a context.
func (f *Failure) Unwrap() error { return f.Reason }

// lastWords is the end of the log as part of a line: the last line of an engine
// that runs, three of one that has ended.
func (f *Failure) lastWords() string {
	n := 1
	if f.Ending == Crashed || f.Ending == Died {
		n = 3
	}
	var lines []string
	for _, l := range f.Last[max(0, len(f.Last)-n):] {
		if l = Bare(l); l != "" {
			lines = append(lines, cut(l, 200))
		}
	}
	switch len(lines) {
	case 0:
		return ""
	case 1:
		return "; last line: " + lines[0]
	}
	return "; last lines: " + strings.Join(lines, " | ")
}

// failure is what an ending comes to, with what the log says.
func (e *Engine) failure(how Ending, x Exit, reason error) *Failure {
	stage, _, _ := e.book.progress()
	f := &Failure{
		Name: e.spec.label(), Ending: how, Exit: x, Seconds: time.Since(e.began).Seconds(),
		Stage: stage, Last: e.book.tail(lastLines), Log: e.spec.Log, Reason: reason,
	}
	if how == Crashed || how == Died || how == NoToken || how == Slow {
		c, ok := diagnose(e.book.tail(400))
		if !ok && (how == Crashed || how == Died) {
			c, ok = exitCause(x)
		}
		if ok {
			f.Cause = c
		}
	}
	return f
}
