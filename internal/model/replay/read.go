package replay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

const (
	maxLine   = 64 << 20 // bytes of one request
	maxTokens = 1 << 28  // tokens of one request
	maxTime   = 1e13     // seconds
)

const readHint = `want one {"arrival": seconds, "prompt": tokens, "output": tokens} a line`

// Read reads requests in whatever format they are, plain or gzipped:
//
//   - JSON lines, or one array, of objects. The names of fields decide (fields.go
//     lists them): those of tokmeter's --save-requests, of Mooncake's traces
//     (times in milliseconds), of traces of vLLM with the engine's own stamps
//     (queued_ts, first_token_ts, …), and plain ones. Times measured in the same
//     object are kept.
//   - Results that vllm bench serve --save-detailed or tokmeter saved.
//   - CSV with a header: BurstGPT's, Azure's and Splitwise's.
//
// Errors name the line or entry.
func Read(r io.Reader) (*File, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	if head, _ := br.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		br = bufio.NewReaderSize(z, 1<<16)
	}
	if bom, _ := br.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		br.Discard(3)
	}
	first, err := firstByte(br)
	if err != nil {
		return nil, err
	}
	b := &builder{}
	switch first {
	case '{':
		err = readLines(br, b)
	case '[':
		err = readArray(br, b)
	default:
		err = readCSV(br, b)
	}
	if err != nil {
		return nil, err
	}
	return b.file()
}

// firstByte skips white space.
func firstByte(br *bufio.Reader) (byte, error) {
	for {
		c, err := br.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return 0, fmt.Errorf("the file is empty: %s", readHint)
		case err != nil:
			return 0, err
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			return c, br.UnreadByte()
		}
	}
}

// readLines reads an object a line.
func readLines(br *bufio.Reader, b *builder) error {
	for n := 1; ; n++ {
		line, err := readLine(br)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			var m map[string]json.RawMessage
			if e := json.Unmarshal(line, &m); e != nil {
				return fmt.Errorf("line %d: no JSON object (%v): %s", n, e, readHint)
			}
			if e := b.object(m); e != nil {
				return fmt.Errorf("line %d: %w", n, e)
			}
		}
		if err != nil {
			return nil
		}
	}
}

// readLine reads up to the end of a line, which may be long but not endless.
func readLine(br *bufio.Reader) ([]byte, error) {
	var out []byte
	for {
		part, err := br.ReadSlice('\n')
		out = append(out, part...)
		if len(out) > maxLine {
			return nil, fmt.Errorf("longer than %d MiB: %s", maxLine>>20, readHint)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return out, err
		}
	}
}

// readArray reads one array of objects.
func readArray(br *bufio.Reader, b *builder) error {
	d := json.NewDecoder(br)
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("no JSON (%v): %s", err, readHint)
	}
	for n := 1; d.More(); n++ {
		var m map[string]json.RawMessage
		if err := d.Decode(&m); err != nil {
			return fmt.Errorf("entry %d: no JSON object (%v): %s", n, err, readHint)
		}
		if err := b.object(m); err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("the array does not end (%v): fetch the file again", err)
	}
	return nil
}

// A builder gathers requests until the file is whole.
type builder struct {
	format   string
	rows     []row
	silent   int // without output tokens
	untimed  int // without an arrival
	failed   int // ended otherwise than well
	measured bool
	queued   bool
	notes    []string
}

// A row is one request and what was measured of it.
type row struct {
	arrival  Arrival
	measured Measured
}

// add takes one request that was read.
func (b *builder) add(format string, a Arrival, m Measured) {
	if b.format == "" {
		b.format = format
	}
	if a.Output < 1 {
		b.silent++
		return
	}
	if a.ID == "" {
		a.ID = fmt.Sprint(len(b.rows))
	}
	b.rows = append(b.rows, row{a, m})
}

// file puts the requests in order of arrival and counts time from the first.
func (b *builder) file() (*File, error) {
	if len(b.rows) == 0 {
		if b.silent+b.failed > 0 {
			return nil, fmt.Errorf("none of its %d requests has an answer: %s", b.silent+b.failed, readHint)
		}
		return nil, fmt.Errorf("there is no request in it: %s", readHint)
	}
	slices.SortStableFunc(b.rows, func(x, y row) int {
		switch {
		case x.arrival.At < y.arrival.At:
			return -1
		case x.arrival.At > y.arrival.At:
			return 1
		}
		return 0
	})
	f := &File{Format: b.format, FromQueue: b.queued, Notes: b.notes}
	start := b.rows[0].arrival.At
	for _, r := range b.rows {
		r.arrival.At -= start
		f.Arrivals = append(f.Arrivals, r.arrival)
		if b.measured {
			f.Measured = append(f.Measured, r.measured)
		}
	}
	note := func(n int, what string) {
		if n > 0 {
			f.Notes = append(f.Notes, fmt.Sprintf("%d of %d requests %s", n, len(b.rows)+b.silent+b.failed, what))
		}
	}
	note(b.silent, "ask for no output and are left out")
	note(b.failed, "did not end well and are left out")
	note(b.untimed, "have no time of arrival: they arrive at the start")
	return f, nil
}

// checkRow tells what of a request is impossible.
func checkRow(a Arrival) error {
	switch {
	case a.Prompt < 1 || a.Prompt > maxTokens:
		return fmt.Errorf("a prompt of %d tokens: want 1 and more", a.Prompt)
	case a.Output < 0 || a.Output > maxTokens:
		return fmt.Errorf("an output of %d tokens: want 1 and more", a.Output)
	case math.IsNaN(a.At) || math.Abs(a.At) > maxTime:
		return fmt.Errorf("arrival at %v s: want seconds from the start, or of a clock", a.At)
	}
	return nil
}
