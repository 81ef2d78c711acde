package memory

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Look reads what the system tells of processor, caches and memory; what cannot
// be read stays zero.
func Look() Machine { return look("/") }

// look reads the system below root.
func look(root string) Machine {
	m := Machine{Cores: runtime.GOMAXPROCS(0)}
	text := func(parts ...string) string {
		b, err := os.ReadFile(filepath.Join(append([]string{root}, parts...)...))
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(b))
	}
	m.cpuInfo(text("proc/cpuinfo"))
	m.Available = memAvailable(text("proc/meminfo"))
	if limit, err := strconv.ParseInt(text("sys/fs/cgroup/memory.max"), 10, 64); err == nil {
		used, _ := strconv.ParseInt(text("sys/fs/cgroup/memory.current"), 10, 64)
		if free := max(0, limit-used); m.Available == 0 || free < m.Available {
			m.Available = free
		}
	}
	dirs, _ := filepath.Glob(filepath.Join(root, "sys/devices/system/cpu/cpu[0-9]*/cache/index[0-9]*"))
	var list []cache
	for _, d := range dirs {
		file := func(name string) string {
			b, err := os.ReadFile(filepath.Join(d, name))
			if err != nil {
				return ""
			}
			return strings.TrimSpace(string(b))
		}
		level, _ := strconv.Atoi(file("level"))
		list = append(list, cache{level, file("type"), file("shared_cpu_list"), kib(file("size"))})
	}
	m.CacheBytes, m.OneCache = lastCaches(list)
	return m
}
