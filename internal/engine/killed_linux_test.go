package engine

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// markerOf is the marker in a process's environment, the last of several.
func markerOf(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	out := ""
	for v := range bytes.SplitSeq(b, []byte{0}) {
		if s, ok := strings.CutPrefix(string(v), Marker+"="); ok {
			out = s
		}
	}
	return out
}

// A starter that ends while its engine still loads leaves nothing behind,
// whatever ends it.
func TestStarterEndsWhileLoading(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "starter", "hang")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var all []int
			marker := ""
			for end := time.Now().Add(20 * time.Second); marker == "" && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				all = descendants(cmd.Process.Pid)
				for _, p := range all {
					if m := markerOf(p); m != "" {
						marker = m
					}
				}
			}
			if err := cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if marker == "" || len(all) < 2 {
				t.Fatalf("no engine under the starter: %v", named(all))
			}
			for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && alive(all); {
				time.Sleep(20 * time.Millisecond)
			}
			if left := append(marked(marker), all...); alive(left) {
				t.Errorf("left: %v", named(left))
			}
		})
	}
}

// twoMark names the variable that makes TestTwoHelper a starter of two engines.
const twoMark = "TOKMETER_TEST_TWO"

// TestTwoHelper starts two engines and waits for its end; it is run by
// TestStarterOfTwoKilled.
func TestTwoHelper(t *testing.T) {
	if os.Getenv(twoMark) == "" {
		t.Skip("run by TestStarterOfTwoKilled")
	}
	for _, what := range []string{"children", "deaf"} {
		e, err := Start(t.Context(), specFor(os.Args[0], what))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("two", e.marker, e.port, e.guard.Process.Pid)
	}
	select {}
}

// One starter of two engines: neither guard may hold the other's pipe open.
func TestStarterOfTwoKilled(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestTwoHelper$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), twoMark+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	type engine struct {
		marker      string
		port, guard int
	}
	var engines []engine
	var all []int
	for lines := bufio.NewScanner(out); len(engines) < 2 && lines.Scan(); {
		var e engine
		if _, err := fmt.Sscanf(lines.Text(), "two %s %d %d", &e.marker, &e.port, &e.guard); err == nil {
			engines = append(engines, e)
			all = append(append(all, e.guard), descendants(e.guard)...)
		}
	}
	if len(engines) != 2 || len(all) < 4 {
		t.Fatalf("got %v with processes %v", engines, named(all))
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && alive(all); {
		time.Sleep(20 * time.Millisecond)
	}
	for _, e := range engines {
		nothingLeft(t, e.marker, e.port, all...)
	}
}

// One engine's Stop leaves the other alone.
func TestStopLeavesOthers(t *testing.T) {
	t.Parallel()
	a, err := Start(t.Context(), specOf(t, "children"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Start(t.Context(), specOf(t, "children"))
	if err != nil {
		stopped(t, a)
		t.Fatal(err)
	}
	stopped(t, a)
	// Those between a daemon and its grandchild are gone by then.
	if n := len(marked(b.marker)); n != 4 || !answers(t.Context(), "127.0.0.1", b.port) || b.Err() != nil {
		t.Errorf("the other has %d processes with the marker, want 4; Err %v", n, b.Err())
	}
	stopped(t, b)
}

// Words and a model's folder, as an experiment gives them.
func TestWordsAndModelConfig(t *testing.T) {
	t.Parallel()
	s := specOf(t, "serve")
	hub := t.TempDir()
	s.Argv = []string{"EXTRA={port}", "HF_HOME=" + hub, os.Args[0], "fake", "serve", "{port}", `{"json":{}}`}
	s.Dir = t.TempDir()
	s.Model = "org/tiny"
	write(t, filepath.Join(hub, "hub", "models--org--tiny", "refs", "main"), "abc")
	write(t, filepath.Join(hub, "hub", "models--org--tiny", "snapshots", "abc", "config.json"), `{"architectures":["LlamaForCausalLM"],"torch_dtype":"bfloat16"}`)
	var err error
	if s.Argv[2], err = filepath.Abs(os.Args[0]); err != nil {
		t.Fatal(err)
	}
	e, err := Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer stopped(t, e)
	f := e.Facts()
	if f.Architecture != "LlamaForCausalLM" || f.DType != "bfloat16" || len(f.Config) == 0 {
		t.Errorf("facts %+v", f)
	}
	if want := fmt.Sprintf(`fake serve %d {"json":{}}`, e.Port()); !strings.HasSuffix(strings.Join(f.Args, " "), want) {
		t.Errorf("args %q, want %q at the end", f.Args, want)
	}
	if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", e.PID())); !bytes.Contains(b, []byte(fmt.Sprintf("EXTRA=%d\x00", e.Port()))) {
		t.Error("the word before the program is not in its environment")
	}
}
