package machine

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestCapacity: what was kept is read again, and a load beyond it is said.
func TestCapacity(t *testing.T) {
	getenv := func(name string) string {
		if name == "XDG_CACHE_HOME" {
			return t.TempDir()
		}
		return ""
	}
	file := CapacityFile(getenv)
	if filepath.Base(file) != "selftest.json" {
		t.Fatalf("kept in %q", file)
	}
	if ReadCapacity(file) != nil || ReadCapacity("") != nil {
		t.Error("there was a capacity before")
	}
	here := Capacity{Arch: runtime.GOARCH, Cores: Now().cores, Streams: 100, Rate: 50, Bounded: true}
	if err := here.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := here.Write(""); err == nil {
		t.Error("written to nowhere")
	}
	c := ReadCapacity(file)
	if c == nil || c.Streams != 100 {
		t.Fatalf("read %+v", c)
	}
	elsewhere := *c
	elsewhere.Cores++
	open := *c
	open.Bounded = false
	for name, x := range map[string]struct {
		c       *Capacity
		streams int
		tokens  float64
		want    string
	}{
		"within":               {c, 100, 5000, ""},
		"too many streams":     {c, 101, 0, "up to 101 streams at once, where this machine holds 100"},
		"too many tokens":      {c, 0, 5001, "up to 5001 tokens/s, where this machine holds 5000"},
		"another machine":      {&elsewhere, 1000, 0, ""},
		"limit not reached":    {&open, 1000, 0, ""},
		"nothing was measured": {nil, 1000, 1e9, ""},
	} {
		if got := x.c.Beyond(x.streams, x.tokens); !strings.HasPrefix(got, x.want) || (x.want == "") != (got == "") {
			t.Errorf("%s: got %q, want %q", name, got, x.want)
		}
	}
}
