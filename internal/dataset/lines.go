package dataset

import (
	"bytes"
	"errors"
	"io"
	"strconv"
)

// errStop ends eachLine early without an error.
var errStop = errors.New("stop")

// eachLine calls line for every line that is not blank, without its end, with
// its number from 1. The bytes are gone when line returns.
func (in *Input) eachLine(line func(n int, text []byte) error) error {
	b := make([]byte, 1<<16)
	have, n := 0, 0
	for {
		got, err := in.r.Read(b[have:])
		have += got
		rest := b[:have]
		for {
			i := bytes.IndexByte(rest, '\n')
			if i < 0 && !errors.Is(err, io.EOF) || len(rest) == 0 {
				break
			}
			text := rest
			rest = rest[:0]
			if i >= 0 {
				text, rest = text[:i], text[i+1:]
			}
			n++
			if n == 1 {
				text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
			}
			if text = bytes.TrimSpace(text); len(text) == 0 {
				continue
			}
			if err := line(n, text); err != nil {
				if errors.Is(err, errStop) {
					return nil
				}
				return err
			}
		}
		if err != nil {
			return in.readEnd(n, err)
		}
		have = copy(b, rest)
		if have == len(b) {
			if have >= maxToken {
				return in.fail(lineAt(n+1), "want one JSON object a line", "a line of more than %d MB", maxToken>>20)
			}
			b = append(b, make([]byte, len(b))...)
		}
	}
}

// readEnd turns the error that ended the reading after line n into one of ours;
// the end of the file is none.
func (in *Input) readEnd(n int, err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	hint := ""
	if errors.Is(err, io.ErrUnexpectedEOF) {
		hint = "the file is not complete: fetch it again"
	}
	return &Error{File: in.name, At: "after line " + strconv.Itoa(n), What: systemText(err), Hint: hint, Err: err}
}

func lineAt(n int) string { return "line " + strconv.Itoa(n) }

// eachObject calls object for every line that is not blank; a line that is no
// JSON object is an error. want says what a line should be, for its hint.
func (in *Input) eachObject(want string, object func(n int, m map[string]field) error) error {
	return in.eachLine(func(n int, text []byte) error {
		m, err := parseFields(text)
		if err != nil {
			return in.fail(lineAt(n), "want "+want+" on each line", "%v", err)
		}
		return object(n, m)
	})
}
