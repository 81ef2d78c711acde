package result

import (
	"fmt"
	"strings"

	"tokmeter/internal/metrics"
	"tokmeter/internal/model/roofline"
)

// maxUnconfirmed is how many constants the text names.
const maxUnconfirmed = 4

// simulator says what the server inside stood for, and how far it can be
// trusted. That a server was simulated is said under compat too.
func simulator() part {
	return part{
		Definition{ID: "simulator", Title: "Simulator", Keys: []Key{
			{Name: "simulated", Formula: "true where the server was the simulator; absent otherwise"},
			{Name: "simulator", Formula: "what the server inside stood for, which constants it used, which of them have a single source, and how near they were to published measurements that they were not fitted to (`expected_error`: four in five within this share); `virtual_clock` where nothing was sent; over its `steps`, how late the first and the last write of a step were (`first_write_late`, `last_write_late`), how far its work went past the next deadline (`overrun`), and how many deadlines were given up; absent where the server was a real one"},
		}},
		always(func(r *Result) Section {
			if !r.Summary.Simulated {
				return Section{}
			}
			s := Section{Label: "Server", JSON: Fields{{"simulated", true}}}
			x := r.Summary.Simulator
			switch {
			case r.Summary.Compat:
			case x == nil:
				s.Short = []string{"simulated; it says no more of itself"}
				s.Text = text(s.Short...)
			default:
				s.Short = []string{simulatedShort(x)}
				s.Text = text(simulatorLines(x)...)
				s.JSON = append(s.JSON, Field{"simulator", simulatorFields(x)})
				s.Warnings = r.Summary.SimulatorWarnings()
			}
			return s
		}),
	}
}

// simulatedShort is what a reader of the block must know.
func simulatedShort(x *metrics.Simulator) string {
	if x.Virtual {
		return fmt.Sprintf("simulated: %s; on a virtual clock: nothing was sent", x.Setup)
	}
	return fmt.Sprintf("simulated: %s; wrote tokens up to %.2f ms late (P99)", x.Setup, max(x.First.P99, x.Last.P99))
}

func simulatorLines(x *metrics.Simulator) []string {
	lines := []string{"setup:  " + x.Setup}
	if x.Constants != "" {
		line := "based:  " + x.Constants + " constants"
		if n := len(x.Unconfirmed); n > maxUnconfirmed {
			line += fmt.Sprintf("; unconfirmed: %d, see \"simulator\" in the result file", n)
		} else if n > 0 {
			line += "; unconfirmed: " + strings.Join(x.Unconfirmed, ", ")
		}
		lines = append(lines, line)
	}
	if x.Constants == roofline.Measured.String() {
		e := roofline.ExpectedErrors()
		lines = append(lines, fmt.Sprintf("error:  of published measurements that it was not fitted to, four in five are within %.0f %% (time a token) and %.0f %% (TTFT)", 100*e.Token, 100*e.TTFT))
	}
	if x.Virtual {
		return append(lines, "clock:  virtual: no time passed and nothing was sent")
	}
	if x.Elsewhere {
		lines = append(lines, "        started elsewhere: late since its start")
	}
	if x.Last == (metrics.Lateness{}) { // set times: no steps
		lines = append(lines, "late:   each token "+lateness(x.First))
	} else {
		lines = append(lines, "late:   first write of a step "+lateness(x.First), "        last write of a step "+lateness(x.Last))
	}
	return append(lines, fmt.Sprintf("        %d of %d deadlines given up", x.Slipped, x.Steps))
}

func lateness(l metrics.Lateness) string {
	return fmt.Sprintf("P50 %.3f ms, P99 %.3f ms, max %.3f ms", l.P50, l.P99, l.Max)
}

// expectedError is how near to published measurements simulated numbers are, as
// shares of them; null where the constants are none that were held to any.
func expectedError(x *metrics.Simulator) any {
	if x.Constants != roofline.Measured.String() {
		return nil
	}
	e := roofline.ExpectedErrors()
	return Fields{{"time_per_token", e.Token}, {"ttft", e.TTFT}}
}

func simulatorFields(x *metrics.Simulator) Fields {
	late := func(l metrics.Lateness) Fields {
		return Fields{{"p50_ms", l.P50}, {"p99_ms", l.P99}, {"max_ms", l.Max}}
	}
	return Fields{
		{"setup", x.Setup}, {"constants", orNull(x.Constants)}, {"unconfirmed", append([]string{}, x.Unconfirmed...)},
		{"expected_error", expectedError(x)}, {"virtual_clock", x.Virtual},
		{"started_elsewhere", x.Elsewhere}, {"steps", int(x.Steps)},
		{"first_write_late", late(x.First)}, {"last_write_late", late(x.Last)}, {"overrun", late(x.Overrun)},
		{"deadlines_given_up", int(x.Slipped)},
	}
}
