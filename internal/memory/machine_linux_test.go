package memory

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLook reads a system made of files, one of whose limits is a container's.
func TestLook(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{
		"proc/cpuinfo":                                             "model name: Some CPU\nflags: avx\n",
		"proc/meminfo":                                             "MemAvailable: 8388608 kB\n",
		"sys/fs/cgroup/memory.max":                                 "2147483648\n",
		"sys/fs/cgroup/memory.current":                             "2147000000\n",
		"sys/fs/cgroup/memory.stat":                                "anon 5\ninactive_file 1073258176\nactive_file 7\n",
		"sys/devices/system/cpu/cpu0/cache/index3/level":           "3\n",
		"sys/devices/system/cpu/cpu0/cache/index3/type":            "Unified\n",
		"sys/devices/system/cpu/cpu0/cache/index3/shared_cpu_list": "0-1\n",
		"sys/devices/system/cpu/cpu0/cache/index3/size":            "16384K\n",
	} {
		file := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := look(root)
	if m.CPU != "Some CPU" || m.Lanes != 8 || m.Available != 1<<30 || m.CacheBytes != 16<<20 || m.OneCache != 16<<20 || m.Cores < 1 {
		t.Errorf("got %+v", m)
	}
	if m := look(filepath.Join(root, "nowhere")); m.CPU != "" || m.Available != 0 || m.CacheBytes != 0 {
		t.Errorf("got %+v of nothing", m)
	}
}
