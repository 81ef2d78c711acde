package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/sim"
	"tokmeter/internal/sim/fault"
)

// A seen is what bench serve must say of a faulty server: how many requests had
// which outcome, which warnings there are beyond those of a healthy server, and
// what else the result holds.
type seen struct {
	spec     string
	outcome  string // default: ok
	said     string // in the output
	warnings []string
	check    func(t *testing.T, r map[string]any)
}

// slow wants that a number of the result is at least least, in its unit.
func slow(key string, least float64) func(*testing.T, map[string]any) {
	return func(t *testing.T, r map[string]any) {
		t.Helper()
		if got, ok := r[key].(float64); !ok || got < least {
			t.Errorf("%s: got %v, want at least %v", key, r[key], least)
		}
	}
}

// paused wants a gap of so many seconds in every answer.
func paused(least float64) func(*testing.T, map[string]any) {
	return func(t *testing.T, r map[string]any) {
		t.Helper()
		for _, gaps := range r["itls"].([]any) {
			longest := 0.0
			for _, gap := range gaps.([]any) {
				longest = max(longest, gap.(float64))
			}
			if longest < least {
				t.Errorf("longest gap: got %v s, want at least %v", longest, least)
			}
		}
	}
}

// is wants that a number of the result is what it should be.
func is(key string, want float64) func(*testing.T, map[string]any) {
	return func(t *testing.T, r map[string]any) {
		t.Helper()
		if got, ok := r[key].(float64); !ok || got != want {
			t.Errorf("%s: got %v, want %v", key, r[key], want)
		}
	}
}

// recounted wants that the tokens were counted by another than usage, and that
// they are as many: what the simulator says comes back with its count.
func recounted(t *testing.T, r map[string]any) {
	t.Helper()
	is("total_output_tokens", 24)(t, r)
	if from := r["token_source"].(map[string]any); len(from) == 0 || from["usage"] != nil {
		t.Errorf("token_source: got %v, want one that is not usage", from)
	}
}

// faultsSeen has every fault that the simulator can make. Each of three requests
// asks for eight tokens.
func faultsSeen() []seen {
	return []seen{
		{spec: "none", check: is("total_output_tokens", 24)},
		{spec: "400", outcome: "http_error", said: "maximum context length"},
		{spec: "401", outcome: "http_error", said: "Unauthorized"},
		{spec: "429=7s", outcome: "http_error", said: "Too many requests (simulated)"},
		{spec: "500", outcome: "http_error", said: "Internal server error (simulated)"},
		{spec: "503", outcome: "http_error", said: "not ready (simulated)"},
		{spec: "reset_before_headers", outcome: "reset"},
		{spec: "reset_mid_stream=3", outcome: "cut_short"},
		{spec: "stall=300ms,after=3", check: paused(0.29)},
		{spec: "slow_headers=300ms", check: slow("mean_ttft_ms", 290)},
		{spec: "truncate=3", outcome: "cut_short"},
		{spec: "truncate", check: is("total_output_tokens", 24)}, // the finish reason says that it is whole
		{spec: "merge=4", check: is("total_output_tokens", 24), warnings: []string{"bundled_tokens"}},
		{spec: "empty_delta=2", check: is("total_output_tokens", 24)},
		{spec: "heartbeat=2", check: is("total_output_tokens", 24)},
		{spec: "split_utf8=5ms", check: is("total_output_tokens", 24)},
		{spec: "no_usage", check: recounted},
		{spec: "wrong_usage=5", check: is("total_output_tokens", 39), warnings: []string{"output_length", "unstreamed_tokens"}},
		{spec: "duplicate_ids", check: is("total_output_tokens", 24)},
		{spec: "close_delimited", check: is("total_output_tokens", 24)},
		{spec: "clock_skew=-1h", check: is("total_output_tokens", 24)},
	}
}

// TestFaultsSeen: every fault of the simulator, asked for by header and by flag,
// over completions and chat, is named by bench serve or does it no harm.
func TestFaultsSeen(t *testing.T) {
	tests := faultsSeen()
	for _, line := range fault.Help() {
		name, _, _ := strings.Cut(line[0], "=")
		if !slices.ContainsFunc(tests, func(s seen) bool { return s.spec == name || strings.HasPrefix(s.spec, name+"=") }) {
			t.Errorf("the fault %s is not tried", name)
		}
	}
	for i, tt := range tests {
		for _, backend := range []string{"openai", "openai-chat"} {
			how := "header"
			if (i%2 == 0) == (backend == "openai") {
				how = "flag"
			}
			t.Run(fmt.Sprintf("%s by %s, %s", tt.spec, how, backend), func(t *testing.T) {
				w := newWorld(t)
				o := sim.Options{Fixed: &sim.Spec{TTFT: 20 * time.Millisecond, ITL: itl, Model: "m"}}
				args := []string{"--backend", backend, "--random-output-len", "8", "--ignore-eos"}
				if backend == "openai-chat" {
					args = append(args, "--endpoint", "/v1/chat/completions")
				}
				if how == "flag" {
					set, err := fault.Parse(tt.spec)
					if err != nil {
						t.Fatal(err)
					}
					o.Faults = set
				} else {
					args = append(args, "--header", fault.Header+"="+tt.spec)
				}
				tt.match(t, w, serveInTime(t, w, o, args))
			})
		}
	}
}

// itl is the time between tokens of the simulator that makes faults.
const itl = 20 * time.Millisecond

// serveInTime measures a simulator at set times. Where the machine kept it from
// writing a token before the next was due it has merged the two, as vLLM does, and
// what it says is another answer: it is asked again.
func serveInTime(t *testing.T, w *world, o sim.Options, args []string) ran {
	t.Helper()
	for try := 0; ; try++ {
		s, err := sim.Start(o)
		if err != nil {
			t.Fatal(err)
		}
		got := w.serve(s.URL(), args...)
		s.Close()
		var state struct {
			Simulator struct {
				Last struct {
					Max float64 `json:"max_ms"`
				} `json:"last_late"`
			} `json:"simulator"`
		}
		if b, err := os.ReadFile(w.path("result.json")); err != nil {
			t.Fatal(err)
		} else if err := json.Unmarshal(b, &state); err != nil {
			t.Fatal(err)
		}
		if state.Simulator.Last.Max < float64(itl.Milliseconds()) || try == 20 {
			return got
		}
		for _, left := range []string{"result.json", "record"} {
			if err := os.RemoveAll(w.path(left)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// match compares what a run left with what should be seen.
func (s seen) match(t *testing.T, w *world, got ran) {
	t.Helper()
	outcome := s.outcome
	if outcome == "" {
		outcome = "ok"
	}
	code := shell.ExitOK
	if outcome != "ok" {
		code = shell.ExitFailed
	}
	got.want(t, code, s.said)
	r := w.result()
	if n := r["outcomes"].(map[string]any)[outcome]; n != 3.0 {
		t.Errorf("outcomes: got %v, want 3 %s\n%s", r["outcomes"], outcome, got.stdout)
	}
	var warned []string
	for _, x := range r["warnings"].([]any) {
		code := x.(map[string]any)["code"].(string)
		if !slices.Contains([]string{"tokenizer", "prompt_length", "no_success", "few_requests", "client_lag", "late", "simulator_late", "shared_reads", "reader_clock", "failures", "rate_not_delivered"}, code) {
			warned = append(warned, code)
		}
	}
	slices.Sort(warned)
	if !slices.Equal(warned, s.warnings) {
		t.Errorf("warnings: got %v, want %v", warned, s.warnings)
	}
	if s.check != nil {
		s.check(t, r)
	}
}
