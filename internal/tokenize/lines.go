package tokenize

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Lines answers JSON lines from r on w, each written out before the next is
// read, so that it works at both ends of a pipe:
//
//	{"text": …, "add_special_tokens": …}  →  {"ids": […]}
//	{"ids": […], "skip_special_tokens": …}  →  {"text": …}
//
// An absent switch is true, as in the tokenizers library. Lines of white space
// are passed over. A bad line ends it with an error that gives its number.
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
				return fmt.Errorf("line %d: %w", number, err)
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
		return nil, fmt.Errorf(`%w (want {"text": …} or {"ids": […]})`, err)
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
	buf := bytes.NewBuffer(out)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(answer); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}
