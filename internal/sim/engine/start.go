package engine

import (
	"errors"

	"tokmeter/internal/sim/roofline"
	"tokmeter/internal/sim/sched"
)

// A Config is what an engine runs on.
type Config struct {
	Sched      sched.Config
	Machine    *roofline.Machine
	Acceptance []float64 // chance that each draft is accepted, given the one before
	Seed       uint64
}

// Start starts an engine that schedules.
func Start(c Config, observe ...Observer) (Engine, error) {
	return nil, errors.New("the scheduler is missing")
}
