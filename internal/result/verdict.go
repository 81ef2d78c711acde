package result

import (
	"fmt"
	"math"

	"tokmeter/internal/metrics"
)

// verdict says whether the numbers can be trusted. Its line is the first of the
// text, before vLLM's block.
func verdict() part {
	return part{
		Definition{ID: "verdict", Title: "Verdict", Keys: []Key{
			{Name: "verdict", Formula: "sound, doubtful or invalid: the worst grade among findings"},
			{Name: "findings", Formula: "what moved numbers: code, grade, the numbers, by how much at most (up_to_ms, or up_to as a part of one; missing where it is not known), text"},
			{Name: "causes", Formula: "what went on on the client's machine that may be why; null where nothing did, or no finding is of that kind"},
			{Name: "machine", Formula: "what went on on the client's machine during the run: CPU time of the client, of other programs and of other guests (s), time that its threads waited for a core (s), longest pause of the garbage collector (ms), TCP segments sent and sent again, times that a receive queue was full, limits; null where nobody looked"},
		}},
		always(func(r *Result) Section {
			s := &r.Summary
			if s.Compat {
				return Section{}
			}
			s.Judge()
			findings := []any{}
			var lines []string
			for _, f := range s.Verdict.Findings {
				findings = append(findings, findingFields(f))
				lines = append(lines, fmt.Sprintf("%s: %s: %s", f.Grade, f.Code, f.Text))
			}
			out := Section{JSON: Fields{{"verdict", string(s.Verdict.Grade)}, {"findings", findings}, {"causes", s.Verdict.Causes}, {"machine", machineFields(s)}}}
			if c := s.Client; c != nil {
				lines = append(lines, machineLine(s))
			}
			if len(lines) > 0 {
				out.Text = text(lines...)
			}
			return out
		}),
	}
}

func findingFields(f metrics.Finding) Fields {
	var numbers []any
	for _, n := range f.Numbers {
		numbers = append(numbers, n)
	}
	out := Fields{{"code", f.Code}, {"grade", string(f.Grade)}, {"numbers", numbers}}
	switch {
	case f.UpTo <= 0 || math.IsInf(f.UpTo, 0):
	case f.Share:
		out = append(out, Field{"up_to", f.UpTo})
	default:
		out = append(out, Field{"up_to_ms", f.UpTo})
	}
	return append(out, Field{"text", f.Text})
}

func machineFields(s *metrics.Summary) any {
	c := s.Client
	if c == nil {
		return nil
	}
	return Fields{
		{"cores", c.Cores}, {"machine_cores", c.Machine}, {"own_cpu_s", c.Own.Seconds()}, {"others_cpu_s", c.Others.Seconds()}, {"stolen_cpu_s", c.Stolen.Seconds()},
		{"queued_s", c.Queued.Seconds()}, {"throttled_s", c.Throttled.Seconds()}, {"cpu_pressure_s", c.Pressure.Seconds()},
		{"gc_pauses", c.Pauses}, {"longest_gc_pause_ms", c.LongestPause.Seconds() * 1000},
		{"tcp_segments_sent", int(c.Segments)}, {"tcp_segments_resent", int(c.Resent)}, {"tcp_zero_windows", int(c.ZeroWindows)}, {"tcp_pruned", int(c.Pruned)},
		{"file_limit", int(c.Files)}, {"local_ports", c.Ports},
	}
}

func machineLine(s *metrics.Summary) string {
	c := s.Client
	return fmt.Sprintf("machine: tokmeter used %.2f s of CPU on %.4g cores, other programs %.2f s, other guests %.2f s; waited %.2f s for a core; longest pause of the garbage collector %.2f ms; %d of %d segments sent again",
		c.Own.Seconds(), c.Cores, c.Others.Seconds(), c.Stolen.Seconds(), c.Queued.Seconds(), c.LongestPause.Seconds()*1000, c.Resent, c.Segments)
}
