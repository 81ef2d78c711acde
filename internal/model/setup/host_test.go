package setup

import (
	"math"
	"strings"
	"testing"

	"tokmeter/internal/model/roofline"
)

func TestHostProfiles(t *testing.T) {
	host := func(name string, ms *float64) (seconds float64, notes string) {
		t.Helper()
		b, err := Setup{Model: "llama-3-8b", GPU: "h200", HostProfile: name, HostMs: ms}.Build()
		if err != nil {
			t.Fatal(err)
		}
		return b.Machine.Step([]roofline.Seq{{Tokens: 1, Context: 100, Samples: true}}).Host, strings.Join(b.Notes, "\n")
	}
	plain, _ := host("", nil)
	ms := 4.0
	for _, c := range []struct {
		why, name string
		ms        *float64
		want      float64
	}{
		{"the one that times were fitted to", "typical", nil, plain},
		{"less work a step", "fast", nil, 0.8 * plain},
		{"more work a step", "slow", nil, 2.3 * plain},
		{"a time that the user names is the user's", "slow", &ms, 4e-3},
	} {
		got, notes := host(c.name, c.ms)
		if math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: host %s takes %v s, want %v", c.why, c.name, got, c.want)
		}
		if !strings.Contains(notes, "host "+c.name+": ") {
			t.Errorf("%s: no note tells of host %s: %s", c.why, c.name, notes)
		}
	}
	_, err := Setup{Model: "llama-3-8b", GPU: "h200", HostProfile: "quick"}.Build()
	if err == nil || !strings.Contains(err.Error(), `host "quick": want one of typical, fast, slow`) {
		t.Errorf("a host that is not known: got %v", err)
	}
}
