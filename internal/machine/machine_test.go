package machine

import (
	"math"
	"runtime"
	"testing"
	"testing/fstest"
	"time"
)

func files(m map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, text := range m {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// TestReadCounters reads the forms that kernels write.
func TestReadCounters(t *testing.T) {
	got := readCounters(files(map[string]string{
		"proc/stat":                  "cpu  100 10 20 5000 7 1 2 30 4 0\ncpu0 50 5 10 2500 3 1 1 15 2 0\ncpu1 50 5 10 2500 4 0 1 15 2 0\nintr 1\n",
		"proc/pressure/cpu":          "some avg10=0.51 avg60=5.75 avg300=4.85 total=4000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=9\n",
		"proc/self/task/1/schedstat": "63368 500 2\n",
		"proc/self/task/2/schedstat": "1 700 2\n",
		"proc/self/net/snmp":         "Ip: Forwarding\nIp: 1\nTcp: RtoAlgorithm OutSegs RetransSegs\nTcp: 1 1000 3\n",
		"proc/self/net/netstat":      "TcpExt: RcvPruned OfoPruned TCPToZeroWindowAdv\nTcpExt: 2 1 5\n",
		"proc/self/cgroup":           "0::/a/b\n",
		"sys/fs/cgroup/a/b/cpu.stat": "usage_usec 5\nnr_throttled 2\nthrottled_usec 9000\n",
		"sys/fs/cgroup/a/b/cpu.max":  "max 100000\n",
		"sys/fs/cgroup/a/cpu.max":    "150000 100000\n",
	}))
	want := counters{
		busy: 1330 * time.Millisecond, stolen: 300 * time.Millisecond, queued: 1200, pressure: 4 * time.Millisecond, throttled: 9 * time.Millisecond,
		segments: 1000, resent: 3, zeroWindows: 5, pruned: 3, cores: 2, quota: 1.5,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	none := readCounters(files(nil))
	if none != (counters{quota: math.Inf(1)}) {
		t.Errorf("without files: %+v", none)
	}
	if got := localPorts(files(map[string]string{"proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n"})); got != 28232 {
		t.Errorf("local ports: %d", got)
	}
}

// TestUntil: what others used is what all used less the process's own, and a sum
// over threads that fell is no time.
func TestUntil(t *testing.T) {
	a := Look{kernel: counters{busy: 10 * time.Second, queued: 5}, own: time.Second}
	b := Look{kernel: counters{busy: 14 * time.Second, queued: 3, resent: 2}, own: 2 * time.Second}
	got := a.Until(b)
	if got.Own != time.Second || got.Others != 3*time.Second || got.Queued != 0 || got.Resent != 2 {
		t.Errorf("%+v", got)
	}
}

// TestNow: a look at this machine counts the work and the collections in between.
func TestNow(t *testing.T) {
	a := Now()
	for deadline := time.Now().Add(30 * time.Millisecond); time.Now().Before(deadline); {
	}
	runtime.GC()
	got := a.Until(Now())
	if got.Wall < 30*time.Millisecond || got.Cores <= 0 {
		t.Errorf("%+v", got)
	}
	if got.Pauses == 0 || got.LongestPause <= 0 {
		t.Errorf("a collection left no pause: %+v", got)
	}
	if runtime.GOOS == "linux" && (got.Own <= 0 || got.Files <= 0) {
		t.Errorf("Linux tells CPU time and limits: %+v", got)
	}
}

// FuzzReadCounters: whatever a kernel writes is read without a panic, and no
// counter is negative.
func FuzzReadCounters(f *testing.F) {
	f.Add("cpu 1 2 3 4 5 6 7 8\n", "some total=5\n", "Tcp: A\nTcp: 1\n", "0::/x\n", "100 50\n")
	f.Fuzz(func(t *testing.T, stat, pressure, snmp, group, quota string) {
		got := readCounters(files(map[string]string{
			"proc/stat": stat, "proc/pressure/cpu": pressure, "proc/self/net/snmp": snmp, "proc/self/net/netstat": snmp,
			"proc/self/task/1/schedstat": stat, "proc/self/cgroup": group, "sys/fs/cgroup/cpu.max": quota, "sys/fs/cgroup/x/cpu.max": quota,
		}))
		if got.busy < 0 || got.stolen < 0 || got.queued < 0 || got.pressure < 0 || got.segments < 0 || !(got.quota > 0) {
			t.Errorf("%+v", got)
		}
	})
}
