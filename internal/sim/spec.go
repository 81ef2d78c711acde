// Package sim is the inference server inside the binary. It answers the
// OpenAI-compatible API with made-up text at set times and keeps the truth:
// when the kernel received each request and when the write of each token
// began. It shares no code with the client's rooms (wire, protocol): a mistake
// made on both sides would hide itself. It refuses to look like a real engine:
// /version says what it is.
package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// defaultSpec is the server without a spec: 50 ms to the first token, 20 ms
// between tokens, a tenth of jitter.
func defaultSpec() Spec {
	return Spec{TTFT: 50 * time.Millisecond, ITL: 20 * time.Millisecond, Jitter: 0.1, Model: "simulated"}
}

const specHelp = "want ttft=50ms,itl=20ms,jitter=0.1,seed=0,model=NAME, each of them optional"

// ParseSpec reads a comma-separated list of key=value over the defaults. The
// empty string is the default.
func ParseSpec(s string) (Spec, error) {
	spec := defaultSpec()
	if strings.TrimSpace(s) == "" {
		return spec, nil
	}
	for _, part := range strings.Split(s, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return Spec{}, fmt.Errorf("simulate %q: %q is no key=value: %s", s, part, specHelp)
		}
		var err error
		switch key {
		case "ttft":
			spec.TTFT, err = parseDuration(value)
		case "itl":
			spec.ITL, err = parseDuration(value)
		case "jitter":
			spec.Jitter, err = strconv.ParseFloat(value, 64)
			if err == nil && !(spec.Jitter >= 0 && spec.Jitter < 1) {
				err = fmt.Errorf("%v is not in [0,1)", spec.Jitter)
			}
		case "seed":
			spec.Seed, err = strconv.ParseUint(value, 10, 64)
		case "model":
			spec.Model = value
			if value == "" {
				err = fmt.Errorf("the name is empty")
			}
		default:
			return Spec{}, fmt.Errorf("simulate %q: unknown key %q: %s", s, key, specHelp)
		}
		if err != nil {
			return Spec{}, fmt.Errorf("simulate %q: %s: %w: %s", s, key, err, specHelp)
		}
	}
	return spec, nil
}

// parseDuration reads a time with its unit and refuses what no server does.
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is no time with a unit, such as 20ms", s)
	}
	if d < 0 || d > time.Hour {
		return 0, fmt.Errorf("%v is not between 0 and 1h", d)
	}
	return d, nil
}
