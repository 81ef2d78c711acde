// Package board shows on a terminal what an experiment does: a line for each
// thing that happens, and below them one that is written over with how far it
// has come, what is left, and what is in progress.
//
// It owns one goroutine, which Close waits for. Without a terminal it writes a
// line now and then instead.
package board

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"tokmeter/internal/engine"
	"tokmeter/internal/excerpt"
	"tokmeter/internal/experiment"
	"tokmeter/internal/record"
)

// Options say where and how a Board writes.
type Options struct {
	Terminal bool       // one line may be written over
	Live     bool       // show what is in progress
	Width    func() int // of the terminal in characters
	Now      func() time.Time
}

// A Board tells what an experiment does, one call at a time.
type Board struct {
	w io.Writer
	o Options

	mu    sync.Mutex
	lanes []*lane // in the order in which they began
	come  experiment.Progress
	stop  chan struct{}
	gone  chan struct{}
}

// A lane is one thing under way.
type lane struct {
	name  string
	began time.Time
	load  *engine.Progress // of an engine that loads
	run   *record.Progress // of a run
}

// The times between two looks, on a terminal and elsewhere.
const (
	onTerminal = 250 * time.Millisecond
	elsewhere  = 15 * time.Second
)

// New begins a board. The caller closes it.
func New(w io.Writer, o Options) *Board {
	b := &Board{w: w, o: o, stop: make(chan struct{}), gone: make(chan struct{})}
	every := elsewhere
	if b.o.Terminal {
		every = onTerminal
	}
	go func() {
		defer close(b.gone)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				b.mu.Lock()
				b.show()
				b.mu.Unlock()
			case <-b.stop:
				return
			}
		}
	}()
	return b
}

// Close ends the board and clears its line.
func (b *Board) Close() {
	close(b.stop)
	<-b.gone
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wipe()
}

func (b *Board) wipe() {
	if b.o.Terminal && b.o.Live {
		_, _ = io.WriteString(b.w, "\r\x1b[K")
	}
}

// Say tells one thing, of a variant or of all.
func (b *Board) Say(variant, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wipe()
	if variant != "" {
		variant += ": "
	}
	fmt.Fprintf(b.w, "tokmeter: %s%s\n", variant, excerpt.Lines(text))
	if b.o.Terminal {
		b.show()
	}
}

// Tell is Say for what the experiment notes. Where a step was done, it says how
// many there are and how long the rest takes.
func (b *Board) Tell(n experiment.Note) {
	text := n.Text
	if n.Round > 0 {
		text = fmt.Sprintf("round %d: %s", n.Round, n.Text)
	}
	b.mu.Lock()
	if n.Progress.Done > b.come.Done {
		text += fmt.Sprintf(" (%d of %d steps%s)", n.Progress.Done, n.Progress.Steps, leftText(n.Progress.Left))
	}
	b.come = n.Progress
	b.mu.Unlock()
	b.Say(n.Variant, text)
}

// leftText is about how long the rest takes.
func leftText(d time.Duration) string {
	switch m := int(d.Round(time.Minute).Minutes()); {
	case d <= 0:
		return ""
	case d < time.Minute:
		return ", less than a minute left"
	case m < 60:
		return fmt.Sprintf(", about %d min left", m)
	default:
		return fmt.Sprintf(", about %d h %02d min left", m/60, m%60)
	}
}

// Lines shows the end of an engine's log.
func (b *Board) Lines(log []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wipe()
	for _, line := range log {
		fmt.Fprintf(b.w, "  | %s\n", line)
	}
}

// Runs shows a run until the function that it returns is called.
func (b *Board) Runs(j experiment.Job, p *record.Progress) (done func()) {
	name := j.Variant.Name
	if j.Kind != experiment.Measure {
		name += " " + string(j.Kind)
	}
	return b.add(&lane{name: name, run: p})
}

func (b *Board) add(l *lane) (done func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.began = b.o.Now()
	b.lanes = append(b.lanes, l)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.lanes = slices.DeleteFunc(b.lanes, func(x *lane) bool { return x == l })
	}
}

// Loads shows how an engine comes up until the second function is called.
func (b *Board) Loads(name string) (progress func(engine.Progress), done func()) {
	l := &lane{name: name, load: &engine.Progress{}}
	done = b.add(l)
	return func(p engine.Progress) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !b.o.Terminal && b.o.Live && p.Stage != l.load.Stage {
			fmt.Fprintf(b.w, "tokmeter: %s: %s\n", name, loadText(p))
		}
		*l.load = p
	}, done
}

// loadText is how far an engine has come.
func loadText(p engine.Progress) string {
	s := fmt.Sprintf("%s, %.0f s", p.Stage, p.Seconds)
	if p.Percent >= 0 {
		s += fmt.Sprintf(", %.0f %%", p.Percent)
	}
	if p.Line != "" {
		s += ": " + excerpt.Lines(p.Line)
	}
	return s
}

// show writes what is under way.
func (b *Board) show() {
	if !b.o.Live || len(b.lanes) == 0 {
		return
	}
	var parts []string
	if c := b.come; c.Steps > 0 {
		parts = append(parts, fmt.Sprintf("step %d of %d%s", min(c.Done+1, c.Steps), c.Steps, leftText(c.Left)))
	}
	for _, l := range b.lanes {
		if l.load != nil {
			parts = append(parts, l.name+" "+loadText(*l.load))
			continue
		}
		text := fmt.Sprintf("%s %d/%d", l.name, l.run.Done.Load(), l.run.Total.Load())
		if n := l.run.Failed.Load(); n > 0 {
			text += fmt.Sprintf(" (%d failed)", n)
		}
		parts = append(parts, fmt.Sprintf("%s, %.0f s", text, b.o.Now().Sub(l.began).Seconds()))
	}
	line := strings.Join(parts, " · ")
	if !b.o.Terminal {
		fmt.Fprintf(b.w, "tokmeter: %s\n", line)
		return
	}
	width := b.o.Width()
	if width < 1 {
		width = 80
	}
	if r := []rune(line); len(r) >= width {
		line = string(r[:max(width-1, 1)])
	}
	_, _ = io.WriteString(b.w, "\r\x1b[K"+line)
}
