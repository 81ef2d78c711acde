package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nothingLeft fails where a process of the engine, its guard or its port is
// still there.
func nothingLeft(t *testing.T, marker string, port int, pids ...int) {
	t.Helper()
	if p := named(marked(marker)); len(p) > 0 {
		t.Errorf("left: %v", p)
	}
	for _, p := range pids {
		if st, ok := statusOf(p); ok && st.living() {
			t.Errorf("left: process %d", p)
		}
	}
	if answers(t.Context(), "127.0.0.1", port) {
		t.Errorf("port %d is still held", port)
	}
}

// stopped stops an engine and fails where anything of it is left.
func stopped(t *testing.T, e *Engine, pids ...int) {
	t.Helper()
	left, err := e.Stop(t.Context())
	if err != nil || !left.Nothing() {
		t.Errorf("Stop: %v, %v", left, err)
	}
	nothingLeft(t, e.marker, e.port, append(pids, e.guard.Process.Pid)...)
	if again, err := e.Stop(t.Context()); err != nil || !again.Nothing() {
		t.Errorf("second Stop: %v, %v", again, err)
	}
}

func TestServesAndStops(t *testing.T) {
	for _, c := range []struct{ what, rest, why string }{
		{"serve", "", "the plain case"},
		{"serve", "no-health", "without /health the list of models tells"},
		{"serve", "chat-only", "a model that only chats"},
		{"deaf", "", "a request to end that is ignored needs force"},
		{"flood", "", "a log without end must not hold anything up"},
		{"slow", "", "alive and slow is no crash"},
	} {
		t.Run(c.what+c.rest, func(t *testing.T) {
			t.Parallel()
			s := specOf(t, c.what, c.rest)
			var seen []Progress
			s.Progress = func(p Progress) { seen = append(seen, p) }
			s.Cards = func(context.Context) ([]string, error) {
				return []string{"GPU 0: NVIDIA A10G (UUID: GPU-1)"}, nil
			}
			e, err := Start(t.Context(), s)
			if err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			f := e.Facts()
			if f.Model != "the-model" || f.Version != "1.2.3" || f.Engine != "vllm" || f.MaxModelLen != 4096 || f.Card != "NVIDIA A10G" {
				t.Errorf("facts %+v", f)
			}
			if f.Kernel != "MarlinLinearKernel for GPTQMarlinLinearMethod" {
				t.Errorf("kernel %q", f.Kernel)
			}
			if len(seen) == 0 || seen[len(seen)-1].Stage != Serving {
				t.Errorf("progress %v", seen)
			}
			if c.what == "slow" && !sawPercent(seen) {
				t.Errorf("no percentage in %v", seen)
			}
			stopped(t, e)
			if e.Err() != nil {
				t.Errorf("an asked end is no failure: %v", e.Err())
			}
			if c.what == "serve" && e.Tail(1)[0] != "ended as asked" {
				t.Errorf("it was not asked gently: %q", e.Tail(3))
			}
		})
	}
}

func sawPercent(seen []Progress) bool {
	for _, p := range seen {
		if p.Stage == Loading && p.Percent > 0 {
			return true
		}
	}
	return false
}

func TestChildrenAreEnded(t *testing.T) {
	t.Parallel()
	e, err := Start(t.Context(), specOf(t, "children"))
	if err != nil {
		t.Fatal(err)
	}
	// The engine, three children, and two whose parents are gone.
	var pids []int
	for range 250 {
		if pids = descendants(e.guard.Process.Pid); len(pids) == 6 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if len(pids) != 6 {
		t.Fatalf("descendants %v", named(pids))
	}
	stopped(t, e, pids...)
}

func TestStartFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	abs := func(name string) string {
		p, err := filepath.Abs("testdata/logs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return "file:" + p
	}
	for _, c := range []struct {
		name    string
		spec    Spec
		edit    func(*Spec)
		ending  Ending
		trouble Trouble
		text    string
	}{
		{"kv", specOf(t, "crash", abs("fail-vllm-kv.log")), nil, Crashed, SmallCache, "exit status 1"},
		{"memory", specOf(t, "crash", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."), nil, Crashed, CardMemory, "--gpu-memory-utilization"},
		{"silent", specOf(t, "crash"), nil, Crashed, "", "exit status 1"},
		{"killed", specOf(t, "killed"), nil, Crashed, HostMemory, "signal: killed"},
		{"orphans", specOf(t, "orphans"), nil, Crashed, "", "exit status 4"},
		{"hang", specOf(t, "hang"), func(s *Spec) { s.Limit = time.Second }, Slow, "", "40% Completed"},
		{"thief", specOf(t, "thief"), nil, Crashed, PortTaken, "Errno 98"},
		{"stuck", specOf(t, "stuck"), func(s *Spec) { s.Limit = time.Second }, Slow, CardMemory, "last line: RuntimeError"},
		{"refuses", specOf(t, "refuses"), nil, NoToken, "", "status 400"},
		{"port", specOf(t, "serve"), func(s *Spec) { s.Port = taken.Addr().(*net.TCPAddr).Port }, NotStarted, PortTaken, "is taken"},
		{"port-late", specOf(t, "crash", abs("fail-vllm-port.log")), nil, Crashed, PortTaken, "Errno 98"},
		{"program", specOf(t, "serve"), func(s *Spec) { s.Argv = []string{"no-such-engine", "--port", "{port}"} }, NotStarted, NoProgram, "no-such-engine"},
		{"dir", specOf(t, "serve"), func(s *Spec) { s.Dir = "/no/such/folder" }, NotStarted, "", "no such folder"},
		{"guard", specOf(t, "serve"), func(s *Spec) { s.Guard = []string{"/bin/true"} }, NotStarted, "", "must call server.Guard"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.edit != nil {
				c.edit(&c.spec)
			}
			mark := "TEST_MARK=" + t.Name()
			c.spec.Env = append(c.spec.Env, mark)
			e, err := Start(t.Context(), c.spec)
			if err == nil {
				e.Stop(t.Context())
				t.Fatal("it started")
			}
			var f *Failure
			if !errors.As(err, &f) || f.Ending != c.ending || f.Cause.Trouble != c.trouble {
				t.Fatalf("got %#v, want %s, %s", err, c.ending, c.trouble)
			}
			if !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q has no %q, or several lines", err, c.text)
			}
			t.Log(err)
			for _, p := range pids() {
				b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p))
				if st, ok := statusOf(p); ok && st.living() && strings.Contains(string(b), mark+"\x00") {
					t.Errorf("left: %v", named([]int{p}))
				}
			}
		})
	}
}

func TestDiesAfterReady(t *testing.T) {
	t.Parallel()
	e, err := Start(t.Context(), specOf(t, "dies"))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-e.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("it still runs")
	}
	var f *Failure
	if !errors.As(e.Err(), &f) || f.Ending != Died || f.Exit.Code != 3 || f.Cause.Trouble != CardMemory {
		t.Errorf("Err %v", e.Err())
	}
	stopped(t, e)
}

func TestContextEndsTheStart(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	s := specOf(t, "hang")
	why := errors.New("interrupted")
	s.Progress = func(p Progress) {
		if p.Stage == Loading {
			cancel(why)
		}
	}
	_, err := Start(ctx, s)
	var f *Failure
	if !errors.As(err, &f) || f.Ending != Abandoned || !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestStopWithAnEndedContextHurries(t *testing.T) {
	t.Parallel()
	s := specOf(t, "deaf")
	s.Grace = time.Hour
	e, err := Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if left, err := e.Stop(ctx); err != nil {
		t.Errorf("%v, %v", left, err)
	}
	nothingLeft(t, e.marker, e.port)
}

func TestStopAfterThePanicOfTheCaller(t *testing.T) {
	t.Parallel()
	var e *Engine
	func() {
		defer func() { _ = recover() }()
		var err error
		if e, err = Start(t.Context(), specOf(t, "children")); err != nil {
			t.Error(err)
			return
		}
		defer e.Stop(t.Context())
		panic("the caller's")
	}()
	if e != nil {
		stopped(t, e)
	}
}

// A guard that is killed takes the first process along; Stop finds the rest.
func TestGuardKilled(t *testing.T) {
	t.Parallel()
	e, err := Start(t.Context(), specOf(t, "bare-child"))
	if err != nil {
		t.Fatal(err)
	}
	children := descendants(e.guard.Process.Pid)
	if len(children) != 2 || len(marked(e.marker)) != 1 {
		t.Fatalf("%v, marked %v: the test shows nothing", named(children), marked(e.marker))
	}
	if err := e.guard.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-e.Done()
	var f *Failure
	if !errors.As(e.Err(), &f) || f.Ending != Lost {
		t.Errorf("Err %v", e.Err())
	}
	stopped(t, e, children...)
}

// A starter that is killed leaves nothing behind.
func TestStarterKilled(t *testing.T) {
	for _, what := range []string{"serve", "children", "deaf", "flood"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "starter", what)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			var marker string
			var port, guard int
			if _, scanErr := fmt.Sscan(strings.TrimPrefix(line, "up "), &marker, &port, &guard); err != nil || scanErr != nil {
				t.Fatalf("starter said %q: %v", line, err)
			}
			children := descendants(guard)
			if len(children) == 0 {
				t.Fatal("the guard has no descendant: the test shows nothing")
			}
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			all := append(children, guard)
			for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && alive(all); {
				time.Sleep(20 * time.Millisecond)
			}
			nothingLeft(t, marker, port, all...)
		})
	}
}

func alive(list []int) bool {
	for _, p := range list {
		if st, ok := statusOf(p); ok && st.living() {
			return true
		}
	}
	return false
}

func descendants(of int) []int {
	var out []int
	for _, p := range pids() {
		if st, ok := statusOf(p); !ok || !st.living() {
			continue
		}
		for q, n := p, 0; q > 1 && n < 100; n++ {
			st, ok := statusOf(q)
			if !ok {
				break
			}
			if st.parent == of {
				out = append(out, p)
				break
			}
			q = st.parent
		}
	}
	return out
}

func TestEnvironmentDirectoryAndSecrets(t *testing.T) {
	t.Parallel()
	s := specOf(t, "env")
	s.Dir = t.TempDir()
	s.Argv = slices.Concat([]string{"WORD=two words"}, s.Argv, []string{"--api-key", "sk-abcdefghijkl", "--max-tokens", "5"})
	s.Environ = append(s.Environ, "WORD=inherited", "VLLM_USE_V1=0")
	s.Env = []string{"HF_TOKEN=hf_abcdefghijklmnop", "VLLM_USE_V1=1"}
	e, err := Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	stopped(t, e)
	b, err := os.ReadFile(s.Log)
	if err != nil {
		t.Fatal(err)
	}
	if want := "WORD=two words DIR=" + s.Dir + " KEY=(hidden)\n"; !strings.Contains(string(b), want) {
		t.Errorf("log %q, want %q", b, want)
	}
	f := e.Facts()
	if args := strings.Join(f.Args, " "); !strings.HasSuffix(args, "--api-key (hidden) --max-tokens 5") {
		t.Errorf("args %s", args)
	}
	env := strings.Join(f.Env, " ")
	if !strings.Contains(env, "HF_TOKEN=(hidden)") || !strings.Contains(env, "VLLM_USE_V1=1") || strings.Contains(env, "WORD") || strings.Contains(env, "VLLM_USE_V1=0") {
		t.Errorf("env %s", env)
	}
}
