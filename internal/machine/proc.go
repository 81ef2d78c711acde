package machine

import (
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
	"time"
)

// counters are those of Linux that only grow, and what bounds the process.
type counters struct {
	busy, stolen        time.Duration // of all cores, this process included
	queued              time.Duration // of the process's threads
	pressure, throttled time.Duration
	segments, resent    int64
	zeroWindows, pruned int64
	cores               int
	quota               float64 // cores that a control group allows; +Inf for all
}

// readCounters reads the kernel's files below root; what is missing or not
// understood stays 0.
func readCounters(root fs.FS) counters {
	c := counters{quota: math.Inf(1)}
	read := func(name string, take func(text string)) {
		if b, err := fs.ReadFile(root, name); err == nil {
			take(string(b))
		}
	}
	read("proc/stat", c.stat)
	read("proc/pressure/cpu", c.cpuPressure)
	read("proc/self/net/snmp", func(text string) {
		tcp := table(text, "Tcp:")
		c.segments, c.resent = tcp["OutSegs"], tcp["RetransSegs"]
	})
	read("proc/self/net/netstat", func(text string) {
		tcp := table(text, "TcpExt:")
		c.zeroWindows = tcp["TCPToZeroWindowAdv"]
		c.pruned = tcp["RcvPruned"] + tcp["OfoPruned"] + tcp["TCPRcvQDrop"] + tcp["TCPBacklogDrop"]
	})
	if tasks, err := fs.ReadDir(root, "proc/self/task"); err == nil {
		for _, t := range tasks {
			read("proc/self/task/"+t.Name()+"/schedstat", c.schedStat)
		}
	}
	read("proc/self/cgroup", func(text string) { c.group(text, read) })
	return c
}

// tick is the unit of /proc/stat, USER_HZ: 100 a second on every architecture of
// Go's.
const tick = 10 * time.Millisecond

// stat takes the times of all cores: user, nice, system, idle, iowait, irq,
// softirq and steal. What guests used is in user already.
func (c *counters) stat(text string) {
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 2 || !strings.HasPrefix(words[0], "cpu") {
			continue
		}
		if words[0] != "cpu" {
			c.cores++
			continue
		}
		for i, w := range words[1:] {
			switch n := time.Duration(number(w)) * tick; i {
			case 0, 1, 2, 5, 6:
				c.busy += n
			case 7:
				c.stolen = n
			}
		}
	}
}

// cpuPressure takes how long some task waited for a core.
func (c *counters) cpuPressure(text string) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "some "); ok {
			for _, w := range strings.Fields(rest) {
				if n, ok := strings.CutPrefix(w, "total="); ok {
					c.pressure = time.Duration(number(n)) * time.Microsecond
				}
			}
		}
	}
}

// schedStat adds a thread's time in the run queue, the second of three numbers.
func (c *counters) schedStat(text string) {
	if words := strings.Fields(text); len(words) >= 2 {
		c.queued += time.Duration(number(words[1]))
	}
}

// group takes the quota and the throttling of the control group (version 2) that
// /proc/self/cgroup names, and the least quota of those above it.
func (c *counters) group(text string, read func(name string, take func(string))) {
	for line := range strings.Lines(text) {
		at, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		if !ok {
			continue
		}
		folder := path.Join("sys/fs/cgroup", at)
		read(path.Join(folder, "cpu.stat"), func(text string) {
			for line := range strings.Lines(text) {
				if n, ok := strings.CutPrefix(line, "throttled_usec "); ok {
					c.throttled = time.Duration(number(strings.TrimSpace(n))) * time.Microsecond
				}
			}
		})
		for ; strings.HasPrefix(folder, "sys/fs/cgroup"); folder = path.Dir(folder) {
			read(path.Join(folder, "cpu.max"), func(text string) {
				words := strings.Fields(text)
				if len(words) == 2 && number(words[0]) > 0 && number(words[1]) > 0 {
					c.quota = min(c.quota, float64(number(words[0]))/float64(number(words[1])))
				}
			})
		}
	}
}

// table is the numbers of a pair of lines, the first of which names them.
func table(text, name string) map[string]int64 {
	out := map[string]int64{}
	var names []string
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		switch words := strings.Fields(rest); {
		case !ok:
		case names == nil:
			names = words
		default:
			for i := range min(len(names), len(words)) {
				out[names[i]] = number(words[i])
			}
			return out
		}
	}
	return out
}

// number is 0 where a word is no number, or more than a counter can have.
func number(word string) int64 {
	const most = math.MaxInt64 / int64(tick) / 8
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0
	}
	return n
}

// localPorts is how many ports outgoing connections may have to one address; 0
// where the system does not say.
func localPorts(root fs.FS) int {
	b, err := fs.ReadFile(root, "proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	words := strings.Fields(string(b))
	if len(words) != 2 {
		return 0
	}
	return max(0, int(number(words[1])-number(words[0])+1))
}
