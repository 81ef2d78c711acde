// Package live shows how a run is getting on: one line that is written over
// on a terminal, a line of its own every few seconds elsewhere. It polls the
// counters of record.Progress and never holds a stream up. It is not a
// report: its numbers are of the moment, and are gone with the line.
package live

import (
	"io"
	"sync"
	"time"

	"tokmeter/internal/record"
)

// The times between two lines: a terminal is written at most ten times a
// second, a log every five seconds.
const (
	onTerminal = 200 * time.Millisecond
	elsewhere  = 5 * time.Second
)

// Options say what to show and how.
type Options struct {
	Progress *record.Progress
	// Terminal says that the writer is a terminal: one line, written over.
	Terminal bool
	// Width returns the terminal's width in columns; nil or a result below 1
	// means 80. It is asked before each line, so that resizing works.
	Width func() int
	// Expect is how long the sending of all requests takes by the schedule, in
	// an open loop; 0 where it is not known. It makes the time left better.
	Expect time.Duration
}

// A Line is a progress line under way. Stop ends it.
type Line struct {
	stop chan struct{}
	gone chan struct{}
	once sync.Once
}

// Start shows the progress on w until Stop. A write that fails is left at that.
func Start(w io.Writer, o Options) *Line {
	l := &Line{stop: make(chan struct{}), gone: make(chan struct{})}
	d := display{w: w, Options: o, began: time.Now()}
	go func() {
		defer close(l.gone)
		d.run(l.stop)
	}()
	return l
}

// Stop clears the line on a terminal and returns when nothing more is
// written. Stopping twice is allowed, and so is stopping a nil Line.
func (l *Line) Stop() {
	if l == nil {
		return
	}
	l.once.Do(func() { close(l.stop) })
	<-l.gone
}

// A display writes the lines. Its goroutine alone touches it.
type display struct {
	Options
	w     io.Writer
	began time.Time
	past  []point // the last few seconds, for the rate
}

// A point is the number of tokens at a moment.
type point struct {
	at     time.Time
	tokens int64
}

func (d *display) run(stop <-chan struct{}) {
	every := elsewhere
	if d.Terminal {
		every = onTerminal
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	d.past = append(d.past, point{d.began, 0})
	for {
		select {
		case <-tick.C:
			d.show(time.Now())
		case <-stop:
			if d.Terminal {
				_, _ = io.WriteString(d.w, wipe)
			}
			return
		}
	}
}

// wipe goes to the beginning of the line and empties it.
const wipe = "\r\x1b[K"

func (d *display) show(now time.Time) {
	s := d.look(now)
	if !d.Terminal {
		_, _ = io.WriteString(d.w, s.line(0)+"\n")
		return
	}
	width := 0
	if d.Width != nil {
		width = d.Width()
	}
	if width < 1 {
		width = 80
	}
	// The last column stays free: some terminals wrap when it is written.
	_, _ = io.WriteString(d.w, wipe+s.line(max(width-1, 1)))
}

// rateOver is the time over which tokens per second are counted.
const rateOver = 3 * time.Second

// look reads the counters.
func (d *display) look(now time.Time) snapshot {
	p := d.Progress
	s := snapshot{
		elapsed:  now.Sub(d.began),
		total:    p.Total.Load(),
		done:     p.Done.Load(),
		inFlight: p.InFlight.Load(),
		waiting:  max(0, p.Released.Load()-p.Done.Load()-p.InFlight.Load()),
		failed:   p.Failed.Load(),
	}
	if n := p.TTFTCount.Load(); n > 0 {
		s.ttft = time.Duration(p.TTFTSum.Load() / n)
	}
	at := point{now, p.Tokens.Load()}
	d.past = append(d.past, at)
	for len(d.past) > 2 && now.Sub(d.past[1].at) >= rateOver {
		d.past = d.past[1:]
	}
	if span := now.Sub(d.past[0].at); span > 0 {
		s.rate = float64(at.tokens-d.past[0].tokens) / span.Seconds()
	}
	s.left = timeLeft(s, d.Expect)
	return s
}
