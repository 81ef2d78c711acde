package load

import (
	"bytes"
	"encoding/json"
	"regexp"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/wire"
)

// maxStray bounds what is kept of lines that are no events, in bytes.
const maxStray = 4 << 10

// A stray is what stood between the events of a stream and is no event: an
// error object that lacks its field, the words of a proxy, a page.
type stray struct {
	lines []byte // joined by LF
	odd   bool   // a line is not even a field that nobody knows
}

// fieldLine is what the standard lets a server add: a field of its own.
var fieldLine = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*:`)

// line takes a line of no known field. It returns false when nothing that
// follows matters.
func (t *tally) line(e wire.Event) (more bool) {
	data, lost := unprefixed(e.Data)
	switch name, value, ok := bytes.Cut(data, []byte(":")); {
	case e.Cut && !ok && beginsField(data):
		t.cut = true
		return true
	case ok && bytes.EqualFold(name, []byte("error")):
		// llama.cpp wrote its errors so until the autumn of 2025.
		t.fail(record.StreamError, t.dialect.ErrorText(value))
		return true
	case lost && len(data) == 0:
		return true
	}
	if string(data) == "[DONE]" {
		t.rec.Unprefixed++
		t.done = true
		return false
	}
	s := &t.stray
	if len(data) > 0 && data[0] == '{' && json.Valid(data) {
		return t.object(data, e)
	}
	s.add(data)
	if s.lines[0] == '{' && json.Valid(s.lines) {
		whole := s.lines
		*s = stray{}
		return t.object(whole, e)
	}
	return true
}

// object takes a JSON object that lacked its field.
func (t *tally) object(data []byte, e wire.Event) (more bool) {
	if t.dialect.Scan(data, &t.ev) == nil {
		if ev := &t.ev; ev.HasChoice || ev.Usage.Present || ev.Text != nil || ev.Finish != "" {
			if ev.Kind != protocol.Error {
				t.rec.Unprefixed++
			}
			return t.note(ev, e.At)
		}
	}
	t.stray.add(data)
	return true
}

func (s *stray) add(line []byte) {
	s.odd = s.odd || !fieldLine.Match(line)
	if len(s.lines) < maxStray {
		s.lines = append(append(s.lines, line[:min(len(line), maxStray)]...), '\n')
	}
}

// beginsField reports whether the line is the beginning of a field's name.
func beginsField(line []byte) bool {
	for _, field := range [...]string{"data", "event", "id", "retry"} {
		if len(line) < len(field) && field[:len(line)] == string(line) {
			return true
		}
	}
	return false
}

// unprefixed takes blanks and every "data:" off the front of a line, and reports
// whether there was any.
func unprefixed(line []byte) (rest []byte, any bool) {
	const field = "data:"
	rest = bytes.TrimSpace(line)
	for len(rest) >= len(field) && bytes.EqualFold(rest[:len(field)], []byte(field)) {
		rest = bytes.TrimSpace(rest[len(field):])
	}
	return rest, len(rest) < len(line)
}

// words are the lines as they came; "" when there are none.
func (s *stray) words() string {
	return excerpt.Bytes(excerpt.Squeeze(string(s.lines)), 500)
}

// after adds the lines to other words.
func (s *stray) after(words string) string {
	if w := s.words(); w != "" {
		return words + "; the stream also has lines that are no events: " + w
	}
	return words
}
