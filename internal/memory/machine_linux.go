package memory

import (
	"io/fs"
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
	text := func(path string) string {
		b, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(b))
	}
	m.cpuInfo(text("proc/cpuinfo"))
	m.Available = memAvailable(text("proc/meminfo"))
	if limit, err := strconv.ParseInt(text("sys/fs/cgroup/memory.max"), 10, 64); err == nil {
		used, _ := strconv.ParseInt(text("sys/fs/cgroup/memory.current"), 10, 64)
		for line := range strings.Lines(text("sys/fs/cgroup/memory.stat")) {
			if n, ok := strings.CutPrefix(line, "inactive_file "); ok {
				cached, _ := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
				used -= cached // of files, which give way
			}
		}
		if free := max(0, limit-used); m.Available == 0 || free < m.Available {
			m.Available = free
		}
	}
	dirs, _ := fs.Glob(os.DirFS(root), "sys/devices/system/cpu/cpu[0-9]*/cache/index[0-9]*")
	var list []cache
	for _, d := range dirs {
		level, _ := strconv.Atoi(text(d + "/level"))
		list = append(list, cache{level, text(d + "/type"), text(d + "/shared_cpu_list"), kib(text(d + "/size"))})
	}
	m.CacheBytes, m.OneCache = lastCaches(list)
	return m
}
