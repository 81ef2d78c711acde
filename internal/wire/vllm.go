package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"tokmeter/internal/record"
)

// A Reader says how a stream is cut into events.
type Reader uint8

const (
	// ReadEvents follows the WHATWG standard.
	ReadEvents Reader = iota
	// ReadAsVLLM cuts as vLLM 0.32's client does for completions and chat, with
	// its defects: white space at the ends of segments is lost, a comment at
	// the end of one swallows what follows, events that end with CRLF are lost
	// when two come together, and `data:` needs its space and no other field.
	// One defect is left out: a segment that ends beside that space, which vLLM's
	// client does not survive. Segments end elsewhere in a client that reads at
	// another pace, so that it would fail requests which vLLM's does not.
	ReadAsVLLM
	// ReadAsVLLMResponses cuts as vLLM 0.32's client does for the responses
	// API: other fields may stand beside data, and lines end with LF alone.
	ReadAsVLLMResponses
)

// A cutter cuts a stream, which comes in segments, into events.
type cutter interface {
	// reset makes the cutter ready for another stream.
	reset()
	// feed takes the next segment, which reached the kernel at the given
	// moment. It returns false when the handler wants no more.
	feed(seg []byte, at record.Stamp, fn Handler) (more bool, err error)
	// end tells that the stream is over, as promised or not.
	end(at record.Stamp, fn Handler) (more bool)
}

// cutter makes what cuts streams as c says.
func (c *Config) cutter() cutter {
	if c.Reader == ReadEvents {
		return new(parser)
	}
	return &vllmCutter{responses: c.Reader == ReadAsVLLMResponses, whole: c.Whole}
}

// A vllmCutter cuts a stream into messages as vLLM's client does. A message
// goes on as it is, without "data: " at its beginning: what is no JSON then is
// for the reader of events to refuse, as json.loads does.
//
// vLLM's client reads on after [DONE], so that is handed on at the end.
type vllmCutter struct {
	responses bool
	whole     func(data []byte) bool
	rest      []byte // what is no message yet; valid UTF-8 but for its last bytes
	searched  int    // no empty line ends before this place of rest
	checked   int    // rest is valid UTF-8 up to here
	done      bool
	joined    []byte
}

func (c *vllmCutter) reset() {
	*c = vllmCutter{responses: c.responses, whole: c.whole, rest: shrink(c.rest), joined: shrink(c.joined)}
}

func (c *vllmCutter) feed(seg []byte, at record.Stamp, fn Handler) (more bool, err error) {
	if !c.responses {
		seg = bytes.Trim(seg, " \t\n\r\v\f")
		if len(seg) > 0 && string(c.rest) == "data:" {
			c.rest = append(c.rest, ' ')
		}
	}
	if len(seg) == 0 {
		return true, nil
	}
	if len(c.rest)+len(seg) > maxEvent {
		return false, badStream{fmt.Errorf("an event is larger than %d MB", maxEvent>>20)}
	}
	c.rest = append(c.rest, seg...)
	whole, err := c.decodable()
	if err != nil {
		return false, err
	}
	taken := 0
	for {
		from := max(c.searched-1, taken)
		i := bytes.Index(c.rest[from:whole], []byte("\n\n"))
		if i < 0 {
			break
		}
		message := c.rest[taken : from+i]
		taken = from + i + 2
		c.searched = taken
		if !c.emit(message, at, fn) {
			return false, nil
		}
	}
	c.searched = whole
	if c.early(c.rest[taken:whole]) {
		more = c.emit(c.rest[taken:whole], at, fn)
		taken = whole
	} else {
		more = true
	}
	c.rest = c.rest[:copy(c.rest, c.rest[taken:])]
	c.searched, c.checked = max(c.searched-taken, 0), c.checked-taken
	return more, nil
}

// decodable returns how much of rest is whole characters.
func (c *vllmCutter) decodable() (int, error) {
	for c.checked < len(c.rest) {
		r, n := utf8.DecodeRune(c.rest[c.checked:])
		if r == utf8.RuneError && n == 1 {
			if !utf8.FullRune(c.rest[c.checked:]) {
				break
			}
			return 0, badStream{errors.New("the stream is not UTF-8")}
		}
		c.checked += n
	}
	return c.checked, nil
}

// early reports whether what stands after the last empty line is taken for a
// message: "data: " with [DONE] or whole JSON behind it.
func (c *vllmCutter) early(rest []byte) bool {
	data, ok := bytes.CutPrefix(rest, []byte("data: "))
	if !ok {
		return false
	}
	data = pythonStrip(data)
	return string(data) == "[DONE]" || len(data) > 0 && c.whole(data)
}

// emit hands a message on unless it is a comment or empty.
func (c *vllmCutter) emit(message []byte, at record.Stamp, fn Handler) (more bool) {
	message = pythonStrip(message)
	if len(message) == 0 {
		return true
	}
	if c.responses {
		message = c.dataLines(message)
		if len(message) == 0 {
			return true
		}
	} else {
		if message[0] == ':' {
			return true
		}
		message = bytes.TrimPrefix(message, []byte("data: "))
	}
	if string(message) == "[DONE]" {
		c.done = true
		return true
	}
	return fn(Event{Data: message, At: at})
}

// dataLines joins what the lines of a message say that begin with "data:".
func (c *vllmCutter) dataLines(message []byte) []byte {
	c.joined = c.joined[:0]
	lines := 0
	for line := range bytes.SplitSeq(message, []byte("\n")) {
		data, ok := bytes.CutPrefix(line, []byte("data:"))
		if !ok {
			continue
		}
		if lines++; lines > 1 {
			c.joined = append(c.joined, '\n')
		}
		c.joined = append(c.joined, bytes.TrimPrefix(data, []byte(" "))...)
	}
	return c.joined
}

// end hands [DONE] on where it came. What is no message by then is lost.
func (c *vllmCutter) end(at record.Stamp, fn Handler) (more bool) {
	return !c.done || fn(Event{Data: []byte("[DONE]"), At: at})
}

// pythonStrip is str.strip.
func pythonStrip(b []byte) []byte {
	return bytes.TrimFunc(b, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune("\x1c\x1d\x1e\x1f", r)
	})
}
