package memory

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestPasses looks at what each pass leaves behind: one that the compiler left
// out, or that skips words, would be fast and wrong.
func TestPasses(t *testing.T) {
	const n = 3 * unroll
	x := part{make([]float64, n), make([]float64, n), make([]float64, n)}
	for i := range n {
		x.a[i] = float64(i)
	}
	want := func(name string, got []float64, f func(i float64) float64) {
		t.Helper()
		for i, v := range got {
			if v != f(float64(i)) {
				t.Fatalf("%s: word %d: got %v, want %v", name, i, v, f(float64(i)))
			}
		}
	}
	read(x)
	copyOver(x)
	want("copy", x.c, func(i float64) float64 { return i })
	scale(x)
	want("scale", x.b, func(i float64) float64 { return factor * i })
	triad(x)
	want("triad", x.a, func(i float64) float64 { return 2 * factor * i })
}

// TestReadTouchesEveryLine: a line that is left out would make memory look
// faster than it is.
func TestReadTouchesEveryLine(t *testing.T) {
	const line = 8 // words
	for i := range 3 * unroll / line {
		a := make([]float64, 3*unroll)
		for j := range line {
			a[i*line+j] = 1
		}
		if got := lines(a); got != 1 {
			t.Errorf("line %d: got %v, want 1 word of it", i, got)
		}
	}
}

func TestChainsStayNumbers(t *testing.T) {
	got := float64(chains(starts(), chainTurns))
	if math.IsNaN(got) || math.IsInf(got, 0) || got < chainCount {
		t.Errorf("got %v: chains leave the range in which a multiplication takes its usual time", got)
	}
}

func TestProbe(t *testing.T) {
	for _, cores := range []int{1, 2} {
		r, err := Probe(t.Context(), Options{Time: 20 * time.Millisecond, Bytes: leastUseful + 1, Cores: cores})
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range map[string]Speed{
			"read": r.All.Read, "copy": r.All.Copy, "scale": r.All.Scale, "triad": r.All.Triad,
			"one read": r.One.Read, "one copy": r.One.Copy, "one scale": r.One.Scale, "one triad": r.One.Triad,
		} {
			if s.Passes < minPasses || s.Median <= 0 || s.Best < s.Median || s.Best > 1e6 {
				t.Errorf("%d cores: %s: %+v is no possible speed", cores, name, s)
			}
		}
		if r.Cores != cores || r.ArrayBytes > leastUseful+1 || r.ArrayBytes < leastUseful*9/10 || r.OneBytes > r.ArrayBytes {
			t.Errorf("got %d cores, arrays of %d bytes, %d of one core; want %d cores and about %d bytes", r.Cores, r.ArrayBytes, r.OneBytes, cores, leastUseful)
		}
		if len(r.Notes) == 0 {
			t.Error("arrays of 8 MiB want a note about caches")
		}
		if (r.GFLOPS > 0) != (r.Lanes > 0 && !r.Matrix) {
			t.Errorf("got %v GFLOPS with %d lanes", r.GFLOPS, r.Lanes)
		}
		if b := r.Bandwidth(); b < r.All.Read.Best*1e9 || b < r.One.Read.Best*1e9 {
			t.Errorf("got a bandwidth of %v, less than a pass that read: %+v, %+v", b, r.All.Read, r.One.Read)
		}
	}
}

func TestProbeEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the user has had enough")
	cancel(cause)
	if _, err := Probe(ctx, Options{Bytes: leastUseful}); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
	ctx, cancel = context.WithCancelCause(t.Context())
	go func() {
		time.Sleep(20 * time.Millisecond)
		cancel(cause)
	}()
	if _, err := Probe(ctx, Options{Time: time.Hour, Bytes: leastUseful, Cores: 1}); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		why   string
		m     Machine
		asked int64
		want  int64
		notes int
		fails bool
	}{
		{"small caches: STREAM's least", Machine{Cores: 2, CacheBytes: 32 << 20, Available: 16 << 30}, 0, 256 << 20, 0, false},
		{"large caches: four times all of them", Machine{Cores: 64, CacheBytes: 384 << 20, Available: 512 << 30}, 0, 1536 << 20, 0, false},
		{"little memory: an eighth of it", Machine{Cores: 2, CacheBytes: 8 << 20, Available: 1 << 30}, 0, 128 << 20, 0, false},
		{"little memory beside large caches is said", Machine{Cores: 2, CacheBytes: 96 << 20, Available: 1 << 30}, 0, 128 << 20, 1, false},
		{"nothing known is said", Machine{Cores: 2}, 0, 256 << 20, 1, false},
		{"what is asked is kept", Machine{Cores: 1, CacheBytes: 1 << 20, Available: 1 << 30}, 64 << 20, 64 << 20, 0, false},
		{"no memory", Machine{Cores: 2, CacheBytes: 8 << 20, Available: 16 << 20}, 0, 0, 0, true},
		{"more than there is", Machine{Cores: 2, CacheBytes: 8 << 20, Available: 1 << 30}, 512 << 20, 0, 0, true},
		{"too small", Machine{Cores: 2, CacheBytes: 8 << 20, Available: 1 << 30}, 1000, 0, 0, true},
	} {
		r := Result{Machine: c.m}
		err := r.size(c.asked)
		if (err != nil) != c.fails || r.ArrayBytes != c.want || !c.fails && len(r.Notes) != c.notes {
			t.Errorf("%s: got %d bytes, %q, %v; want %d, %d notes", c.why, r.ArrayBytes, r.Notes, err, c.want, c.notes)
		}
	}
}

func TestSpeed(t *testing.T) {
	if got, want := speed([]float64{3, 1, 2, 10}), (Speed{10, 2.5, 4}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLastCaches(t *testing.T) {
	list := []cache{
		{1, "Data", "0", 48 << 10},
		{1, "Instruction", "0", 32 << 10},
		{2, "Unified", "0", 1 << 20},
		{3, "Unified", "0-7", 32 << 20},
		{3, "Unified", "0-7", 32 << 20},
		{3, "Unified", "8-15", 96 << 20},
	}
	for _, c := range []struct {
		why      string
		list     []cache
		all, one int64
	}{
		{"each cache once, the largest apart", list, 128 << 20, 96 << 20},
		{"no third level: the second's", list[:3], 1 << 20, 1 << 20},
		{"nothing known", nil, 0, 0},
	} {
		if all, one := lastCaches(c.list); all != c.all || one != c.one {
			t.Errorf("%s: got %d, %d; want %d, %d", c.why, all, one, c.all, c.one)
		}
	}
}

func TestTexts(t *testing.T) {
	for _, c := range []struct {
		why, text string
		want      Machine
	}{
		{"x86 with wide vectors", "processor : 0\nmodel name\t: AMD EPYC 9X5\nflags\t\t: sse2 avx avx512f avx512_vnni avx512_bf16\nmodel name: other\n", Machine{CPU: "AMD EPYC 9X5", Lanes: 16, Dot8: true, Half: true}},
		{"x86 without", "model name: Xeon\nflags: sse2 avx avx2 fma\n", Machine{CPU: "Xeon", Lanes: 8}},
		{"ARM names features alone", "Features : fp asimd asimddp asimdhp\n", Machine{Lanes: 4, Dot8: true, Half: true}},
		{"AMX beside the vectors", "flags: avx512f amx_tile amx_int8\n", Machine{Lanes: 16, Matrix: true}},
		{"vectors whose length is not told", "Features : asimd sve\n", Machine{}},
		{"nothing", "", Machine{}},
	} {
		var got Machine
		got.cpuInfo(c.text)
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", c.why, d)
		}
	}
	for text, want := range map[string]int64{
		"MemTotal: 9 kB\nMemAvailable:   24175332 kB\n": 24175332 << 10,
		"MemAvailable: many kB\n":                       0,
		"MemAvailable: -1 kB\n":                         0,
		"":                                              0,
	} {
		if got := memAvailable(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]int64{"32768K": 32 << 20, "32M": 32 << 20, "1G": 1 << 30, "12": 12, "": 0, "-1K": 0, "99999999999999999K": 0} {
		if got := kib(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}
