package record

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
)

// spoolChunk is how many bytes of packed records a Spool holds in memory.
const spoolChunk = 8 << 20

// A Spool is a Sink that keeps the records of a run to be read again and again,
// in memory while they are few and else in a temporary file, which nobody else
// sees: what it holds in memory does not grow with the number of records. Close
// must be called; it forgets them all.
type Spool struct {
	dir   string
	chunk int

	mu     sync.Mutex
	buf    []byte // packed records that are not in the file
	rows   []row  // of buf
	file   *os.File
	size   int64 // of the file
	parts  []part
	n      int
	counts map[int]Count
	err    error // the first failure of writing
}

// A row is where a packed record lies in a buffer.
type row struct {
	index   int
	from, n int
}

// A part is a stretch of the file: packed records in order of Index, each
// behind its length.
type part struct {
	first    int // the least index
	off, len int64
}

// NewSpool returns an empty Spool. Its file, if it comes to need one, is made in
// dir; "" means the system's folder for temporary files.
func NewSpool(dir string) *Spool { return &Spool{dir: dir, chunk: spoolChunk} }

// Add keeps a copy of r. The error is the first failure of writing.
func (s *Spool) Add(r *Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	from := len(s.buf)
	s.buf = appendPacked(s.buf, r)
	s.rows = append(s.rows, row{r.Index, from, len(s.buf) - from})
	s.n++
	if len(s.buf) >= s.chunk {
		if s.err = s.spill(); s.err != nil {
			s.err = fmt.Errorf("temporary file for records: %w (TMPDIR names another folder, --record-dir another disk)", s.err)
		}
	}
	return s.err
}

// Len is the number of records.
func (s *Spool) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// Recount sets, by Index, the counts of tokens that were made after the run:
// passes that begin later yield them.
func (s *Spool) Recount(counts map[int]Count) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts = counts
}

// Close removes the file. A Pass must not be used afterwards.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf, s.rows, s.parts, s.n = nil, nil, nil, 0
	if s.err == nil {
		s.err = errors.New("the records were given up: the spool is closed")
	}
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	_ = os.Remove(s.file.Name()) // where an open file could not be removed
	s.file = nil
	return err
}

// spill writes the buffer to the file as one more part.
func (s *Spool) spill() error {
	if s.file == nil {
		f, err := os.CreateTemp(s.dir, ".tokmeter-records-*.tmp")
		if err != nil {
			return err
		}
		s.file = f
		_ = os.Remove(f.Name()) // what is open stays readable, and a killed run leaves nothing
	}
	sortRows(s.rows)
	w := bufio.NewWriterSize(io.NewOffsetWriter(s.file, s.size), 1<<18)
	p := part{first: s.rows[0].index, off: s.size}
	var length [binary.MaxVarintLen64]byte
	for _, r := range s.rows {
		k := binary.PutUvarint(length[:], uint64(r.n))
		p.len += int64(k + r.n)
		// A bufio.Writer keeps its first error for Flush.
		_, _ = w.Write(length[:k])
		_, _ = w.Write(s.buf[r.from : r.from+r.n])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	s.size += p.len
	s.parts = append(s.parts, p)
	s.buf, s.rows = s.buf[:0], s.rows[:0]
	return nil
}

func sortRows(rows []row) {
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.index, b.index) })
}

// Pass yields the records so far. Records that are added while it runs may be
// missing from it.
func (s *Spool) Pass() Pass {
	return func(yield func(*Record, error) bool) {
		m, counts, err := s.merge()
		if err != nil {
			yield(nil, err)
			return
		}
		var u unpacker
		for {
			packed, err := m.next()
			if err == io.EOF {
				return
			}
			var r *Record
			if err == nil {
				r, err = u.unpack(packed)
			}
			if err != nil {
				yield(nil, fmt.Errorf("temporary file for records: %w", err))
				return
			}
			r.refuse() // as a reader of the records file does
			if c, ok := counts[r.Index]; ok {
				r.Recount(c)
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// merge begins to read all parts and the buffer in order of Index.
func (s *Spool) merge() (*merger, map[int]Count, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, nil, s.err
	}
	m := &merger{file: s.file}
	m.waiting = slices.Clone(s.parts)
	// Parts are opened as their turn comes: records end about in order of Index,
	// so that few of them are open at once.
	slices.SortStableFunc(m.waiting, func(a, b part) int { return cmp.Compare(a.first, b.first) })
	m.room = min(max(spoolChunk/max(len(s.parts), 1), 1<<12), 1<<16)
	if len(s.rows) > 0 {
		rows := slices.Clone(s.rows)
		sortRows(rows)
		m.push(&cursor{buf: s.buf, rows: rows})
	}
	return m, s.counts, nil
}
