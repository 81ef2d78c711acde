package run

import (
	"time"

	"tokmeter/internal/record"
)

// An Observer is told what a run does as it does it. Events come in the order of
// what they tell; Probing, and Draining between Running and Ended, come from
// goroutines of their own. The run waits for Observe, so it must not block.
type Observer interface{ Observe(Event) }

// An Event is one thing that a run did or is about to do: one of the types of
// this file.
type Event interface{ event() }

// Opened says that what was named is there and the run directory can be
// written; the workload comes next.
type Opened struct{ Dir string } // "" where nothing is recorded

// Building says that the workload is about to be built from what is at hand.
type Building struct{}

// AskingModel says that the server is about to be asked which model it has.
type AskingModel struct{}

// ModelFound is the first model of the server, which the run takes.
type ModelFound struct {
	ID   string // the name in requests
	Name string // the name of its weights
}

// Probing says that the server has been asked for one token of a model that it
// does not list and takes its time, which may be as long as Limit.
type Probing struct {
	Model string
	Limit time.Duration
}

// NotReady says why a server that is waited for did not answer.
type NotReady struct {
	Outcome record.Outcome // of a request of the ready check; "" where the server was asked for its models
	Reason  string         // on one line
}

// Aligned says that the server has no /tokenize, or that it counts the first
// prompt otherwise and the prompts were cut to the length asked.
type Aligned struct {
	Missing bool // the server has no /tokenize
	Server  int  // tokens of the first prompt, by the server
	Asked   int  // tokens of the first prompt, by the workload
}

// Saved says that the workload was written to a file.
type Saved struct{ Path string }

// Checking says that the ready check begins; where Timeout is not positive there
// is none.
type Checking struct{ Timeout time.Duration }

// Checked says that the server answered the ready check.
type Checked struct{}

// Warming says that so many warm-up requests are about to be sent.
type Warming struct{ Requests int }

// Warmed says that they were answered or failed.
type Warmed struct{}

// Starting says that the measured part begins, with the warnings so far: they
// may be reason enough to stop it.
type Starting struct{ Warnings []record.Warning }

// ProfilerStarting says that the server's profiler is told to start.
type ProfilerStarting struct{}

// ProfilerStarted says that it obeyed.
type ProfilerStarted struct{}

// Scheduled says that nothing is left to do before the first request but to read
// the server's counters.
type Scheduled struct{}

// Running says that requests are being sent.
type Running struct {
	Progress *record.Progress
	Expect   time.Duration // how long the sending takes by the schedule; 0 where it depends on the answers
}

// Draining says that the run was interrupted and waits for requests under way.
type Draining struct {
	Requests int64
	Grace    time.Duration // how long it waits at most
}

// Ended says that every request has its record.
type Ended struct{}

func (Opened) event()           {}
func (Building) event()         {}
func (AskingModel) event()      {}
func (ModelFound) event()       {}
func (Probing) event()          {}
func (NotReady) event()         {}
func (Aligned) event()          {}
func (Saved) event()            {}
func (Checking) event()         {}
func (Checked) event()          {}
func (Warming) event()          {}
func (Warmed) event()           {}
func (Starting) event()         {}
func (ProfilerStarting) event() {}
func (ProfilerStarted) event()  {}
func (Scheduled) event()        {}
func (Running) event()          {}
func (Draining) event()         {}
func (Ended) event()            {}
