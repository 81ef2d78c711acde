package control

import (
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUnion(t *testing.T) {
	for _, tc := range []struct{ a, b, want []string }{
		{nil, nil, nil}, {[]string{"a"}, nil, []string{"a"}}, {[]string{"a", "c"}, []string{"b", "c", "d"}, []string{"a", "b", "c", "d"}},
	} {
		if d := cmp.Diff(tc.want, union(tc.a, tc.b)); d != "" {
			t.Errorf("%v and %v:\n%s", tc.a, tc.b, d)
		}
	}
}

// TestProcess checks what the kernel says against what this process knows.
func TestProcess(t *testing.T) {
	p := readProcess()
	if runtime.GOOS != "linux" {
		if p.Start != 0 {
			t.Fatal("a start time is told where none is known")
		}
		return
	}
	now := float64(time.Now().Unix())
	if p.Start < now-86400*365 || p.Start > now+5 || p.Resident < 1<<20 || p.Virtual < p.Resident || p.OpenFiles < 3 || p.MaxFiles < p.OpenFiles || p.CPU < 0 {
		t.Fatalf("got %+v", p)
	}
}
