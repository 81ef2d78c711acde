package cli

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/cli/shell"
)

// interruptible makes the world's interrupts come by hand.
func (w *world) interruptible() *world {
	w.interrupts = make(chan os.Signal, 2)
	return w
}

// await waits until the server was asked n times for a path.
func (s *faultServer) await(t *testing.T, path string, n int) {
	t.Helper()
	for range 1000 {
		if len(s.questions(path)) >= n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s was not asked %d times: %v", path, n, s.all())
}

// slowly answers with a token at once and the rest after d.
func slowly(d time.Duration) answer {
	return func(c net.Conn, _ int, _ asked) bool {
		_, _ = io.WriteString(c, streamHead+events(someText))
		time.Sleep(d)
		_, err := io.WriteString(c, events(lastText, usageIs, "[DONE]")+"0\r\n\r\n")
		return err == nil
	}
}

// TestInterruptDrains: the first interrupt lets what is under way end, and
// reports what was measured.
func TestInterruptDrains(t *testing.T) {
	w := newWorld(t).interruptible()
	s := newFaultServer(t, map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": slowly(600 * time.Millisecond)})
	ended := w.start(w.serveArgs(s.url(), "--num-prompts", "1000", "--request-rate", "20")...)
	s.await(t, "POST /v1/completions", 4)
	w.interrupts <- os.Interrupt
	got := <-ended
	got.want(t, shell.ExitInterrupted, "tokmeter: interrupted: waiting up to 30 s for ", "the run ended early (interrupted)",
		"Successful requests: ", "Failed requests:                         0  ", "Result saved to ", "of 1000 requests were sent, ")
	res := w.result()
	if n := res["completed"].(float64); n < 4 || n > 100 || res["ended"] != "interrupted" {
		t.Errorf("got %v completed and ended %q", n, res["ended"])
	}
	w.run("report", w.path("record")).want(t, shell.ExitOK, "the run ended early (interrupted)")
}

// TestInterruptCuts: the second interrupt cuts what is under way, and still
// reports.
func TestInterruptCuts(t *testing.T) {
	w := newWorld(t).interruptible()
	s := newFaultServer(t, map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": nil})
	ended := w.start(w.serveArgs(s.url(), "--num-prompts", "6", "--max-concurrency", "3")...)
	s.await(t, "POST /v1/completions", 3)
	w.interrupts <- os.Interrupt
	select {
	case got := <-ended:
		t.Fatalf("ended at the first interrupt:\n%s%s", got.stdout, got.stderr)
	case <-time.After(200 * time.Millisecond):
	}
	w.interrupts <- os.Interrupt
	got := <-ended
	got.want(t, shell.ExitInterrupted, "Failed requests:                         6  ", "cancelled", "Result saved to ")
	if got.took > 5*time.Second {
		t.Errorf("took %v", got.took)
	}
	if out := w.result()["outcomes"].(map[string]any); out["cancelled"] != 6.0 {
		t.Errorf("got outcomes %v, want 6 cancelled", out)
	}
}

// TestInterruptAnywhere: wherever a run is, an interrupt ends it with its exit
// code, and a run that had not begun leaves nothing.
func TestInterruptAnywhere(t *testing.T) {
	tests := []struct {
		name, at string // the path that is asked when the interrupt comes
		n        int
		hangs    string // the path that hangs
		args     []string
		reported bool // something was measured
	}{
		{"asking for the models", "GET /v1/models", 1, "GET /v1/models", nil, false},
		{"aligning prompts", "POST /tokenize", 1, "POST /tokenize", nil, false},
		{"cutting prompts", "POST /tokenize", 1, "POST /tokenize", []string{"--dataset-name", "sharegpt", "--dataset-path", "../../testdata/sharegpt.json"}, false},
		{"the ready check", "POST /v1/completions", 1, "POST /v1/completions", []string{"--ready-check-timeout-sec", "50"}, false},
		{"the warm-up", "POST /v1/completions", 1, "POST /v1/completions", []string{"--num-warmups", "3"}, false},
		{"a wrong model", "POST /v1/completions", 1, "POST /v1/completions", []string{"--model", "x"}, false},
		{"starting the profiler", "POST /start_profile", 1, "POST /start_profile", []string{"--profile"}, true},
		{"stopping the profiler", "POST /stop_profile", 1, "POST /stop_profile", []string{"--profile"}, true},
		{"a schedule with long gaps", "POST /v1/completions", 1, "", []string{"--request-rate", "0.02", "--num-prompts", "100", "--num-warmups", "1"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t).interruptible()
			answers := map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": good(), "POST /start_profile": status(200, "")}
			if tt.hangs != "" {
				answers[tt.hangs] = nil
			}
			s := newFaultServer(t, answers)
			ended := w.start(w.serveArgs(s.url(), tt.args...)...)
			s.await(t, tt.at, tt.n)
			if tt.hangs == "" {
				time.Sleep(300 * time.Millisecond)
			}
			w.interrupts <- os.Interrupt
			got := <-ended
			got.want(t, shell.ExitInterrupted, "tokmeter: interrupted")
			wantOneLine(t, got)
			if got.took > 5*time.Second {
				t.Errorf("took %v", got.took)
			}
			if tt.reported != strings.Contains(got.stdout, "Serving Benchmark Result") {
				t.Errorf("reported: want %v in\n%s", tt.reported, got.stdout)
			}
			if !tt.reported {
				w.wantNothing("record", "result.json")
			}
		})
	}
	t.Run("counting answers", func(t *testing.T) {
		w := newWorld(t).interruptible()
		answers := map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": says(streamHead + events(someText, lastText, "[DONE]") + "0\r\n\r\n")}
		over := t.Context().Done()
		answers["POST /tokenize"] = func(c net.Conn, n int, q asked) bool {
			if n == 0 {
				return status(404, "")(c, n, q)
			}
			<-over
			return false
		}
		s := newFaultServer(t, answers)
		ended := w.start(w.serveArgs(s.url())...)
		s.await(t, "POST /tokenize", 2)
		w.interrupts <- os.Interrupt
		got := <-ended
		got.want(t, shell.ExitInterrupted, "Successful requests:                     3  ", "counted 0 of 3 answers", "Result saved to ")
	})
	t.Run("a download", func(t *testing.T) {
		for name, args := range map[string][]string{
			"a tokenizer": {"--model", "org/name"},
			"a dataset":   {"--model", "m", "--dataset-name", "sharegpt"},
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t).interruptible()
				path := "HEAD /org/name/resolve/main/tokenizer.json"
				if name == "a dataset" {
					path = "HEAD /datasets/anon8231489123/ShareGPT_Vicuna_unfiltered/resolve/main/ShareGPT_V3_unfiltered_cleaned_split.json"
				}
				hub := newFaultServer(t, map[string]answer{path: nil})
				w.env["HF_HUB_OFFLINE"], w.env["HF_ENDPOINT"] = "", hub.url()
				s := goodServer(t)
				ended := w.start(append([]string{"bench", "serve", "--base-url", s.url(), "--record-dir", w.path("record")}, args...)...)
				hub.await(t, path, 1)
				w.interrupts <- os.Interrupt
				got := <-ended
				got.want(t, shell.ExitInterrupted, "tokmeter: interrupted")
				wantOneLine(t, got)
				w.wantNothing("record")
				if s.connections() != 0 {
					t.Error("the server was asked")
				}
			})
		}
	})
}
