//go:build !linux

package control

import "tokmeter/internal/sim/exposition"

// readProcess knows nothing: prometheus_client has these series on Linux alone
// too.
func readProcess() exposition.Process { return exposition.Process{} }
