package load

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/wire"
)

// maxStray bounds what is kept of lines that are no events, in bytes.
const maxStray = 4 << 10

// maxShown is how much of an event that says nothing known is kept, in bytes.
const maxShown = 300

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
		if value = bytes.TrimSpace(value); t.failed == "" && len(value) > 0 && value[0] == '{' && !json.Valid(value) {
			t.broken = true
			t.stray = stray{}
			t.stray.add(value)
		}
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
	if t.broken {
		t.broken = !json.Valid(s.lines)
		t.words = t.dialect.ErrorText(s.lines)
		return true
	}
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
			switch {
			case ev.Whole:
				t.fail(record.BadStream, "the answer came whole and not as a stream: "+excerpt.Bytes(excerpt.Squeeze(string(data)), 500))
				return false
			case ev.Kind != protocol.Error:
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

// unprefixed takes blanks, byte order marks and every "data:" off the front of a
// line, and reports whether there was any.
func unprefixed(line []byte) (rest []byte, any bool) {
	const field = "data"
	rest = bytes.TrimSpace(line)
	for {
		rest = bytes.TrimSpace(bytes.TrimPrefix(rest, []byte("\ufeff")))
		if len(rest) < len(field) || !bytes.EqualFold(rest[:len(field)], []byte(field)) {
			break
		}
		value, ok := bytes.CutPrefix(bytes.TrimSpace(rest[len(field):]), []byte(":"))
		if !ok {
			break
		}
		rest = bytes.TrimSpace(value)
	}
	return rest, len(rest) < len(line)
}

// namesError reports whether an event of this name tells of a failure: error,
// exception, or the name of an error such as response.error.
func namesError(name []byte) bool {
	const suffix = "error"
	return len(name) >= len(suffix) && bytes.EqualFold(name[len(name)-len(suffix):], []byte(suffix)) ||
		bytes.EqualFold(name, []byte("exception"))
}

// beatOf reports whether an event of this name only keeps the connection alive,
// whatever it says.
func beatOf(name []byte) bool {
	switch strings.ToLower(string(name)) {
	case "ping", "heartbeat", "keepalive", "keep-alive", "keep_alive":
		return true
	}
	return false
}

// spokenError reports whether data that is no JSON says in words that it is an
// error: "error: …", "[ERROR] …", "Internal Server Error".
func spokenError(data []byte) bool {
	lower := bytes.ToLower(bytes.TrimLeft(data[:min(len(data), maxShown)], " [(<\""))
	return bytes.HasPrefix(lower, []byte("error")) || bytes.HasPrefix(lower, []byte("internal server error"))
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
