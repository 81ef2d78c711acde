package result

import (
	"encoding/json"
	"fmt"

	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
)

// observe adds what a run directory has from the server: what the simulator
// says of itself, and the counters. The warnings name what can't be read.
func observe(s *metrics.Summary, server record.Server) []metrics.Warning {
	// A simulator that was started elsewhere says so where it says its version.
	s.Simulated = s.Simulated || server.Simulated()
	var doubts []metrics.Warning
	read := func(what string, raw json.RawMessage, to any) bool {
		if len(raw) == 0 {
			return false
		}
		err := json.Unmarshal(raw, to)
		if err != nil {
			doubts = append(doubts, metrics.Warning{Code: record.WarnDirectory, Text: fmt.Sprintf("%s in run.json can't be read: %v", what, err)})
		}
		return err == nil
	}
	var x metrics.Simulator
	if read("the simulator's account", server.Simulator, &x) {
		s.Simulator = &x
		if x.Virtual {
			s.Clock = "virtual"
		}
	}
	var before, after metrics.Counters
	const counters = "the server's counters"
	if read(counters, server.Before, &before) && read(counters, server.After, &after) {
		s.Observe(before, after)
	}
	return doubts
}
