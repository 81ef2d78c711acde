package protocol

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

// trim cuts off the white space of JSON.
func trim(b []byte) []byte {
	b = b[space(b, 0):]
	for len(b) > 0 && space(b, len(b)-1) == len(b) {
		b = b[:len(b)-1]
	}
	return b
}
