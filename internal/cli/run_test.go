package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A world is a fake outside world with folders of its own. The hub is switched
// off, so that no test asks the network.
type world struct {
	t          *testing.T
	dir        string
	env        map[string]string
	interrupts chan os.Signal
}

func newWorld(t *testing.T) *world {
	t.Parallel()
	dir := t.TempDir()
	return &world{t: t, dir: dir, env: map[string]string{"HF_HUB_OFFLINE": "1", "HF_HOME": filepath.Join(dir, "hf")}}
}

// path is a file in the world's folder.
func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// write makes a file and returns its path.
func (w *world) write(name, content string) string {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
	return w.path(name)
}

// A ran is what a command left.
type ran struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// hangsAfter is how long any command of these tests may take.
const hangsAfter = 60 * time.Second

// run runs a command to its end, which must come.
func (w *world) run(args ...string) ran {
	w.t.Helper()
	got := <-w.start(args...)
	return got
}

// start runs a command beside the test.
func (w *world) start(args ...string) <-chan ran {
	w.t.Helper()
	env, stdout, stderr := fakeEnv(args...)
	env.Getenv = func(name string) string { return w.env[name] }
	env.Now = time.Now
	if w.interrupts != nil {
		env.Interrupts = func() (<-chan os.Signal, func()) { return w.interrupts, func() {} }
	}
	ended := make(chan ran, 1)
	began := time.Now()
	late := time.AfterFunc(hangsAfter, func() { panic("tokmeter " + strings.Join(args, " ") + " hangs") })
	go func() {
		code := Main(env)
		late.Stop()
		ended <- ran{code, stdout.String(), stderr.String(), time.Since(began)}
	}()
	return ended
}

// serve runs bench serve on a server, with its result and records in the
// world's folder.
func (w *world) serve(url string, args ...string) ran {
	w.t.Helper()
	return w.run(w.serveArgs(url, args...)...)
}

func (w *world) serveArgs(url string, args ...string) []string {
	return append([]string{"bench", "serve", "--model", "m", "--base-url", url, "--num-prompts", "3",
		"--random-input-len", "8", "--random-output-len", "4", "--no-live",
		"--save-result", "--save-detailed", "--result-filename", w.path("result.json"), "--record-dir", w.path("record")}, args...)
}

// read reads a file of the world's folder.
func (w *world) read(name string) string {
	w.t.Helper()
	b, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// result reads the result file.
func (w *world) result() map[string]any {
	w.t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal([]byte(w.read("result.json")), &m); err != nil {
		w.t.Fatalf("result.json: %v\n%s", err, w.read("result.json"))
	}
	return m
}

// want fails the test unless the command ended with code and said each of the
// texts on the stream.
func (r ran) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Fatalf("got exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", r.code, code, r.stdout, r.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(r.stdout+r.stderr, text) {
			t.Errorf("want %q in the output\nstdout:\n%s\nstderr:\n%s", text, r.stdout, r.stderr)
		}
	}
}
