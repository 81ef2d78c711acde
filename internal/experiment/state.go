package experiment

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tokmeter/internal/compare"
)

// Format is the version of the state. A reader refuses another one.
const Format = 1

// StateFile is the name of the state in the experiment's folder.
const StateFile = "experiment.json"

// A State is what was done of an experiment. The numbers of a run are in its
// run directory; here is where that is.
type State struct {
	Format int               `json:"format"`
	Spec   map[string]string `json:"spec"` // the spec, a fingerprint for each of its parts; for the resume
	Nonce  string            `json:"nonce,omitempty"`
	Origin json.RawMessage   `json:"origin,omitempty"` // of the first start: see Deps.Origin
	Begun  *time.Time        `json:"begun,omitempty"`
	Facts  map[string]Facts  `json:"facts,omitempty"` // by variant, of its first start
	Steps  []Step            `json:"steps"`
	// Complete says that nothing is left to do.
	Complete bool `json:"complete"`
}

// The kinds of steps that a state keeps beside the kinds of jobs.
const (
	startStep Kind = "start"
	driftStep Kind = "drift"
)

// A Step is something that was done, or has failed for good.
type Step struct {
	Kind     Kind              `json:"kind"`
	Variant  string            `json:"variant"`
	Round    int               `json:"round,omitempty"`
	Load     compare.Load      `json:"load,omitzero"`
	Number   int               `json:"number,omitempty"` // of a search's try
	Confirm  bool              `json:"confirm,omitempty"`
	Held     bool              `json:"held,omitempty"`
	Sent     int               `json:"sent,omitempty"`  // requests of a search's try
	Needs    int               `json:"needs,omitempty"` // requests that a steady load takes, where that is more
	Path     string            `json:"path,omitempty"`  // run directory, or file of answers
	Failure  string            `json:"failure,omitempty"`
	Warnings []compare.Warning `json:"warnings,omitempty"`
	Ended    *time.Time        `json:"ended,omitempty"`
}

// A Store keeps a state. Save replaces it in one step: who reads at any moment
// finds the old one or the whole of the other.
type Store interface {
	// Load returns nil where nothing was saved.
	Load() (*State, error)
	Save(*State) error
}

// readState reads the text of a state. The error says that it is none.
func readState(text []byte) (*State, error) {
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("no state of an experiment (%v): begin in another folder", err)
	}
	if s.Format != Format {
		return nil, fmt.Errorf("state of format %d: this version reads format %d: begin in another folder", s.Format, Format)
	}
	return &s, nil
}

// find returns the step of a kind, variant, round, load and number.
func (s *State) find(k Kind, variant string, round int, load compare.Load, number int) *Step {
	for i := range s.Steps {
		t := &s.Steps[i]
		if t.Kind == k && t.Variant == variant && t.Round == round && t.Load == load && t.Number == number {
			return t
		}
	}
	return nil
}

// forget drops what has failed, so that it is done again, and everything of a
// search from its first failure on.
func (s *State) forget() {
	broken := map[string]bool{}
	s.Steps = slices.DeleteFunc(s.Steps, func(t Step) bool {
		if t.Kind == Try {
			broken[t.Variant] = broken[t.Variant] || t.Failure != ""
			return broken[t.Variant]
		}
		return t.Failure != ""
	})
	s.Complete = false
}
