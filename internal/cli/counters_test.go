package cli

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"tokmeter/internal/cli/shell"
)

// counting answers /metrics with counters that grow from one question to the
// next.
func counting(c net.Conn, n int, q asked) bool {
	const form = "vllm:spec_decode_num_drafts_total{} %d\nvllm:spec_decode_num_draft_tokens_total{} %d\nvllm:spec_decode_num_accepted_tokens_total{} %d\n"
	return status(200, fmt.Sprintf(form, 10+40*n, 30+120*n, 12+60*n))(c, n, q)
}

// TestCounters: what the server counts of speculation stands in the block, in
// the result and in the run directory.
func TestCounters(t *testing.T) {
	w := newWorld(t)
	s := newFaultServer(t, map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": good(), "GET /metrics": counting})
	rows := []string{
		"---------------Speculative Decoding---------------\n",
		"Acceptance rate (%):                     50.00     \n",
		"Acceptance length:                       2.50      \n",
		"Accepted tokens:                         60        \n",
	}
	w.serve(s.url(), "--header", "X-A=b").want(t, shell.ExitOK, rows...)
	if got := w.result()["spec_decode_num_drafts"]; got != 40.0 {
		t.Errorf("spec_decode_num_drafts is %v, want 40", got)
	}
	w.run("report", w.path("record")).want(t, shell.ExitOK, rows...)
	for _, q := range s.questions("GET /metrics") {
		if q.Header.Get("X-A") != "b" {
			t.Error("/metrics was asked without the headers")
		}
	}
}

// TestNoCounters: a server that counts nothing of the kind is asked once.
func TestNoCounters(t *testing.T) {
	w := newWorld(t)
	s := newFaultServer(t, map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": good(), "GET /metrics": status(200, "vllm:num_requests_running 1\n")})
	w.serve(s.url()).want(t, shell.ExitOK)
	if n := len(s.questions("GET /metrics")); n != 1 {
		t.Errorf("/metrics was asked %d times, want once", n)
	}
	if _, ok := w.result()["spec_decode_num_drafts"]; ok {
		t.Error("the result speaks of speculation")
	}
}

// TestProfilerLines: the profiler stops with the last answer, and its lines
// stand behind the numbers.
func TestProfilerLines(t *testing.T) {
	w := newWorld(t)
	s := newFaultServer(t, map[string]answer{
		"GET /v1/models": models("m"), "POST /v1/completions": good(),
		"POST /start_profile": status(200, ""), "POST /stop_profile": status(200, ""),
	})
	got := w.serve(s.url(), "--profile")
	got.want(t, shell.ExitOK)
	var lines []string
	for _, l := range masked(got.stdout, strings.NewReplacer()) {
		if slices.Contains([]string{"Starting profiler...", "Profiler started", "Traffic request rate: inf", "Successful requests:                     #", "Stopping profiler...", "Profiler stopped"}, l) {
			lines = append(lines, l)
		}
	}
	want := []string{"Starting profiler...", "Profiler started", "Traffic request rate: inf", "Successful requests:                     #", "Stopping profiler...", "Profiler stopped"}
	if !slices.Equal(lines, want) {
		t.Errorf("got %q, want %q", lines, want)
	}
}
