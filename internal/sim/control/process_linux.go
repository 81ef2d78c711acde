package control

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tokmeter/internal/sim/exposition"
)

// userHertz is the unit of times in /proc/self/stat, the same on every Linux
// that Go runs on.
const userHertz = 100

// readProcess asks the kernel about this process; nothing where it cannot be
// read.
func readProcess() exposition.Process {
	var p exposition.Process
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return exposition.Process{}
	}
	f := statFields(string(stat))
	boot := bootTime()
	if len(f) < 22 || boot == 0 {
		return exposition.Process{}
	}
	p.CPU = (f[11] + f[12]) / userHertz
	p.Start = boot + f[19]/userHertz
	p.Virtual = f[20]
	p.Resident = f[21] * float64(os.Getpagesize())
	if dir, err := os.ReadDir("/proc/self/fd"); err == nil {
		p.OpenFiles = float64(len(dir))
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		p.MaxFiles = float64(limit.Cur)
	}
	return p
}

// statFields are the numbers of /proc/self/stat behind the command's name, from
// the state on, which is no number and counts as 0.
func statFields(stat string) []float64 {
	_, rest, ok := strings.Cut(stat[strings.LastIndexByte(stat, ')')+1:], " ")
	if !ok {
		return nil
	}
	fields := strings.Fields(rest)
	out := make([]float64, len(fields))
	for i, s := range fields {
		out[i], _ = strconv.ParseFloat(s, 64)
	}
	return out
}

// bootTime is when the machine started, in seconds since 1970.
func bootTime() float64 {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	_, after, ok := strings.Cut(string(stat), "\nbtime ")
	if !ok {
		return 0
	}
	line, _, _ := strings.Cut(after, "\n")
	t, _ := strconv.ParseFloat(strings.TrimSpace(line), 64)
	return t
}
