package engine

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// setGuard puts the guard into a session of its own, so that Ctrl-C in the
// terminal does not reach the engine, and lets the kernel tell it when the
// starter's thread is gone; the end of its input tells the same.
func setGuard(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGUSR1}
}

func guardSignals() []os.Signal {
	// SIGPIPE too: it would end a guard that tells a starter that is gone.
	return []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGUSR1}
}

// asksToEnd reports whether a signal means that the engine must end. SIGUSR1
// comes at the end of the starter's thread, which need not be the starter's.
func asksToEnd(s os.Signal, parent int) bool {
	switch s {
	case syscall.SIGPIPE:
		return false
	case syscall.SIGUSR1:
		return os.Getppid() != parent
	}
	return true
}

// A linuxFamily is every descendant of the guard, which is their subreaper, and
// every process with the marker.
type linuxFamily struct {
	first  int
	marker string
	exit   chan Exit
	ended  atomic.Bool   // the first process
	none   chan struct{} // closed when the kernel says that the guard has no child
}

func startFamily(o order, log *os.File) (family, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, os.NewSyscallError("prctl(PR_SET_CHILD_SUBREAPER)", err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	p, err := os.StartProcess(o.Argv[0], o.Argv, &os.ProcAttr{
		Dir: o.Dir, Env: o.Env, Files: []*os.File{null, log, log},
		// The first process goes with the guard even if that is killed.
		Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return nil, err
	}
	f := &linuxFamily{first: p.Pid, marker: o.Marker, exit: make(chan Exit, 1), none: make(chan struct{})}
	_ = p.Release()
	go f.reap()
	return f, nil
}

// reap waits for every child, born here or left to the subreaper, until there
// is none: then no descendant is left, since the parents of all of them lead
// here.
func (f *linuxFamily) reap() {
	defer close(f.none)
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return
		}
		if pid == f.first && (ws.Exited() || ws.Signaled()) {
			f.ended.Store(true)
			f.exit <- exitOf(ws)
		}
	}
}

func exitOf(ws syscall.WaitStatus) Exit {
	if ws.Signaled() {
		return Exit{Code: -1, Signal: ws.Signal().String()}
	}
	return Exit{Code: ws.ExitStatus()}
}

func (f *linuxFamily) pid() int            { return f.first }
func (f *linuxFamily) exited() <-chan Exit { return f.exit }
func (f *linuxFamily) firstEnded() bool    { return f.ended.Load() }

func (f *linuxFamily) term(all bool) {
	_ = syscall.Kill(-f.first, syscall.SIGTERM)
	if !all {
		return
	}
	for _, p := range f.members() {
		_ = syscall.Kill(p, syscall.SIGTERM)
	}
}

func (f *linuxFamily) kill() {
	_ = syscall.Kill(-f.first, syscall.SIGKILL)
	for _, p := range f.members() {
		_ = syscall.Kill(p, syscall.SIGKILL)
	}
}

func (f *linuxFamily) gone() bool {
	select {
	case <-f.none:
		return len(marked(f.marker)) == 0
	default:
		return false
	}
}

func (f *linuxFamily) left() []Process {
	if f.gone() {
		return nil
	}
	return named(f.members())
}

// members is the descendants of this process and all that carry the marker.
func (f *linuxFamily) members() []int {
	parents := map[int]int{}
	for _, p := range pids() {
		if st, ok := statusOf(p); ok && st.living() {
			parents[p] = st.parent
		}
	}
	self := os.Getpid()
	out := marked(f.marker)
	for p := range parents {
		for q, steps := p, 0; q > 1 && steps < 1000; q, steps = parents[q], steps+1 {
			if parents[q] == self {
				out = append(out, p)
				break
			}
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(p int) bool { return p == self })
}

// pids is every process that /proc shows.
func pids() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	var out []int
	for _, n := range names {
		if p, err := strconv.Atoi(n); err == nil {
			out = append(out, p)
		}
	}
	return out
}

type procStatus struct {
	state                  byte
	parent, group, session int
}

// statusOf reads the state and the parent from /proc/PID/stat (proc_pid_stat(5)).
func statusOf(pid int) (procStatus, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return procStatus{}, false
	}
	// The name in parentheses may hold anything, also parentheses.
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return procStatus{}, false
	}
	f := bytes.Fields(b[i+1:])
	if len(f) < 4 || len(f[0]) != 1 {
		return procStatus{}, false
	}
	out := procStatus{state: f[0][0]}
	for i, to := range []*int{&out.parent, &out.group, &out.session} {
		if *to, err = strconv.Atoi(string(f[i+1])); err != nil {
			return procStatus{}, false
		}
	}
	return out, true
}

func (s procStatus) living() bool { return s.state != 'Z' && s.state != 'X' }

// marked is the living processes whose environment has the marker.
func marked(marker string) []int {
	if marker == "" {
		return nil
	}
	want := []byte(Marker + "=" + marker + "\x00")
	var out []int
	for _, p := range pids() {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(p) + "/environ")
		if err != nil || !(bytes.HasPrefix(b, want) || bytes.Contains(b, append([]byte{0}, want...))) {
			continue
		}
		if st, ok := statusOf(p); ok && st.living() {
			out = append(out, p)
		}
	}
	return out
}

func named(list []int) []Process {
	var out []Process
	for _, p := range list {
		b, _ := os.ReadFile("/proc/" + strconv.Itoa(p) + "/cmdline")
		b = bytes.TrimRight(bytes.ReplaceAll(b, []byte{0}, []byte{' '}), " ")
		out = append(out, Process{p, cut(Plain(string(b)), 200)})
	}
	return out
}

// kin is what of an engine can be known from outside its guard, also after
// that is gone: the processes with the marker, and those of the guard's session,
// because an engine that changes its name may write it over its environment
// (vLLM does, by setproctitle); and all descendants of both.
func kin(marker string, guard int) []int {
	all := map[int]procStatus{}
	for _, p := range pids() {
		if st, ok := statusOf(p); ok && st.living() {
			all[p] = st
		}
	}
	ours := map[int]bool{}
	for _, p := range marked(marker) {
		ours[p] = true
	}
	for p, st := range all {
		if guard > 0 && st.session == guard {
			ours[p] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for p, st := range all {
			if !ours[p] && ours[st.parent] {
				ours[p], grown = true, true
			}
		}
	}
	return slices.Sorted(maps.Keys(ours))
}

// sweep ends all that is left of an engine whose guard did not do it, and
// returns what it could not end.
func sweep(marker string, guard int, deadline func() bool) []Process {
	for !deadline() {
		list := kin(marker, guard)
		if len(list) == 0 {
			return nil
		}
		for _, p := range list {
			_ = syscall.Kill(p, syscall.SIGKILL)
		}
		pause()
	}
	return named(kin(marker, guard))
}
