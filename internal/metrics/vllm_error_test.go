package metrics

import (
	"testing"

	"tokmeter/internal/plan"
	"tokmeter/internal/record"
)

// TestErrorsAsVLLM has the words of vLLM's request functions.
func TestErrorsAsVLLM(t *testing.T) {
	const failed = "This response will be marked as failed!"
	for _, c := range []struct {
		why     string
		backend string
		outcome record.Outcome
		status  int
		framed  bool
		events  []record.Stamp
		want    string
	}{
		{"no chunk came", "openai", record.Empty, 200, true, nil, "Never received a valid chunk to calculate TTFT." + failed},
		{"an error alone", "openai-chat", record.StreamError, 200, true, nil, "Never received a valid chunk to calculate TTFT." + failed},
		{"a failed status", "openai", record.HTTPError, 429, true, nil, "Too Many Requests"},
		{"an exception", "openai", record.BadStream, 200, true, nil, "own words"},
		{"a connection that broke", "openai", record.Reset, 0, false, nil, "own words"},
		{"no delta", "openai-responses", record.Empty, 200, true, nil, "Never received a token delta to calculate TTFT." + failed},
		{"no end", "openai-responses", record.CutShort, 200, true, []record.Stamp{5}, "Stream ended without a terminal event." + failed},
		{"an error event", "openai-responses", record.StreamError, 200, true, []record.Stamp{5}, "own words"},
		{"a success", "openai", record.CutShort, 200, true, []record.Stamp{5}, ""},
	} {
		p := plan.Plan{Compat: "vllm"}
		p.Target.Backend = c.backend
		r := &record.Record{Outcome: c.outcome, Events: c.events, Err: "own words", Text: "text"}
		r.Status, r.Framed = c.status, c.framed
		v := ViewOf(p)
		if got := v.Error(r); got != c.want {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
		keeps := c.backend == "openai-responses" || c.want == ""
		if got := v.Text(r) != ""; got != keeps {
			t.Errorf("%s: keeps its text: %v, want %v", c.why, got, keeps)
		}
	}
}
