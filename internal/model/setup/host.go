package setup

import (
	"fmt"
	"strings"
)

// A hostProfile is a kind of machine around the card: how much longer its work
// on a step takes than on the hosts that the engine's times were fitted to.
type hostProfile struct {
	name   string
	factor float64
	source string
}

// hostProfiles are those with a number that somebody measured.
var hostProfiles = []hostProfile{
	{"typical", 1, "the hosts of the published runs that the engine's times were fitted to"},
	{"fast", 0.8, "1.0 ms, the low end of vLLM's CI figures of late 2024 for H100, H200 and A100, over the 1.24 ms fitted"},
	{"slow", 2.3, "an H200's host that took 2.3 times as long for a step as an H100's in published runs"},
}

// hostProfileOf finds a profile by name; "" is typical.
func hostProfileOf(name string) (hostProfile, error) {
	var names []string
	for _, h := range hostProfiles {
		if h.name == name || name == "" {
			return h, nil
		}
		names = append(names, h.name)
	}
	return hostProfile{}, fmt.Errorf("%q: want one of %s, or name the times with host_ms and host_seq_us", name, strings.Join(names, ", "))
}

// noteHost says what a named host changes.
func (b *Built) noteHost() {
	name := b.Setup.HostProfile
	if name == "" {
		return
	}
	h, _ := hostProfileOf(name) // check has read it
	b.note("host %s: %g times the engine's host time of a step and of a sequence, unconfirmed: %s", h.name, h.factor, h.source)
}
