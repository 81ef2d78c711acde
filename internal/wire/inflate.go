package wire

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"tokmeter/internal/record"
)

// decoded takes the content coding off a body. A compressed event comes out
// when the server flushed it, with the stamp of the read that completed it.
func decoded(body segments, encoding string) (segments, error) {
	switch encoding {
	case "":
		return body, nil
	case "gzip", "x-gzip", "deflate":
		return &inflated{body: body, encoding: encoding}, nil
	}
	return nil, badStream{fmt.Errorf("Content-Encoding %.60q is not understood; gzip and deflate are: ask for no other in Accept-Encoding", encoding)}
}

// An inflated is the io.Reader that the decompressor pulls from, and the
// segments that come out of it.
type inflated struct {
	body     segments
	encoding string
	piece    []byte // compressed bytes not yet taken
	at       record.Stamp
	end      error // how the body ended
	plain    io.Reader
	out      []byte
}

func (z *inflated) next() ([]byte, record.Stamp, error) {
	if z.plain == nil {
		if err := z.open(); err != nil {
			return nil, z.at, z.explain(err)
		}
	}
	for {
		n, err := z.plain.Read(z.out)
		if n > 0 {
			return z.out[:n], z.at, nil
		}
		if err != nil {
			return nil, z.at, z.explain(err)
		}
	}
}

func (z *inflated) open() (err error) {
	z.out = make([]byte, 4<<10)
	if z.encoding != "deflate" {
		z.plain, err = gzip.NewReader(z)
		return err
	}
	// "deflate" is zlib by the standard and bare by the habit of some servers.
	r := bufio.NewReaderSize(z, 512)
	first, err := r.Peek(2)
	if err != nil {
		return err
	}
	if first[0]&0x0f == 8 && (uint(first[0])<<8|uint(first[1]))%31 == 0 {
		z.plain, err = zlib.NewReader(r)
		return err
	}
	z.plain = flate.NewReader(r)
	return nil
}

// explain turns the decompressor's error into one of the body: what the body
// itself met comes first.
func (z *inflated) explain(err error) error {
	switch {
	case z.end != nil && z.end != io.EOF:
		return z.end
	case err == io.EOF:
		if z.end == nil && !drain(z.body) {
			return cutShort{errors.New("the body goes on behind the end of its compressed data")}
		}
		return io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return cutShort{errors.New("the compressed body ended in the middle")}
	}
	return badStream{fmt.Errorf("the %s body is broken: %v", z.encoding, err)}
}

func (z *inflated) fill() error {
	for len(z.piece) == 0 {
		if z.end != nil {
			return z.end
		}
		piece, at, err := z.body.next()
		if err != nil {
			z.end = err
			return err
		}
		z.piece, z.at = piece, at
	}
	return nil
}

func (z *inflated) Read(p []byte) (int, error) {
	if err := z.fill(); err != nil {
		return 0, err
	}
	n := copy(p, z.piece)
	z.piece = z.piece[n:]
	return n, nil
}

func (z *inflated) ReadByte() (byte, error) {
	if err := z.fill(); err != nil {
		return 0, err
	}
	b := z.piece[0]
	z.piece = z.piece[1:]
	return b, nil
}
