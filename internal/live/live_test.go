package live

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"tokmeter/internal/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the goldens again")

// log keeps what was written, one write a line, with the controls visible.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.WriteString(strings.NewReplacer("\r", `\r`, "\x1b", `\e`, "\n", `\n`).Replace(string(p)) + "\n")
	return len(p), nil
}

// play moves the counters as a run of ten requests does: one a second, each
// of 2 s with 50 tokens/s, the fourth refused at once.
func play(p *record.Progress) {
	p.Total.Store(10)
	tick := func() {
		for range 5 {
			time.Sleep(200 * time.Millisecond)
			p.Tokens.Add(10 * p.InFlight.Load())
		}
	}
	for i := range 10 {
		p.Released.Add(1)
		switch {
		case i == 3:
			p.Done.Add(1)
			p.Failed.Add(1)
		default:
			p.InFlight.Add(1)
			p.TTFTSum.Add(int64(40 * time.Millisecond))
			p.TTFTCount.Add(1)
		}
		tick()
		if i > 0 && i-1 != 3 {
			p.InFlight.Add(-1)
			p.Done.Add(1)
		}
	}
	tick()
	p.InFlight.Add(-1)
	p.Done.Add(1)
}

func TestGoldens(t *testing.T) {
	tests := []struct {
		name, why string
		opts      Options
	}{
		{"terminal", "one line, written over, cleared in the end", Options{Terminal: true, Width: func() int { return 100 }}},
		{"narrow", "a narrow terminal keeps what matters most, and its last column free", Options{Terminal: true, Width: func() int { return 30 }}},
		{"tiny", "nothing wraps, whatever the width", Options{Terminal: true, Width: func() int { return 5 }}},
		{"unknown-width", "a terminal that does not tell its width is taken for 80 columns", Options{Terminal: true, Width: func() int { return 0 }}},
		{"plain", "a line every five seconds elsewhere", Options{}},
		{"schedule", "the schedule says when the last request goes", Options{Expect: 9 * time.Second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out log
				tt.opts.Progress = new(record.Progress)
				l := Start(&out, tt.opts)
				// Off the display's own beat, so that each look has one answer.
				time.Sleep(100 * time.Millisecond)
				play(tt.opts.Progress)
				l.Stop()
				l.Stop()
				golden(t, tt.name, out.b.Bytes())
			})
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); d != "" {
		t.Fatal(d)
	}
}

// At most ten lines a second reach a terminal, however fast the counters move.
func TestFrameRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out log
		l := Start(&out, Options{Progress: new(record.Progress), Terminal: true})
		time.Sleep(10 * time.Second)
		synctest.Wait()
		l.Stop()
		if n := strings.Count(out.b.String(), "\n"); n < 10 || n > 101 {
			t.Fatalf("got %d writes in ten seconds, want 10 to 101", n)
		}
	})
}

// After Stop nothing is written, so the report can follow.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out log
		l := Start(&out, Options{Progress: new(record.Progress), Terminal: true})
		time.Sleep(time.Second)
		l.Stop()
		n := out.b.Len()
		if !strings.HasSuffix(out.b.String(), `\r\e[K`+"\n") {
			t.Errorf("the line was not cleared: %q", out.b.String())
		}
		time.Sleep(time.Minute)
		if out.b.Len() != n {
			t.Error("something was written after Stop")
		}
		var none *Line
		none.Stop() // --no-live
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("closed pipe") }

func TestBrokenWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Start(broken{}, Options{Progress: new(record.Progress)})
		time.Sleep(time.Minute)
		l.Stop()
	})
}

func TestTexts(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{number(0), "0.00"}, {number(9.994), "9.99"}, {number(9.996), "10.0"}, {number(99.96), "100"}, {number(51234.5), "51234"},
		{clock(0), "0:00"}, {clock(59600 * time.Millisecond), "1:00"}, {clock(3723 * time.Second), "1:02:03"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}
