package engine

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"tokmeter/internal/excerpt"
)

const (
	tailLines = 2000
	lineBytes = 4096 // what is longer is cut in memory; the file has it whole
)

// A logbook takes the engine's output: whole into a file, as lines into memory
// and into what reads them. A line that is drawn again after a carriage return,
// as a progress bar is, takes the place of the one before it.
type logbook struct {
	mu      sync.Mutex
	file    io.Writer // nil without one
	fileErr error
	left    int64 // bytes that the file may still grow by
	hide    *strings.Replacer
	lines   []string // a ring
	next    int
	part    []byte // of the line that is being written
	redrawn bool   // the last line of the ring is a progress bar's
	seen    int    // lines so far
	facts   reader
	stage   Stage
	percent float64
	last    string
}

func newLogbook(file io.Writer, secrets []string) *logbook {
	var pairs []string
	for _, s := range secrets {
		pairs = append(pairs, s, hidden)
	}
	return &logbook{file: file, left: maxLog, hide: strings.NewReplacer(pairs...), stage: Starting, percent: -1}
}

// Write takes a piece of output. It never fails, so that an engine is not held
// up by a full disk; the file's error is kept.
func (b *logbook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			b.add(p)
			break
		}
		b.add(p[:i])
		// "\r\n" is one line's end, seen as a redraw and an empty line after it.
		b.end(p[i] == '\r')
		p = p[i+1:]
	}
	return n, nil
}

func (b *logbook) add(p []byte) {
	// A line without an end must not fill the memory.
	for len(b.part)+len(p) > 1<<16 {
		k := 1<<16 - len(b.part)
		b.part = append(b.part, p[:k]...)
		p = p[k:]
		b.end(false)
	}
	b.part = append(b.part, p...)
}

// end closes the line; redraw says that the next one is written over it.
func (b *logbook) end(redraw bool) {
	if len(b.part) == 0 {
		if !redraw && !b.redrawn {
			b.save("\n")
		}
		if !redraw {
			b.redrawn = false
		}
		return
	}
	line := b.hide.Replace(strings.ToValidUTF8(string(b.part), "�"))
	b.part = b.part[:0]
	b.save(line + "\n")
	if text := cut(Plain(line), lineBytes); strings.TrimSpace(text) != "" {
		b.keep(text)
	}
	b.redrawn = redraw
}

func (b *logbook) keep(text string) {
	b.facts.line(text)
	if s, p, ok := stageOf(text); ok {
		b.stage, b.percent = s, p
	}
	b.last = Bare(text)
	over := b.redrawn && isBar(text) && b.seen > 0
	if over {
		b.next = (b.next + tailLines - 1) % tailLines
	} else {
		b.seen++
	}
	if len(b.lines) < tailLines && b.next == len(b.lines) {
		b.lines = append(b.lines, text)
	} else {
		b.lines[b.next] = text
	}
	b.next = (b.next + 1) % tailLines
}

func (b *logbook) save(s string) {
	if b.file == nil || b.left <= 0 || b.fileErr != nil {
		return
	}
	if b.left -= int64(len(s)); b.left <= 0 {
		s = "(the rest of the log is left out: it is larger than 256 MiB)\n"
	}
	_, b.fileErr = io.WriteString(b.file, s)
}

// close ends the line that has no end yet.
func (b *logbook) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.part) > 0 {
		b.end(false)
	}
}

// tail is the last n lines, oldest first.
func (b *logbook) tail(n int) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := min(n, len(b.lines))
	out := make([]string, 0, k)
	for i := k; i > 0; i-- {
		out = append(out, b.lines[(b.next-i+2*tailLines)%tailLines])
	}
	return out
}

func (b *logbook) progress() (Stage, float64, string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stage, b.percent, b.last
}

func (b *logbook) read() (Facts, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.facts.facts(), b.fileErr
}

// isBar reports whether a line is a drawing of a progress bar.
func isBar(line string) bool {
	return strings.Contains(line, "%|") || strings.Contains(line, "% Completed") || strings.Contains(line, "it/s]") || strings.Contains(line, "s/it]")
}

// Plain is a line without terminal sequences (colours, cursor movements,
// titles) and without what is not printable, but for the tab.
func Plain(line string) string {
	var out strings.Builder
	for i := 0; i < len(line); {
		if line[i] == 0x1b {
			i += escape(line[i:])
			continue
		}
		r, n := utf8.DecodeRuneInString(line[i:])
		if r == '\t' || unicode.IsPrint(r) {
			out.WriteRune(r)
		}
		i += n
	}
	return strings.TrimRight(out.String(), " \t")
}

// escape is how many bytes a terminal sequence has (ECMA-48 §5.4, and OSC).
func escape(s string) int {
	if len(s) < 2 {
		return len(s)
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
		}
		return len(s)
	case ']':
		for i := 2; i < len(s); i++ {
			if s[i] == 7 {
				return i + 1
			}
			if s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
		}
		return len(s)
	case '(', ')', '*', '+':
		if len(s) == 2 || s[2] >= utf8.RuneSelf {
			return 2
		}
		return 3
	}
	if s[1] >= utf8.RuneSelf { // no byte of a sequence: it begins a rune
		return 1
	}
	return 2
}

// cut shortens a text to n bytes at a rune's border.
func cut(s string, n int) string {
	if start := excerpt.Bytes(s, n); len(start) < len(s) {
		return start + "…"
	}
	return s
}
