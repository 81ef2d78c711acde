package sim

import (
	"strings"
	"testing"
	"time"

	"tokmeter/internal/sim/api"
)

// TestSettings changes what can be changed at run time.
func TestSettings(t *testing.T) {
	s := tiny(t, nil)
	header := map[string]string{"Content-Type": "application/json"}
	for _, tc := range []struct {
		body, want string
		status     int
		why        string
	}{
		{`{"eos":0.25}`, `{"simulated":true,"eos":0.25,"faults":"","fault_rules":0}`, 200, "one setting"},
		{`{"faults":"429:1"}`, `{"simulated":true,"eos":0.25,"faults":"429:1","fault_rules":1}`, 200, "the other stays"},
		{`{"eos":1}`, "", 400, "answers without a token"},
		{`{"faults":"nonsense"}`, "", 400, "no fault of that name"},
		{`{"host_ms":3}`, "", 400, "the engine is made"},
		{`{`, "", 400, "no JSON"},
	} {
		got, _ := send(t, s, exchange{Method: "POST", Path: "/sim/config", Body: tc.body, Headers: header})
		if got.Status != tc.status || tc.want != "" && got.Answer != tc.want {
			t.Errorf("%s: %s: got %d %s, want %d %s", tc.why, tc.body, got.Status, got.Answer, tc.status, tc.want)
		}
	}
	answer := func() int {
		got, _ := send(t, s, exchange{Method: "POST", Path: api.PathCompletions, Body: `{"prompt":"a","max_tokens":1}`, Headers: header})
		return got.Status
	}
	if got := answer(); got != 429 {
		t.Errorf("with faults: got %d, want 429", got)
	}
	send(t, s, exchange{Method: "POST", Path: "/sim/config", Body: `{"faults":""}`, Headers: header})
	if got := answer(); got != 200 {
		t.Errorf("without faults again: got %d, want 200", got)
	}
	for path, want := range map[string]string{"/sim/sol?input=100&output=10": `"simulated":true`, "/sim/state?steps=1": `"trace":[{"step":0,`,
		"/sim/sol?input=0": "greater than or equal to 1"} {
		got, _ := send(t, s, exchange{Method: "GET", Path: path})
		for range 100 { // a step is told after its tokens were written
			if strings.Contains(got.Answer, want) {
				break
			}
			time.Sleep(5 * time.Millisecond)
			got, _ = send(t, s, exchange{Method: "GET", Path: path})
		}
		if !strings.Contains(got.Answer, want) {
			t.Errorf("%s: got %d %s, want %s in it", path, got.Status, got.Answer, want)
		}
	}
}
