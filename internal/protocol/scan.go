package protocol

import "bytes"

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
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return nil
	}
	if string(data) == "[DONE]" {
		ev.Kind = Done
		return nil
	}
	if quick(data, ev) {
		return nil
	}
	ev.reset()
	if err := decode(data, ev); err != nil {
		ev.reset()
		return err
	}
	return nil
}

func (ev *Event) reset() {
	*ev = Event{More: ev.More[:0], buf: ev.buf[:0]}
}

func quickChunk(data []byte, ev *Event) bool    { return false }
func quickResponse(data []byte, ev *Event) bool { return false }
