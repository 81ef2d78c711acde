package wire

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"iter"
)

// An inflater takes the content coding off a body that is pushed into it. A
// compressed event comes out when the server flushed it, with the stamp of the
// read that completed it. The decompressors of the standard library pull their
// bytes, so one runs as a coroutine that waits for the next piece: whoever
// feeds it stays on one thread.
type inflater struct {
	encoding string
	emit     func(piece []byte) (more bool)

	piece  []byte // compressed bytes not yet taken
	ended  error  // how the body ended; nil before that
	wait   func() bool
	resume func() (struct{}, bool)
	stop   func()
	done   bool
	result error // of the decompressor when it is done; io.EOF at its own end
	beyond int   // bytes behind the end of the compressed data
}

// errUnwanted ends a decompressor whose output nobody wants.
var errUnwanted = errors.New("no more of the body is wanted")

func newInflater(encoding string, emit func([]byte) bool) *inflater {
	z := &inflater{encoding: encoding, emit: emit}
	z.resume, z.stop = iter.Pull(func(yield func(struct{}) bool) {
		z.wait = func() bool { return yield(struct{}{}) }
		z.result = z.inflate()
		z.done = true
	})
	return z
}

// feed hands on what piece completes. The error is of the body.
func (z *inflater) feed(piece []byte) error {
	if z.done {
		if z.beyond += len(piece); z.beyond >= drainLimit {
			return cutShort{errors.New("the body goes on behind the end of its compressed data")}
		}
		return nil
	}
	z.piece = piece
	z.resume()
	if z.done && z.result != io.EOF {
		return z.explain()
	}
	return nil
}

// end hands on what is left when the body ended, as framed or by err, and gives
// the error of the body: what the body itself met comes first.
func (z *inflater) end(err error) error {
	if z.ended = err; err == nil {
		z.ended = io.EOF
	}
	if !z.done {
		z.resume()
	}
	if err != nil || z.result == io.EOF {
		return err
	}
	return z.explain()
}

// close ends a decompressor that is not done. It may be called again.
func (z *inflater) close() { z.stop() }

func (z *inflater) explain() error {
	if errors.Is(z.result, io.ErrUnexpectedEOF) {
		return cutShort{errors.New("the compressed body ended in the middle")}
	}
	return badStream{fmt.Errorf("the %s body is broken: %v", z.encoding, z.result)}
}

// inflate is the coroutine.
func (z *inflater) inflate() error {
	plain, err := z.open()
	if err != nil {
		return err
	}
	out := make([]byte, 4<<10)
	for {
		n, err := plain.Read(out)
		if n > 0 && !z.emit(out[:n]) {
			return errUnwanted
		}
		if err != nil {
			return err
		}
	}
}

func (z *inflater) open() (io.Reader, error) {
	if z.encoding != "deflate" {
		return gzip.NewReader(z)
	}
	// "deflate" is zlib by the standard and bare by the habit of some servers.
	r := bufio.NewReaderSize(z, 512)
	first, err := r.Peek(2)
	if err != nil {
		return nil, err
	}
	if first[0]&0x0f == 8 && (uint(first[0])<<8|uint(first[1]))%31 == 0 {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

func (z *inflater) fill() error {
	for len(z.piece) == 0 {
		if z.ended != nil {
			return z.ended
		}
		if !z.wait() {
			return errUnwanted
		}
	}
	return nil
}

func (z *inflater) Read(p []byte) (int, error) {
	if err := z.fill(); err != nil {
		return 0, err
	}
	n := copy(p, z.piece)
	z.piece = z.piece[n:]
	return n, nil
}

func (z *inflater) ReadByte() (byte, error) {
	if err := z.fill(); err != nil {
		return 0, err
	}
	b := z.piece[0]
	z.piece = z.piece[1:]
	return b, nil
}
