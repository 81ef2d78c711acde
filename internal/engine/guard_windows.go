package engine

import (
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

func setGuard(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW}
}

func guardSignals() []os.Signal { return []os.Signal{os.Interrupt} }

func asksToEnd(os.Signal, int) bool { return true }

// A jobFamily is all processes of a job object that the guard itself is in, so
// that there is no moment at which a child is outside it. Its only handle goes
// with the guard, and everything in it with the handle.
type jobFamily struct {
	p     *os.Process
	exit  chan Exit
	ended atomic.Bool
}

func startFamily(o order, log *os.File) (family, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, err
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err == nil {
		err = windows.AssignProcessToJobObject(job, windows.CurrentProcess())
	}
	if err != nil {
		windows.CloseHandle(job)
		return nil, os.NewSyscallError("job object", err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	p, err := os.StartProcess(o.Argv[0], o.Argv, &os.ProcAttr{Dir: o.Dir, Env: o.Env, Files: []*os.File{null, log, log}})
	if err != nil {
		return nil, err
	}
	f := &jobFamily{p: p, exit: make(chan Exit, 1)}
	go func() {
		x := Exit{Code: -1}
		if st, err := p.Wait(); err == nil {
			x.Code = st.ExitCode()
		}
		f.ended.Store(true)
		f.exit <- x
	}()
	return f, nil
}

func (f *jobFamily) pid() int            { return f.p.Pid }
func (f *jobFamily) exited() <-chan Exit { return f.exit }
func (f *jobFamily) firstEnded() bool    { return f.ended.Load() }
func (f *jobFamily) term(bool)           { _ = f.p.Kill() } // there is no gentle request that every program gets
func (f *jobFamily) kill()               { _ = f.p.Kill() }
func (f *jobFamily) gone() bool          { return f.ended.Load() }

func (f *jobFamily) left() []Process {
	if f.gone() {
		return nil
	}
	return []Process{{f.p.Pid, "its first process"}}
}

// sweep has no way here to find a process of an engine whose guard is gone.
func sweep(string, int, func() bool) []Process { return nil }
