// Package experiment runs the plans of several ways of serving in interleaved
// rounds, and keeps what was done so that a stopped experiment goes on where it
// was.
//
// It promises equal prompts and due times for every variant of a round, an
// order in which no variant is always first (A B C D, D C B A), an engine that
// stays up where its next turn follows at once, one variant's failure that
// leaves the others' results, and the same result after a stop as without one.
// What starts processes, sends requests or asks for the time is given to it.
//
// It refuses a resumed experiment whose identity is another. It knows neither
// words nor what its variants are compared for.
package experiment

import (
	"context"
	"encoding/json"
	"time"

	"tokmeter/internal/compare"
	"tokmeter/internal/plan"
)

// Facts are what is known of a running engine; "" and 0 where something is not.
type Facts struct {
	Version     string   `json:"version,omitempty"`
	Args        []string `json:"args,omitempty"` // secrets taken out
	Card        string   `json:"card,omitempty"`
	Cards       int      `json:"cards,omitempty"`  // that one copy of the model is on
	Kernel      string   `json:"kernel,omitempty"` // that its log names
	WeightBytes float64  `json:"weight_bytes,omitempty"`
	PowerW      float64  `json:"power_w,omitempty"`
	HostMs      float64  `json:"host_ms,omitempty"`
}

// A Server is an engine that is up.
type Server interface {
	URL() string
	Facts() Facts
	// Err says why the engine ended by itself, in one line with the hint for it;
	// nil while it is up, and for a server that is not ours.
	Err() error
	// Ended is Err after a job that went wrong. It waits a moment for the news of
	// the engine's end, which comes after the connections that are refused.
	Ended(ctx context.Context) error
	// Stop ends it with everything that it started, and returns when nothing is
	// left.
	Stop(ctx context.Context) error
}

// A Starter brings variants up: it starts a command and waits until it serves,
// or takes the URL of one that runs already.
type Starter interface {
	Start(ctx context.Context, v Variant) (Server, error)
}

// A Kind says what a job is for.
type Kind string

// The kinds of jobs.
const (
	Measure Kind = "measure"
	Warm    Kind = "warm-up"
	Try     Kind = "search" // of the highest rate
)

// A Job is one run that a Runner is asked for.
type Job struct {
	Kind    Kind
	Variant Variant
	URL     string
	Round   int // from 0
	Load    compare.Load
	Plan    plan.Plan // the variant's, at this load
	Number  int       // of the batch of a warm-up, or the try of a search, from 0
	// Prompts is how many requests of the workload are sent, the first ones; 0
	// for all.
	Prompts int
	// Salt goes in front of every prompt, so that nothing of it is in a prefix
	// cache; equal for all variants of a round. "" leaves the prompts alone.
	Salt string
}

// An Outcome is a finished run.
type Outcome struct {
	Run       compare.Run
	Dir       string // the run directory, by which Load finds the run again
	Prompts   string // hash of the requests without their salt
	IgnoreEOS bool
	PowerW    float64 // mean of the card during the run; 0 where not known
}

// A Runner sends the workload to a server. Its error says that there is no
// result; requests that fail are results.
type Runner interface {
	Run(ctx context.Context, j Job) (Outcome, error)
	// Load reads a finished run again and gives the very outcome that Run gave.
	Load(ctx context.Context, j Job, dir string) (Outcome, error)
}

// A Resetter empties a server's prefix cache.
type Resetter interface {
	Reset(ctx context.Context, v Variant, url string) error
}

// An Asker lets servers answer fixed prompts greedily.
type Asker interface {
	// Ask returns where the answers are kept.
	Ask(ctx context.Context, v Variant, url string, prompts int) (path string, err error)
}

// A Clock gives the time of day, for the notes in the state.
type Clock interface{ Now() time.Time }

// A Note is something that happened, for the terminal.
type Note struct {
	Variant string // "" for the whole
	Round   int    // from 1; 0 where it is of no round
	Text    string
	// Progress is that after what happened.
	Progress Progress
}

// Deps is what an experiment is given of the world. Starter, Runner and Store
// are needed.
type Deps struct {
	Starter  Starter
	Runner   Runner
	Resetter Resetter // needed where the spec resets caches
	Asker    Asker    // needed where the spec asks for drift
	Store    Store
	Clock    Clock // nil leaves times out of the state
	// Resume goes on with what the store has. Without it a store that has
	// something is refused.
	Resume bool
	// Retry does again what has failed.
	Retry bool
	// Nonce makes salts of this experiment unlike those of others. A resumed one
	// keeps its first.
	Nonce string
	// Origin is JSON that the caller wants to find in the result, such as who
	// asked. A resumed experiment keeps its first.
	Origin json.RawMessage
	// Tell, if set, is told what happens, one call at a time.
	Tell func(Note)
}

// A Held is the highest rate that a variant kept its goals at.
type Held struct {
	Variant string  `json:"variant"`
	Rate    float64 `json:"rate"` // requests a second; 0 where none was kept
	Above   float64 `json:"above,omitempty"`
	Stop    string  `json:"stop"`  // why the search ended, for people
	Tries   []Tried `json:"tries"` // in order
	// Sent is how many requests the shortest run at Rate sent, and Needs how many
	// a steady load at Rate takes, where that is more; else both are 0.
	Sent  int `json:"sent,omitempty"`
	Needs int `json:"needs,omitempty"`
	// Complete is false where the search was not finished, or the variant failed
	// in it.
	Complete bool `json:"complete"`
}

// A VariantResult is what is known of a variant beside its runs.
type VariantResult struct {
	Name      string
	Failure   string // why it has no runs, in one line; "" where it has
	Facts     Facts  // of its first start
	Prompts   string // hash of the requests; "" where its runs do not agree
	IgnoreEOS bool
	PowerW    float64 // mean of its runs; 0 where not known
	Answers   string  // where its greedy answers are; "" where there are none
}

// A Result is what an experiment found.
type Result struct {
	Variants []VariantResult // in the order of the spec
	Runs     []compare.Run   // by round, then load, then variant
	Held     []Held          // where the spec has goals
	Notes    []string        // what failed and what casts doubt, a line each
	Dirs     []string        // of the run directories, like Runs
	Origin   json.RawMessage // Deps.Origin of the first start
	Begun    *time.Time      // nil without a clock
	Complete bool            // every step was done or has failed
}
