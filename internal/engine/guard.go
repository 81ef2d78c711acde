package engine

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// guardWord is the first argument of a program of ours that is to be a guard.
const guardWord = "__tokmeter-engine-guard"

const (
	orphanGrace = time.Second // an engine whose starter is gone gets no more
	killLimit   = 5 * time.Second
	pollEvery   = 10 * time.Millisecond
)

// A World is what Guard is given of the process that it runs in.
type World struct {
	In, Out, Err *os.File
	Notify       func(c chan<- os.Signal, sig ...os.Signal) // as signal.Notify
}

// An order is what a guard is told, in its first line.
type order struct {
	Argv, Env []string
	Dir       string
	Marker    string
	Grace     time.Duration
	Parent    int
}

// A word is what a guard says, one a line.
type word struct {
	Pid    int       `json:"pid,omitempty"`
	Failed string    `json:"failed,omitempty"`
	Exit   *Exit     `json:"exit,omitempty"`
	Done   bool      `json:"done,omitempty"`
	Left   []Process `json:"left,omitempty"`
}

// A Process is one that is still there.
type Process struct {
	PID     int    `json:"pid"`
	Command string `json:"command,omitempty"`
}

// String is the process for a message.
func (p Process) String() string { return fmt.Sprintf("%d (%s)", p.PID, p.Command) }

// Guard is the entry of the guard process: a main function calls it before it
// does anything else, with the arguments after the program's name, and where
// handled is true ends with code. It starts the engine that it is told of on
// In, says on Out what becomes of it, lets it write its log to Err, and takes it
// down with all its descendants when it is told to, when In ends because the
// starter is gone, and when a signal asks it to end.
func Guard(args []string, w World) (handled bool, code int) {
	if len(args) != 1 || args[0] != guardWord {
		return false, 0
	}
	// The engine's parent is this thread (see Pdeathsig in start).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 16)
	if w.Notify != nil {
		w.Notify(signals, guardSignals()...)
	}
	in := bufio.NewReader(w.In)
	out := json.NewEncoder(w.Out)
	var o order
	line, err := in.ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &o) != nil || len(o.Argv) == 0 {
		return true, 2
	}
	fam, err := startFamily(o, w.Err)
	if err != nil {
		_ = out.Encode(word{Failed: err.Error()})
		return true, 1
	}
	_ = out.Encode(word{Pid: fam.pid()})
	left := watch(fam, o, in, out, signals)
	_ = out.Encode(word{Done: true, Left: left})
	if len(left) > 0 {
		return true, 1
	}
	return true, 0
}

// A family is an engine's first process and all that came of it; each system
// has its own.
type family interface {
	pid() int
	exited() <-chan Exit // gives one value
	term(all bool)       // asks the process group to end, or every member
	kill()               // ends every member that it finds
	gone() bool          // nothing is left
	left() []Process
}

// watch waits for a reason to take the family down, does it, and returns what
// is left of it.
func watch(fam family, o order, in *bufio.Reader, out *json.Encoder, signals <-chan os.Signal) []Process {
	orders := make(chan string)
	over := make(chan struct{})
	defer close(over)
	go listen(in, orders, over)
	exited := fam.exited()
	for {
		select {
		case x := <-exited:
			exited = nil
			_ = out.Encode(word{Exit: &x})
		case s := <-signals:
			if asksToEnd(s, o.Parent) {
				return takeDown(fam, orphanGrace, nil)
			}
		case s, ok := <-orders:
			if !ok || s == "kill" {
				return takeDown(fam, orphanGrace, nil)
			}
			return takeDown(fam, o.Grace, orders)
		}
	}
}

// listen passes on what the starter says; the end of it closes the channel.
func listen(in *bufio.Reader, orders chan<- string, over <-chan struct{}) {
	defer close(orders)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		select {
		case orders <- strings.TrimSpace(line):
		case <-over:
			return
		}
	}
}

// takeDown asks, waits for the grace, and uses force until nothing is left or
// killLimit is over. Anything on hurry, also its end, cuts the grace short.
func takeDown(fam family, grace time.Duration, hurry <-chan string) []Process {
	fam.term(false)
	deadline := time.Now().Add(grace)
	exited := fam.exited()
	askedAll := false
	for !fam.gone() && time.Now().Before(deadline) {
		select {
		case <-exited:
			exited = nil
		case <-hurry:
			deadline, hurry = time.Now(), nil
		case <-time.After(pollEvery):
		}
		if !askedAll && (exited == nil || dead(fam)) {
			// Its first process is gone: what it left behind gets one request.
			fam.term(true)
			askedAll = true
			if rest := time.Now().Add(orphanGrace); rest.Before(deadline) {
				deadline = rest
			}
		}
	}
	for end := time.Now().Add(killLimit); !fam.gone() && time.Now().Before(end); {
		fam.kill()
		time.Sleep(pollEvery)
	}
	return fam.left()
}

func dead(fam family) bool {
	d, ok := fam.(interface{ firstEnded() bool })
	return ok && d.firstEnded()
}

// spawn starts the guard and gives it its order.
func spawn(s Spec, o order, log io.Writer) (*exec.Cmd, io.WriteCloser, io.ReadCloser, error) {
	cmd := exec.Command(s.Guard[0], append(slices.Clone(s.Guard[1:]), guardWord)...)
	cmd.Env = s.Environ
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
	cmd.Stderr = log
	// What is left of an engine may hold the log open after the guard's end.
	cmd.WaitDelay = 2 * time.Second
	setGuard(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, nil, err
	}
	b, err := json.Marshal(o)
	if err == nil {
		_, err = in.Write(append(b, '\n'))
	}
	if err != nil {
		in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, nil, nil, fmt.Errorf("it took no order (%w): it must call server.Guard", err)
	}
	return cmd, in, out, nil
}

// lookPath finds a program as a shell in the engine's environment would.
func lookPath(name string, env []string, dir string) (string, error) {
	if strings.ContainsRune(name, '/') || strings.ContainsRune(name, filepath.Separator) {
		if !filepath.IsAbs(name) && dir != "" {
			name = filepath.Join(dir, name)
		}
		abs, err := filepath.Abs(name)
		if err != nil {
			return "", err
		}
		return exec.LookPath(abs)
	}
	path := ""
	for _, v := range env {
		if n, value, ok := strings.Cut(v, "="); ok && (n == "PATH" || runtime.GOOS == "windows" && strings.EqualFold(n, "PATH")) {
			path = value
		}
	}
	for _, d := range filepath.SplitList(path) {
		if !filepath.IsAbs(d) {
			continue
		}
		if found, err := exec.LookPath(filepath.Join(d, name)); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("no program %s in PATH", name)
}
