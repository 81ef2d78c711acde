//go:build linux

package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fake is an engine of the tests: what it does, the port, and words of its own.
func fake(args []string) int {
	what, port, rest := args[0], args[1], args[2:]
	switch what {
	case "serve": // at once, and ends when it is asked to
		return fakeServe(port, rest, http.StatusOK)
	case "sleep": // a child that does nothing and ignores requests to end
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		time.Sleep(time.Hour)
	case "deaf":
		return fakeServe(port, []string{"deaf"}, http.StatusOK)
	case "crash": // says what is in a file, or its words, and fails
		return fakeCrash(rest)
	case "hang":
		fmt.Println("INFO 01-01 00:00:00 [x.py:1] Starting to load model m...")
		fmt.Print("Loading safetensors checkpoint shards:  40% Completed | 4/10 [00:03<00:05,  1.0it/s]\r")
		time.Sleep(time.Hour)
	case "slow": // alive, and ready after a while
		for i := range 10 {
			fmt.Printf("\rLoading safetensors checkpoint shards: %3d%% Completed | %d/10", i*10, i)
			time.Sleep(60 * time.Millisecond)
		}
		fmt.Println()
		return fakeServe(port, rest, http.StatusOK)
	case "dies": // a while after it was ready
		go func() {
			time.Sleep(1500 * time.Millisecond)
			fmt.Fprintln(os.Stderr, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")
			os.Exit(3)
		}()
		return fakeServe(port, rest, http.StatusOK)
	case "refuses":
		return fakeServe(port, rest, http.StatusBadRequest)
	case "flood":
		go func() {
			for line := strings.Repeat("x", 900); ; {
				if _, err := fmt.Println(line); err != nil {
					return
				}
			}
		}()
		return fakeServe(port, rest, http.StatusOK)
	case "children":
		return fakeChildren(port)
	case "bare-child": // has a child without the marker, as one that wrote over its environment
		cmd := exec.Command(os.Args[0], "fake", "sleep", port)
		cmd.Env = []string{"NOTHING=1"}
		if cmd.Start() != nil {
			return 94
		}
		return fakeServe(port, rest, http.StatusOK)
	case "thief": // another process has the port by the time it wants it
		run("serve", port, nil)
		for range 200 {
			if answers(context.Background(), "127.0.0.1", atoi(port)) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		return fakeServe(port, rest, http.StatusOK)
	case "stuck": // tells of its trouble and does not end
		fmt.Println("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")
		fmt.Println("RuntimeError: Engine core initialization failed.")
		time.Sleep(time.Hour)
	case "daemon": // leaves a grandchild in a session of its own, and is gone
		return run("setsid-sleep", port, nil)
	case "setsid-sleep":
		return run("sleep", port, &syscall.SysProcAttr{Setsid: true})
	case "orphans": // ends at once, its children do not
		run("daemon", port, nil)
		time.Sleep(200 * time.Millisecond)
		return 4
	case "killed":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Hour)
	case "env":
		fmt.Printf("WORD=%s DIR=%s KEY=%s\n", os.Getenv("WORD"), workdir(), os.Getenv("HF_TOKEN"))
		return fakeServe(port, rest, http.StatusOK)
	}
	return 99
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n }

func workdir() string { d, _ := os.Getwd(); return d }

// fakeChildren serves with a plain child, one in another session, a grandchild
// whose parent is gone, and the like without the marker in their environment.
func fakeChildren(port string) int {
	for _, c := range []struct {
		what  string
		attr  *syscall.SysProcAttr
		clean bool
	}{
		{"sleep", nil, false},
		{"sleep", &syscall.SysProcAttr{Setsid: true}, false},
		{"daemon", nil, false},
		{"daemon", nil, true},
		{"sleep", &syscall.SysProcAttr{Setsid: true}, true},
	} {
		cmd := exec.Command(os.Args[0], "fake", c.what, port)
		cmd.SysProcAttr = c.attr
		if c.clean {
			cmd.Env = []string{"NOTHING=1"}
		}
		if err := cmd.Start(); err != nil {
			return 98
		}
	}
	return fakeServe(port, nil, http.StatusOK)
}

// run starts a fake of another kind and does not wait for it.
func run(what, port string, attr *syscall.SysProcAttr) int {
	cmd := exec.Command(os.Args[0], "fake", what, port)
	cmd.SysProcAttr = attr
	if cmd.Start() != nil {
		return 97
	}
	return 0
}

func fakeCrash(rest []string) int {
	for _, r := range rest {
		if name, ok := strings.CutPrefix(r, "file:"); ok {
			b, err := os.ReadFile(name)
			if err != nil {
				return 96
			}
			os.Stderr.Write(b)
			continue
		}
		fmt.Fprintln(os.Stderr, r)
	}
	return 1
}

func fakeServe(port string, rest []string, status int) int {
	fmt.Println("\x1b[32mINFO\x1b[0m 01-01 00:00:00 [x.py:1] Using MarlinLinearKernel for GPTQMarlinLinearMethod")
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if len(rest) > 0 && rest[0] == "no-health" {
			http.NotFound(w, nil)
		}
	})
	mux.HandleFunc("/v1/models", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"data":[{"id":"the-model","owned_by":"vllm","max_model_len":4096}]}`)
	})
	mux.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"version":"1.2.3"}`) })
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		chat := strings.Contains(r.URL.Path, "chat")
		if !strings.Contains(string(b), `"the-model"`) || (len(rest) > 0 && rest[0] == "chat-only" && !chat) {
			http.Error(w, "no such thing", http.StatusNotFound)
			return
		}
		w.WriteHeader(status)
		if status == http.StatusOK {
			io.WriteString(w, `{"choices":[{"text":"x"}]}`)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, "OSError: [Errno 98] Address already in use")
		return 1
	}
	srv := &http.Server{Handler: mux}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if len(rest) > 0 && rest[0] == "deaf" {
		signal.Ignore(syscall.SIGTERM)
	}
	go func() { <-ctx.Done(); srv.Close() }()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return 95
	}
	fmt.Println("ended as asked")
	return 0
}

// specOf is a spec of a fake engine.
func specOf(t testing.TB, what string, rest ...string) Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := specFor(self, what, rest...)
	s.Log = t.TempDir() + "/engine.log"
	return s
}

func specFor(self, what string, rest ...string) Spec {
	return Spec{
		Name: "fp8", Model: "m", Argv: append([]string{self, "fake", what, "{port}"}, rest...), Guard: []string{self},
		Environ: os.Environ(), Limit: 20 * time.Second, Grace: 2 * time.Second,
	}
}

// starter starts an engine and says its marker, port and guard.
func starter(args []string) string {
	e, err := Start(context.Background(), specFor(os.Args[0], args[0]))
	if err != nil {
		return "error " + err.Error()
	}
	return fmt.Sprintln("up", e.marker, e.port, e.guard.Process.Pid)
}
