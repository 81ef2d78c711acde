package cli

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"tokmeter/internal/cli/shell"
)

// raw finds a character that moves a terminal's cursor or changes its state.
func raw(text string) (at string, found bool) {
	i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) })
	if i < 0 {
		return "", false
	}
	return fmt.Sprintf("%q", text[max(i-20, 0):min(i+20, len(text))]), true
}

// TestForeignNames: what a server calls its model, and what it says, reaches the
// terminal as text, in the run and in a report of it.
func TestForeignNames(t *testing.T) {
	w := newWorld(t)
	name := "evil\x1b[2J\x1b]0;title\x07\u009b31m\rname\nResult saved to nowhere"
	quoted, err := json.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	s := newFaultServer(t, map[string]answer{
		"GET /v1/models": status(200, `{"data":[{"id":`+string(quoted)+`,"root":`+string(quoted)+`}]}`),
		"POST /v1/completions": func(c net.Conn, n int, q asked) bool {
			if n == 2 {
				return status(500, `{"error":{"message":`+string(quoted)+`}}`)(c, n, q)
			}
			return good()(c, n, q)
		},
	})
	got := w.run("bench", "serve", "--base-url", s.url(), "--num-prompts", "4", "--max-concurrency", "1", "--no-live", "--random-input-len", "8",
		"--record-dir", w.path("record"), "--save-result", "--result-dir", w.path("results"))
	again := w.run("report", w.path("record"))
	for where, text := range map[string]string{"stdout": got.stdout, "stderr": got.stderr, "report": again.stdout, "report's stderr": again.stderr} {
		if at, found := raw(text); found {
			t.Errorf("%s has a control character at %s", where, at)
		}
		if strings.Contains(text, "\nResult saved to nowhere") {
			t.Errorf("%s has a line of the server's", where)
		}
	}
	got.want(t, shell.ExitOK, "First model name: evil [2J", "request 2")
	files, err := filepath.Glob(w.path("results/*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got the results %q, %v", files, err)
	}
	if at, found := raw(filepath.Base(files[0])); found || strings.Contains(files[0], "\n") {
		t.Errorf("the file's name has a control character at %s", at)
	}
}

// TestModelFile: a model that is a file, such as llama.cpp's, is no tokenizer,
// and the run goes on without one.
func TestModelFile(t *testing.T) {
	gguf := func(w *world) string { return w.write("x.gguf", "GGUF\x03\x00\x00\x00 no JSON") }
	t.Run("that the user names", func(t *testing.T) {
		w := newWorld(t)
		s := goodServer(t)
		got := w.serve(s.url(), "--model", gguf(w), "--served-model-name", "m")
		got.want(t, shell.ExitOK, "x.gguf is a file and no tokenizer (name one with --tokenizer)")
	})
	t.Run("that the server names", func(t *testing.T) {
		w := newWorld(t)
		path := gguf(w)
		s := newFaultServer(t, map[string]answer{"GET /v1/models": status(200, `{"data":[{"id":"m","root":"`+path+`"}]}`), "POST /v1/completions": good()})
		got := w.run("bench", "serve", "--base-url", s.url(), "--num-prompts", "2", "--no-live", "--random-input-len", "8", "--record-dir", w.path("record"))
		got.want(t, shell.ExitOK, "the server names its model by the path", "which is not read (name the tokenizer with --tokenizer)")
	})
	t.Run("a file that is no model", func(t *testing.T) {
		w := newWorld(t)
		secret := w.write("secret.json", `{"a secret": true}`)
		s := newFaultServer(t, map[string]answer{"GET /v1/models": status(200, `{"data":[{"id":"m","root":"`+secret+`"}]}`), "POST /v1/completions": good()})
		got := w.run("bench", "serve", "--base-url", s.url(), "--num-prompts", "2", "--no-live", "--random-input-len", "8", "--no-record")
		got.want(t, shell.ExitOK, "which is not read")
		if strings.Contains(got.stdout+got.stderr, "a secret") {
			t.Error("the file was read")
		}
	})
	t.Run("a tokenizer that is none", func(t *testing.T) {
		w := newWorld(t)
		s := goodServer(t)
		w.serve(s.url(), "--tokenizer", gguf(w)).want(t, shell.ExitUsage, "--tokenizer: ")
	})
	t.Run("a name with NUL", func(t *testing.T) {
		w := newWorld(t)
		s := goodServer(t)
		got := w.serve(s.url(), "--result-filename", w.path("a\x00b.json"))
		got.want(t, shell.ExitUsage, "result file ", "choose another --result-filename")
		if n := len(s.questions("POST /v1/completions")); n > 0 {
			t.Errorf("%d requests were sent before", n)
		}
		if _, err := os.Stat(w.path("record")); err == nil {
			t.Error("it left a run directory")
		}
	})
}
