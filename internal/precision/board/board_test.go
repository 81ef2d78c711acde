package board

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tokmeter/internal/engine"
	"tokmeter/internal/experiment"
	"tokmeter/internal/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A page is a writer for several goroutines.
type page struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

// TestBoard: on a terminal one line is written over and leaves nothing; a thing
// that happened has a line of its own, with how far the experiment has come
// where that was a step.
func TestBoard(t *testing.T) {
	var w page
	b := New(&w, Options{Terminal: true, Live: true, Width: func() int { return 200 }, Now: time.Now})
	p := &record.Progress{}
	p.Total.Store(7)
	done := b.Runs(experiment.Job{Kind: experiment.Measure, Variant: experiment.Variant{Name: "fp16"}}, p)
	progress, loaded := b.Loads("int4")
	progress(engine.Progress{Stage: engine.Loading, Seconds: 3, Percent: 50, Line: "a\nb"})
	b.Say("fp16", "first\nsecond")
	b.Tell(experiment.Note{Variant: "fp16", Round: 1, Text: "starts", Progress: experiment.Progress{Steps: 12}})
	b.Tell(experiment.Note{Variant: "fp16", Round: 1, Text: "1 request/s done", Progress: experiment.Progress{Done: 1, Steps: 12, Left: 8 * time.Minute}})
	done()
	loaded()
	b.Close()
	got := w.b.String()
	for _, want := range []string{
		"tokmeter: fp16: first; second\n", "fp16 0/7", "int4 loading weights, 3 s, 50 %: a; b",
		"tokmeter: fp16: round 1: starts\n", "tokmeter: fp16: round 1: 1 request/s done (1 of 12 steps, about 8 min left)\n", "step 2 of 12, about 8 min left · fp16",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
	if !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("got %q, want an empty line at the end", got)
	}
}

func TestLeftText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                               "",
		20 * time.Second:                ", less than a minute left",
		90 * time.Second:                ", about 2 min left",
		59*time.Minute + 40*time.Second: ", about 1 h 00 min left",
		130 * time.Minute:               ", about 2 h 10 min left",
	} {
		if got := leftText(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}
