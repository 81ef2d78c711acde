package metrics

import (
	"fmt"
)

// A Simulator is what the server inside says of itself after a run: what it
// stood for and how late it was. Its JSON is what the run directory keeps.
type Simulator struct {
	Setup       string   `json:"setup"`                 // the engine that it stood for, in one line
	Virtual     bool     `json:"virtual,omitempty"`     // it was replayed on a virtual clock and acted nothing
	Elsewhere   bool     `json:"elsewhere,omitempty"`   // another process: its lateness is since its start
	Constants   string   `json:"constants"`             // measured, datasheet or ideal; "" at set times
	Unconfirmed []string `json:"unconfirmed,omitempty"` // constants with a single source

	Steps   int64    `json:"steps"`      // steps, or tokens at set times, that the rest is over
	First   Lateness `json:"first_late"` // from a step's deadline to the first write of its tokens
	Last    Lateness `json:"last_late"`  // from a step's deadline to the last write of its tokens
	Overrun Lateness `json:"overrun"`    // work of a step past the next deadline
	Slipped int64    `json:"slipped"`    // deadlines given up because the machine stood still
}

// A Lateness is a measured lateness in milliseconds.
type Lateness struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// SimulatorWarnings are the reasons to doubt a number that the simulator's own
// account gives: where it was late, its numbers are its own more than the
// engine's.
func (s *Summary) SimulatorWarnings() []Warning {
	if text := (&evidence{Summary: s}).simulatorLate(); text != "" {
		return []Warning{{Code: WarnSimulatorLate, Text: text}}
	}
	return nil
}

// simulatorLate compares the simulator's lateness with the gap between tokens.
func (e *evidence) simulatorLate() string {
	x, itl := e.Simulator, e.Dists[ITL]
	if x == nil || x.Steps == 0 || itl.N == 0 {
		return ""
	}
	late := max(x.First.P99, x.Last.P99)
	if late <= simulatorLimit*itl.Median {
		return ""
	}
	return fmt.Sprintf("the simulator itself wrote tokens up to %.2f ms late (P99), more than %s of the median ITL of %.2f ms: use fewer streams, more cores or a slower setup",
		late, part(simulatorLimit), itl.Median)
}
