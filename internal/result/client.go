package result

import (
	"fmt"
	"math"
	"slices"

	"tokmeter/internal/metrics"
)

// client says how far the client itself can be trusted.
func client() part {
	return part{
		Definition{ID: "client", Title: "Client", Keys: []Key{
			{Name: "clock", Formula: "whose stamps the responses carry: kernel, reader, mixed, or none without a response"},
			{Name: "clock_steps", Formula: "steps of the wall clock that were noticed during the run"},
			{Name: "p50_client_lag_ms", Formula: "median of client_lag; absent, as the next two, where the kernel gave no stamp"},
			{Name: "p99_client_lag_ms", Formula: "P99 of client_lag"},
			{Name: "max_client_lag_ms", Formula: "maximum of client_lag"},
			{Name: "read_interval_us", Formula: "the longest time that the client let events gather before it read them all; 0 where it read each as it came. The kernel has stamped them, so no latency holds it"},
			{Name: "p50_late_ms", Formula: "median of late; absent, as the next two, where nothing was sent"},
			{Name: "p99_late_ms", Formula: "P99 of late"},
			{Name: "max_late_ms", Formula: "maximum of late"},
			{Name: "stale_connections", Formula: "kept-alive connections that the server had closed and that were replaced before sending"},
			{Name: "redirects", Formula: "redirects that were followed"},
		}},
		always(func(r *Result) Section {
			s := &r.Summary
			if s.Compat {
				return Section{}
			}
			clock, lag, late := s.Clock, s.Dists[metrics.ClientLag], s.Dists[metrics.Late]
			if s.ClockSteps > 0 {
				clock += fmt.Sprintf(", stepped %d times", s.ClockSteps)
			}
			short := "clock " + clock
			if lag.N > 0 {
				short += fmt.Sprintf("; read answers up to %.2f ms late (P99)", lag.P99)
			}
			if late.N > 0 {
				short += fmt.Sprintf("; sent requests up to %.2f ms late (P99)", late.P99)
			}
			beyond := ""
			if s.ReadInterval > 0 {
				beyond = fmt.Sprintf(", beyond the %.0f µs between two rounds of reading", s.ReadInterval*1e6)
			}
			return Section{
				Label: "Client", Short: []string{short},
				Text: text("clock:  "+clock, "lag:    "+spread(lag)+beyond, "late:   "+spread(late)),
				JSON: slices.Concat(
					Fields{{"clock", s.Clock}, {"clock_steps", s.ClockSteps}},
					spreadFields("client_lag", lag), Fields{{"read_interval_us", math.Round(s.ReadInterval*1e9) / 1e3}}, spreadFields("late", late),
					Fields{{"stale_connections", s.Replaced}, {"redirects", s.Redirects}},
				),
			}
		}),
	}
}
