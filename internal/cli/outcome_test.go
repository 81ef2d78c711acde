package cli

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/cli/shell"
)

// TestOutcomes: what a server can do wrong, what it is called, and that the
// result is written all the same.
func TestOutcomes(t *testing.T) {
	long := strings.Repeat("ä", 300) // 600 bytes
	streamError := `{"error":{"message":"out of memory","type":"ServerError","code":500}}`
	tests := []struct {
		name, outcome string
		reply         answer // nil hangs
		says          string // what errors hold
	}{
		{"a reset before the headers", "reset", saysAndCuts(""), "reset by peer"},
		{"an end before the headers", "reset", saysAndCloses(""), "closed the connection without an answer"},
		{"an end inside the headers", "reset", saysAndCloses("HTTP/1.1 200 OK\r\nContent-"), "in the middle of the headers"},
		{"no answer in time", "timeout", nil, "time limit"},
		{"no end in time, with tokens", "timeout", says(streamHead + events(someText)), "time limit"},
		{"no end in time, while tokens flow", "timeout", dripping(), "time limit"},
		{"a status", "http_error", status(503, `{"error": "overloaded"}`), `{"error": "overloaded"}`},
		{"a status without words", "http_error", status(502, ""), "502"},
		{"a long page", "http_error", status(500, long), long[:500]},
		{"an error object in the stream", "stream_error", says(streamHead + events(someText, streamError) + "0\r\n\r\n"), "out of memory"},
		{"an error object alone", "stream_error", says(streamHead + events(streamError, "[DONE]") + "0\r\n\r\n"), "out of memory"},
		{"an end after a token", "cut_short", saysAndCloses(streamHead + events(someText)), "middle of the answer"},
		{"a reset after a token", "cut_short", saysAndCuts(streamHead + events(someText)), "reset by peer"},
		{"usage but no finish reason", "cut_short", says(streamHead + events(someText, usageIs) + "0\r\n\r\n"), "finish reason"},
		{"no token", "empty", says(streamHead + events("[DONE]") + "0\r\n\r\n"), "without a token"},
		{"no event", "cut_short", says(streamHead + "0\r\n\r\n"), "without a token, a finish reason or [DONE]"},
		{"no stream", "bad_stream", status(200, `{"choices":[{"text":"hi"}]}`), `its Content-Type is "application/json": {"choices"`},
		{"broken JSON", "bad_stream", says(streamHead + events("{nonsense") + "0\r\n\r\n"), "{nonsense"},
		{"a bad chunk size", "bad_stream", says(streamHead + "zz\r\n"), "bad chunk size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			s := newFaultServer(t, map[string]answer{"GET /v1/models": models("m"), "POST /v1/completions": tt.reply})
			got := w.serve(s.url(), "--request-timeout-sec", "0.4", "--verbose")
			got.want(t, shell.ExitFailed, "tokmeter: no request succeeded, the first failed with "+tt.outcome, "Result saved to ")
			wantOneLine(t, got)
			row := fmt.Sprintf("%6d  %-13s", 3, tt.outcome)
			if !strings.Contains(got.stdout, row) {
				t.Errorf("the table of failures lacks %q:\n%s", row, got.stdout)
			}
			res := w.result()
			if n := res["outcomes"].(map[string]any)[tt.outcome]; n != 3.0 {
				t.Errorf("outcomes: got %v, want 3 %s", res["outcomes"], tt.outcome)
			}
			if res["completed"] != 0.0 || res["failed"] != 3.0 {
				t.Errorf("got %v completed and %v failed, want 0 and 3", res["completed"], res["failed"])
			}
			for i, e := range res["errors"].([]any) {
				if !strings.Contains(e.(string), tt.says) || len(e.(string)) > 600 {
					t.Errorf("errors[%d]: got %q, want it with %q", i, e, tt.says)
				}
			}
			if n := len(s.questions("POST /v1/completions")); n != 3 {
				t.Errorf("the server was asked %d times, want 3: nothing is tried again", n)
			}
		})
	}
}

// wantOneLine wants one line of an error after warnings and progress.
func wantOneLine(t *testing.T, got ran) {
	t.Helper()
	n := 0
	for l := range strings.Lines(got.stderr) {
		if !strings.HasPrefix(l, "tokmeter: warning: ") && !strings.HasPrefix(l, "tokmeter: not ready: ") {
			n++
		}
	}
	if n != 1 || strings.Contains(got.stderr, "goroutine ") {
		t.Errorf("want one line that is no warning on stderr, got\n%s", got.stderr)
	}
}

// TestMixedOutcomes: the table says what became of each request, and where most
// failed the exit code is not 0.
func TestMixedOutcomes(t *testing.T) {
	w := newWorld(t)
	s := newFaultServer(t, map[string]answer{
		"GET /v1/models": models("m"),
		"POST /v1/completions": func(c net.Conn, n int, q asked) bool {
			return []answer{good(), status(500, "boom"), saysAndCloses(streamHead + events(someText)), good(), status(500, "boom")}[n](c, n, q)
		},
	})
	got := w.serve(s.url(), "--num-prompts", "5", "--max-concurrency", "1", "--verbose")
	got.want(t, shell.ExitFailed, "Successful requests:                     2  ", "Failed requests:                         3  ",
		"     2  http_error    500     request 1: HTTP 500 Internal Server Error: boom", "     1  cut_short     200     request 2: ")
	out := w.result()["outcomes"].(map[string]any)
	if out["ok"] != 2.0 || out["http_error"] != 2.0 || out["cut_short"] != 1.0 {
		t.Errorf("got outcomes %v", out)
	}
}

// TestServerDies: a server that goes away in the middle of a run fails its
// requests under way, refuses the later ones, and holds nothing up.
func TestServerDies(t *testing.T) {
	w := newWorld(t)
	var s *faultServer
	s = newFaultServer(t, map[string]answer{
		"GET /v1/models": models("m"),
		"POST /v1/completions": func(c net.Conn, n int, q asked) bool {
			if n < 3 {
				return good()(c, n, q)
			}
			if n == 4 {
				time.AfterFunc(20*time.Millisecond, s.die) // the tokens arrive first
			}
			return says(streamHead+events(someText))(c, n, q)
		},
	})
	got := w.serve(s.url(), "--num-prompts", "12", "--request-rate", "40")
	got.want(t, shell.ExitFailed, "Successful requests:                     3  ", "Failed requests:                         9  ",
		"9 of 12 requests failed, most of them with ")
	out := w.result()["outcomes"].(map[string]any)
	if cut, gone := out["cut_short"].(float64), out["refused"].(float64)+out["reset"].(float64); cut < 1 || gone < 1 || cut+gone != 9 {
		t.Errorf("got outcomes %v, want 9 cut short, refused or reset", out)
	}
}

// TestUnreachable: nobody listens.
func TestUnreachable(t *testing.T) {
	t.Run("a model is named", func(t *testing.T) {
		w := newWorld(t)
		got := w.serve(deadURL(t))
		got.want(t, shell.ExitUnreachable, "could not be reached: dial tcp 127.0.0.1:", "connection refused (is the server running, and are --base-url, --host and --port right?)", "Result saved to ")
		wantOneLine(t, got)
		if out := w.result()["outcomes"].(map[string]any); out["refused"] != 3.0 {
			t.Errorf("got outcomes %v, want 3 refused", out)
		}
		w.run("report", w.path("record"), "--verbose").want(t, shell.ExitOK, "     3  refused ")
	})
	t.Run("no model is named", func(t *testing.T) {
		w := newWorld(t)
		got := w.run("bench", "serve", "--base-url", deadURL(t), "--record-dir", w.path("record"))
		got.want(t, shell.ExitUnreachable, "connection refused (is the server running")
		wantOneLine(t, got)
		w.wantNothing("record")
	})
	t.Run("a long schedule is given up", func(t *testing.T) {
		w := newWorld(t)
		got := w.serve(deadURL(t), "--num-prompts", "1000", "--request-rate", "0.01")
		got.want(t, shell.ExitUnreachable, "connection refused (is the server running", "the run ended early (server unreachable)")
		if w.result()["ended"] != "server unreachable" {
			t.Errorf("ended: got %v", w.result()["ended"])
		}
	})
	t.Run("a proxy that is not there", func(t *testing.T) {
		w := newWorld(t)
		w.env["http_proxy"] = deadURL(t)
		w.serve("http://model.invalid:8000").want(t, shell.ExitUnreachable, "connection refused (the proxy is that of HTTP_PROXY")
	})
}

// deadURL is the URL of a port that nobody listens at.
func deadURL(t *testing.T) string {
	s := newFaultServer(t, nil)
	s.close()
	return s.url()
}

// wantNothing wants that there is no such file or folder.
func (w *world) wantNothing(names ...string) {
	w.t.Helper()
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(w.dir, name)); err == nil {
			w.t.Errorf("%s was left", name)
		}
	}
}
