package cli

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

// A board tells on stderr what an experiment does: a line for each thing that
// happens, and below them, on a terminal, one that is written over with what is
// under way.
type board struct {
	w     io.Writer
	tty   bool
	live  bool // show what is under way
	width func() int
	now   func() time.Time

	mu    sync.Mutex
	lanes []*lane // in the order in which they began
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
	boardOnTerminal = 250 * time.Millisecond
	boardElsewhere  = 15 * time.Second
)

func newBoard(env *Env, live bool) *board {
	b := &board{
		w: env.Stderr, tty: env.StderrTTY, live: live, width: env.progressWidth, now: env.Now,
		stop: make(chan struct{}), gone: make(chan struct{}),
	}
	every := boardElsewhere
	if b.tty {
		every = boardOnTerminal
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

// close ends the board and clears its line.
func (b *board) close() {
	close(b.stop)
	<-b.gone
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wipe()
}

func (b *board) wipe() {
	if b.tty && b.live {
		_, _ = io.WriteString(b.w, "\r\x1b[K")
	}
}

// say tells one thing, of a variant or of all.
func (b *board) say(variant, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wipe()
	if variant != "" {
		variant += ": "
	}
	fmt.Fprintf(b.w, "tokmeter: %s%s\n", variant, excerpt.Lines(text))
	if b.tty {
		b.show()
	}
}

// tell is say for what the experiment notes.
func (b *board) tell(n experiment.Note) {
	if n.Round > 0 {
		b.say(n.Variant, fmt.Sprintf("round %d: %s", n.Round, n.Text))
		return
	}
	b.say(n.Variant, n.Text)
}

// lines shows the end of an engine's log.
func (b *board) lines(log []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wipe()
	for _, line := range log {
		fmt.Fprintf(b.w, "  | %s\n", line)
	}
}

// runs shows a run until the function that it returns is called.
func (b *board) runs(j experiment.Job, p *record.Progress) (done func()) {
	name := j.Variant.Name
	if j.Kind != experiment.Measure {
		name += " " + string(j.Kind)
	}
	return b.add(&lane{name: name, run: p})
}

func (b *board) add(l *lane) (done func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.began = b.now()
	b.lanes = append(b.lanes, l)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.lanes = slices.DeleteFunc(b.lanes, func(x *lane) bool { return x == l })
	}
}

// loads shows how an engine comes up until the second function is called.
func (b *board) loads(name string) (progress func(engine.Progress), done func()) {
	l := &lane{name: name, load: &engine.Progress{}}
	done = b.add(l)
	return func(p engine.Progress) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !b.tty && b.live && p.Stage != l.load.Stage {
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
func (b *board) show() {
	if !b.live || len(b.lanes) == 0 {
		return
	}
	var parts []string
	for _, l := range b.lanes {
		if l.load != nil {
			parts = append(parts, l.name+" "+loadText(*l.load))
			continue
		}
		text := fmt.Sprintf("%s %d/%d", l.name, l.run.Done.Load(), l.run.Total.Load())
		if n := l.run.Failed.Load(); n > 0 {
			text += fmt.Sprintf(" (%d failed)", n)
		}
		parts = append(parts, fmt.Sprintf("%s, %.0f s", text, b.now().Sub(l.began).Seconds()))
	}
	line := strings.Join(parts, " · ")
	if !b.tty {
		fmt.Fprintf(b.w, "tokmeter: under way: %s\n", line)
		return
	}
	width := b.width()
	if width < 1 {
		width = 80
	}
	if r := []rune(line); len(r) >= width {
		line = string(r[:max(width-1, 1)])
	}
	_, _ = io.WriteString(b.w, "\r\x1b[K"+line)
}
