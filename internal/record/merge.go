package record

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
)

// A merger yields the packed records of several sorted parts in order of Index.
type merger struct {
	file    *os.File
	waiting []part    // not open yet, by their first index
	open    []*cursor // a heap by the index of their current record
	room    int       // of a part's buffer
	last    *cursor   // whose record was returned last
}

// next returns the record that is next in order of Index, valid until the next
// call. At the end the error is io.EOF.
func (m *merger) next() ([]byte, error) {
	if c := m.last; c != nil {
		m.last = nil
		more, err := c.advance()
		if err != nil {
			return nil, err
		}
		if more {
			m.down(0)
		} else {
			end := len(m.open) - 1
			m.open[0] = m.open[end]
			m.open = m.open[:end]
			m.down(0)
		}
	}
	for len(m.waiting) > 0 && (len(m.open) == 0 || m.waiting[0].first <= m.open[0].index) {
		p := m.waiting[0]
		m.waiting = m.waiting[1:]
		c := &cursor{in: bufio.NewReaderSize(io.NewSectionReader(m.file, p.off, p.len), m.room)}
		if _, err := c.advance(); err != nil {
			return nil, err
		}
		m.push(c)
	}
	if len(m.open) == 0 {
		return nil, io.EOF
	}
	m.last = m.open[0]
	return m.last.packed, nil
}

// push adds a cursor; one over rows is set on its first record.
func (m *merger) push(c *cursor) {
	if c.in == nil {
		_, _ = c.advance() // memory has no errors
	}
	m.open = append(m.open, c)
	for i := len(m.open) - 1; i > 0; {
		up := (i - 1) / 2
		if m.open[up].index <= m.open[i].index {
			return
		}
		m.open[up], m.open[i] = m.open[i], m.open[up]
		i = up
	}
}

// down puts the cursor at place i where it belongs.
func (m *merger) down(i int) {
	for {
		least := i
		for _, k := range [2]int{2*i + 1, 2*i + 2} {
			if k < len(m.open) && m.open[k].index < m.open[least].index {
				least = k
			}
		}
		if least == i {
			return
		}
		m.open[i], m.open[least] = m.open[least], m.open[i]
		i = least
	}
}

// A cursor stands on one record of a sorted part, in the file or in memory.
type cursor struct {
	index  int
	packed []byte

	in      *bufio.Reader
	scratch []byte
	taken   int // bytes of in that packed lies in

	buf  []byte
	rows []row
}

// advance goes to the next record; more is false at the end.
func (c *cursor) advance() (more bool, err error) {
	if c.in == nil {
		if len(c.rows) == 0 {
			return false, nil
		}
		r := c.rows[0]
		c.rows = c.rows[1:]
		c.index, c.packed = r.index, c.buf[r.from:r.from+r.n]
		return true, nil
	}
	if _, err := c.in.Discard(c.taken); err != nil {
		return false, err
	}
	c.taken = 0
	length, err := binary.ReadUvarint(c.in)
	if err != nil {
		if err == io.EOF {
			return false, nil
		}
		return false, err
	}
	n := int(length)
	if n <= c.in.Size() {
		if c.packed, err = c.in.Peek(n); err != nil {
			return false, err
		}
		c.taken = n
	} else {
		if n > cap(c.scratch) {
			c.scratch = make([]byte, n)
		}
		c.packed = c.scratch[:n]
		if _, err := io.ReadFull(c.in, c.packed); err != nil {
			return false, err
		}
	}
	c.index = packedIndex(c.packed)
	return true, nil
}
