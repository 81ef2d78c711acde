package protocol

import (
	"bytes"
	"encoding/json"
)

func (completions) Scan(data []byte, ev *Event) error {
	return scan(data, ev, quickChunk, decodeChunk)
}

func (chat) Scan(data []byte, ev *Event) error {
	return scan(data, ev, quickChunk, decodeChunk)
}

func (responses) Scan(data []byte, ev *Event) error {
	return scan(data, ev, quickResponse, decodeResponse)
}

// scan reads one event: quick, where it is sure of itself, else the decoder.
func scan(data []byte, ev *Event, quick func([]byte, *Event) bool, decode func([]byte, *Event) error) error {
	ev.reset()
	data = trim(data)
	if len(data) == 0 {
		return nil
	}
	if isDone(data) {
		ev.Kind = Done
		return nil
	}
	if quick(data, ev) {
		return nil
	}
	ev.reset()
	err := decode(data, ev)
	if err == nil {
		return nil
	}
	ev.reset()
	if data[0] == '[' {
		var list []object
		if json.Unmarshal(data, &list) == nil && len(list) > 0 {
			if msg, ok := errorIn(list[0], data); ok { // as Google's gateway has it
				ev.Kind, ev.Text = Error, []byte(msg)
				return nil
			}
		}
	}
	return err
}

// isDone reports whether data is the end of a stream: [DONE], in whatever letters
// and quotes.
func isDone(data []byte) bool {
	const done = "[DONE]"
	if len(data) == len(done)+2 && data[0] == '"' && data[len(data)-1] == '"' {
		data = data[1 : len(data)-1]
	}
	return len(data) == len(done) && (string(data) == done || bytes.EqualFold(data, []byte(done)))
}

func (ev *Event) reset() {
	*ev = Event{More: ev.More[:0], buf: ev.buf[:0]}
}

// trim cuts off the white space of JSON.
func trim(b []byte) []byte {
	b = b[space(b, 0):]
	for len(b) > 0 && space(b, len(b)-1) == len(b) {
		b = b[:len(b)-1]
	}
	return b
}
