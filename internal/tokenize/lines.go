package tokenize

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Lines answers JSON lines from r on w, each written out before the next is
// read, so that it works at both ends of a pipe:
//
//	{"text": …, "add_special_tokens": …}  →  {"ids": […]}
//	{"ids": […], "skip_special_tokens": …}  →  {"text": …}
//
// An absent switch is true, as in the tokenizers library. Lines of white space
// are passed over. A bad line ends it with a *LineError.
func Lines(r io.Reader, w io.Writer, t *Tokenizer) error {
	in := bufio.NewReaderSize(r, 1<<16)
	var out []byte
	for number := 1; ; number++ {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("line %d: %w", number, err)
		}
		last := err != nil
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if out, err = t.answer(out[:0], line); err != nil {
				return &LineError{Line: number, Err: err}
			}
			if _, err := w.Write(append(out, '\n')); err != nil {
				return fmt.Errorf("line %d: the answer: %w", number, err)
			}
		}
		if last {
			return nil
		}
	}
}

// A LineError is a line of input that asks for nothing that can be answered.
type LineError struct {
	Line int // counted from 1, empty lines too
	Err  error
}

// Error returns the line's number and what is wrong with it.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong with the line.
func (e *LineError) Unwrap() error { return e.Err }

// wrongJSON says in the words of the format why a line was not understood.
func wrongJSON(err error) error {
	const want = `(want {"text": …} or {"ids": […]})`
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("no JSON object but a JSON %s %s", kind.Value, want)
	case errors.As(err, &kind):
		return fmt.Errorf("%q can't be a JSON %s %s", kind.Field, kind.Value, want)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the JSON object has no end %s", want)
	}
	return fmt.Errorf("%s %s", strings.TrimPrefix(err.Error(), "json: "), want)
}

// answer appends the answer to one line.
func (t *Tokenizer) answer(out, line []byte) ([]byte, error) {
	var q struct {
		Text        *string `json:"text"`
		IDs         *[]int  `json:"ids"`
		AddSpecial  *bool   `json:"add_special_tokens"`
		SkipSpecial *bool   `json:"skip_special_tokens"`
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return nil, wrongJSON(err)
	}
	if d.InputOffset() < int64(len(line)) {
		return nil, fmt.Errorf("more than one JSON value (give one object a line)")
	}
	yes := func(b *bool) bool { return b == nil || *b }
	var answer any
	switch {
	case q.Text != nil && q.IDs == nil && q.SkipSpecial == nil:
		ids := t.Encode(*q.Text, yes(q.AddSpecial))
		if ids == nil {
			ids = []int{}
		}
		answer = struct {
			IDs []int `json:"ids"`
		}{ids}
	case q.IDs != nil && q.Text == nil && q.AddSpecial == nil:
		answer = struct {
			Text string `json:"text"`
		}{t.Decode(*q.IDs, yes(q.SkipSpecial))}
	default:
		return nil, fmt.Errorf("want either text with add_special_tokens or ids with skip_special_tokens")
	}
	if err := t.Err(); err != nil {
		return nil, err
	}
	buf := bytes.NewBuffer(out)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(answer); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
