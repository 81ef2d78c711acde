package wire

import (
	"bytes"
	"fmt"

	"tokmeter/internal/record"
)

// maxEvent is the size of one event's fields above which a stream is refused.
const maxEvent = 16 << 20

// keepBuffer is the largest buffer that an idle parser or connection keeps.
const keepBuffer = 64 << 10

// A parser cuts an event stream into events, by the grammar of the WHATWG
// standard: lines end with LF, CR or CRLF, a byte order mark at the start is
// skipped, comments are ignored, data lines are joined by LF, an empty line ends
// the event and an event without data is none. A line of no known field, which
// the standard ignores, is handed on as a stray one: it may be why the stream
// fails. The parser takes the stream in segments cut anywhere and copies only
// what a segment cut.
type parser struct {
	line    []byte // the beginning of a line whose end has not come
	data    []byte // the data lines so far, joined by LF
	name    []byte
	hasData bool
	skipLF  bool // the last byte was a CR: an LF now belongs to it
	cut     bool // the stream is over
	mark    int  // bytes of the byte order mark seen; len(byteOrderMark) when past it
}

const byteOrderMark = "\xef\xbb\xbf"

// reset makes p ready for another stream and drops buffers that grew large.
func (p *parser) reset() {
	*p = parser{line: shrink(p.line), data: shrink(p.data), name: shrink(p.name)}
}

func shrink(b []byte) []byte {
	if cap(b) > keepBuffer {
		return nil
	}
	return b[:0]
}

// feed takes the next segment, which reached the kernel at the given moment.
// It returns false when the handler wants no more, and an error when an event
// is larger than maxEvent.
func (p *parser) feed(seg []byte, at record.Stamp, fn Handler) (more bool, err error) {
	if p.mark < len(byteOrderMark) {
		seg = p.skipMark(seg)
	}
	lf := -1 // where the next LF stands: looked for once, also where CR ends lines
	for i := 0; i < len(seg); {
		if p.skipLF {
			p.skipLF = false
			if seg[i] == '\n' {
				i++
				continue
			}
		}
		if lf < i {
			lf = nextLF(seg, i)
		}
		if !p.hasData && len(p.line) == 0 && len(p.name) == 0 {
			if data, n := wholeEvent(seg[i:], lf-i); n > 0 {
				if !fn(Event{Data: data, At: at}) {
					return false, nil
				}
				i += n
				continue
			}
		}
		line := seg[i:lf]
		if cr := bytes.IndexByte(line, '\r'); cr >= 0 {
			line = line[:cr]
		}
		if len(p.line)+len(p.data)+len(line) > maxEvent {
			return false, badStream{fmt.Errorf("an event is larger than %d MB", maxEvent>>20)}
		}
		i += len(line) + 1
		if i > len(seg) {
			p.line = append(p.line, line...)
			return true, nil
		}
		p.skipLF = seg[i-1] == '\r'
		if len(p.line) > 0 {
			p.line = append(p.line, line...)
			line = p.line
		}
		if !p.take(line, at, fn) {
			return false, nil
		}
		p.line = p.line[:0]
	}
	return true, nil
}

// end tells that the stream is over. The standard drops an event that no empty
// line ended; servers are known to leave out the last one, so it is handed on as
// cut, whether its last line is whole or not.
func (p *parser) end(at record.Stamp, fn Handler) (more bool) {
	p.cut = true
	if p.mark < len(byteOrderMark) { // what only began like a mark is a line
		p.line = append(p.line, byteOrderMark[:p.mark]...)
	}
	if len(p.line) > 0 {
		line := p.line
		p.line = nil
		if !p.take(line, at, fn) {
			return false
		}
	}
	return p.take(nil, at, fn)
}

// take handles one line without its end.
func (p *parser) take(line []byte, at record.Stamp, fn Handler) (more bool) {
	if len(line) == 0 {
		more = true
		if p.hasData {
			more = fn(Event{Name: p.name, Data: p.data, At: at, Cut: p.cut})
		}
		p.hasData, p.data, p.name = false, p.data[:0], p.name[:0]
		return more
	}
	field, value := line, []byte(nil)
	if i := bytes.IndexByte(line, ':'); i >= 0 {
		field, value = line[:i], line[i+1:]
		if len(value) > 0 && value[0] == ' ' {
			value = value[1:]
		}
	}
	switch string(field) {
	case "data":
		if p.hasData {
			p.data = append(p.data, '\n')
		}
		p.data = append(p.data, value...)
		p.hasData = true
	case "event":
		p.name = append(p.name[:0], value...)
	case "", "id", "retry":
	default:
		return fn(Event{Data: line, At: at, Cut: p.cut, Stray: true})
	}
	return true
}

// skipMark drops a byte order mark from the start of the stream. Bytes that
// only began like one go back in front of the line.
func (p *parser) skipMark(seg []byte) []byte {
	for len(seg) > 0 && p.mark < len(byteOrderMark) {
		if seg[0] != byteOrderMark[p.mark] {
			p.line = append(p.line, byteOrderMark[:p.mark]...)
			p.mark = len(byteOrderMark)
			break
		}
		p.mark++
		seg = seg[1:]
	}
	return seg
}

// wholeEvent finds an event of one data line that stands whole at the start of
// seg, whose first LF is at end: its data and its length with the empty line,
// or 0. Nearly every event of every server is one, and needs no copy.
func wholeEvent(seg []byte, end int) (data []byte, n int) {
	const field = "data:"
	if end < len(field) || end+1 >= len(seg) || string(seg[:len(field)]) != field {
		return nil, 0
	}
	line := seg[len(field):end]
	switch {
	case seg[end+1] == '\n':
		n = end + 2
	case seg[end+1] == '\r' && end+2 < len(seg) && seg[end+2] == '\n' && seg[end-1] == '\r':
		n = end + 3
		line = line[:len(line)-1]
	default:
		return nil, 0
	}
	if bytes.IndexByte(line, '\r') >= 0 {
		return nil, 0
	}
	if len(line) > 0 && line[0] == ' ' {
		line = line[1:]
	}
	return line, n
}

// nextLF is the index of the first LF from i on, or the length of seg.
func nextLF(seg []byte, i int) int {
	if n := bytes.IndexByte(seg[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(seg)
}
