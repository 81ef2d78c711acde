package report

import (
	"fmt"
	"strings"

	"tokmeter/internal/metrics"
)

// maxUnconfirmed is how many constants the text names.
const maxUnconfirmed = 4

// simulator writes how far the server inside can be trusted.
func (t *text) simulator() {
	x := t.s.Simulator
	if x == nil {
		return
	}
	t.head("Simulator", '-')
	t.line("setup:  " + x.Setup)
	if x.Constants != "" {
		line := "based:  " + x.Constants + " constants"
		if n := len(x.Unconfirmed); n > maxUnconfirmed {
			line += fmt.Sprintf("; unconfirmed: %d, see \"simulator\" in the result file", n)
		} else if n > 0 {
			line += "; unconfirmed: " + strings.Join(x.Unconfirmed, ", ")
		}
		t.line(line)
	}
	if x.Elsewhere {
		t.line("        started elsewhere: late since its start")
	}
	if x.Last == (metrics.Lateness{}) { // set times: no steps
		t.line("late:   each token " + lateness(x.First))
	} else {
		t.line("late:   first write of a step " + lateness(x.First))
		t.line("        last write of a step " + lateness(x.Last))
	}
	t.line(fmt.Sprintf("        %d of %d deadlines given up", x.Slipped, x.Steps))
}

func lateness(l metrics.Lateness) string {
	return fmt.Sprintf("P50 %.3f ms, P99 %.3f ms, max %.3f ms", l.P50, l.P99, l.Max)
}

// simulatorObject is the result file's simulator.
func simulatorObject(x *metrics.Simulator) *object {
	o := &object{}
	o.set("setup", x.Setup)
	o.set("constants", orNone(x.Constants))
	o.set("unconfirmed", append([]string{}, x.Unconfirmed...))
	o.set("started_elsewhere", x.Elsewhere)
	o.set("steps", int(x.Steps))
	for _, l := range []struct {
		key string
		at  metrics.Lateness
	}{{"first_write_late_ms", x.First}, {"last_write_late_ms", x.Last}, {"overrun_ms", x.Overrun}} {
		v := &object{}
		v.set("p50", l.at.P50)
		v.set("p99", l.at.P99)
		v.set("max", l.at.Max)
		o.set(l.key, v)
	}
	o.set("deadlines_given_up", int(x.Slipped))
	return o
}
