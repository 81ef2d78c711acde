//go:build unix && !linux

package engine

import (
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
)

func setGuard(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

func guardSignals() []os.Signal {
	return []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE}
}

func asksToEnd(s os.Signal, _ int) bool { return s != syscall.SIGPIPE }

// A groupFamily is the engine's process group.
type groupFamily struct {
	p     *os.Process
	exit  chan Exit
	ended atomic.Bool
}

func startFamily(o order, log *os.File) (family, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	p, err := os.StartProcess(o.Argv[0], o.Argv, &os.ProcAttr{
		Dir: o.Dir, Env: o.Env, Files: []*os.File{null, log, log}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return nil, err
	}
	f := &groupFamily{p: p, exit: make(chan Exit, 1)}
	go func() {
		x := Exit{Code: -1}
		if st, err := p.Wait(); err == nil {
			x.Code = st.ExitCode()
			if ws, ok := st.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
				x = Exit{Code: -1, Signal: ws.Signal().String()}
			}
		}
		f.ended.Store(true)
		f.exit <- x
	}()
	return f, nil
}

func (f *groupFamily) pid() int            { return f.p.Pid }
func (f *groupFamily) exited() <-chan Exit { return f.exit }
func (f *groupFamily) firstEnded() bool    { return f.ended.Load() }
func (f *groupFamily) term(bool)           { _ = syscall.Kill(-f.p.Pid, syscall.SIGTERM) }
func (f *groupFamily) kill()               { _ = syscall.Kill(-f.p.Pid, syscall.SIGKILL) }

func (f *groupFamily) gone() bool {
	return f.ended.Load() && syscall.Kill(-f.p.Pid, 0) == syscall.ESRCH
}

func (f *groupFamily) left() []Process {
	if f.gone() {
		return nil
	}
	return []Process{{f.p.Pid, "its process group"}}
}

// sweep has no way here to find a process of an engine whose guard is gone.
func sweep(string, int, func() bool) []Process { return nil }
