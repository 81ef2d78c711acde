package wire

import "fmt"

// maxChunkLine bounds a chunk's size line with its extensions and a trailer
// line, in bytes.
const maxChunkLine = 8 << 10

// A chunked takes the chunked transfer coding off a body that comes in
// segments cut anywhere. Extensions and trailers are skipped. The zero value
// is ready.
type chunked struct {
	state  chunkState
	left   uint64 // bytes of data still to come in this chunk
	digits int
	line   int // bytes of the current line
}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkExtension
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	trailerStart
	trailerLine
	chunkLastLF
	chunkDone
)

// next reads from the start of in up to the end of the first piece of data. It
// returns the piece (a part of in, empty when none came), how many bytes of in
// it used, and whether the body is over.
func (c *chunked) next(in []byte) (data []byte, used int, done bool, err error) {
	for used < len(in) && c.state != chunkDone {
		if c.state == chunkData {
			n := uint64(len(in) - used)
			if n >= c.left {
				n = c.left
				c.state = chunkDataCR
			}
			c.left -= n
			data = in[used : used+int(n)]
			return data, used + int(n), false, nil
		}
		if err := c.step(in[used]); err != nil {
			return nil, used, false, badStream{err}
		}
		used++
	}
	return nil, used, c.state == chunkDone, nil
}

// step takes one byte that is not data.
func (c *chunked) step(b byte) error {
	if c.line++; c.line > maxChunkLine {
		return fmt.Errorf("chunked body: a line is longer than %d bytes", maxChunkLine)
	}
	switch c.state {
	case chunkSize:
		return c.sizeByte(b)
	case chunkExtension:
		switch b {
		case '\r':
			c.state = chunkSizeLF
		case '\n':
			return errBareLF
		}
	case chunkSizeLF:
		if b != '\n' {
			return fmt.Errorf("chunked body: %q after a CR in the size line", b)
		}
		c.line, c.digits = 0, 0
		if c.state = chunkData; c.left == 0 {
			c.state = trailerStart
		}
	case chunkDataCR:
		if b != '\r' {
			return fmt.Errorf("chunked body: a chunk is longer than its size: %q after it", b)
		}
		c.state = chunkDataLF
	case chunkDataLF:
		if b != '\n' {
			return fmt.Errorf("chunked body: %q instead of LF after a chunk", b)
		}
		c.state, c.line = chunkSize, 0
	default:
		return c.trailerByte(b)
	}
	return nil
}

var errBareLF = fmt.Errorf("chunked body: a size line ends without CR")

func (c *chunked) sizeByte(b byte) error {
	v, hex := hexValue(b)
	switch {
	case hex && c.line == c.digits+1:
		if c.digits++; c.digits > 16 {
			return fmt.Errorf("chunked body: bad chunk size: more than 16 digits")
		}
		c.left = c.left<<4 | v
		return nil
	case c.digits == 0:
		return fmt.Errorf("chunked body: bad chunk size: it begins with %q", b)
	case b == '\r':
		c.state = chunkSizeLF
	case b == ';':
		c.state = chunkExtension
	case b == '\n':
		return errBareLF
	case b != ' ' && b != '\t':
		return fmt.Errorf("chunked body: bad chunk size: %q in it", b)
	}
	return nil
}

func (c *chunked) trailerByte(b byte) error {
	switch c.state {
	case trailerStart:
		switch b {
		case '\r':
			c.state = chunkLastLF
		case '\n':
			c.state = chunkDone
		default:
			c.state = trailerLine
		}
	case trailerLine:
		if b == '\n' {
			c.state, c.line = trailerStart, 0
		}
	case chunkLastLF:
		if b != '\n' {
			return fmt.Errorf("chunked body: %q instead of LF at the end", b)
		}
		c.state = chunkDone
	}
	return nil
}

func hexValue(b byte) (v uint64, ok bool) {
	switch {
	case '0' <= b && b <= '9':
		return uint64(b - '0'), true
	case 'a' <= b && b <= 'f':
		return uint64(b-'a') + 10, true
	case 'A' <= b && b <= 'F':
		return uint64(b-'A') + 10, true
	}
	return 0, false
}
