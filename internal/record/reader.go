package record

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
)

// maxLine is the longest line that a reader takes: an answer of ten million
// tokens stays below it.
const maxLine = 1 << 29

// A Run is a run directory on disk, complete or cut off.
type Run struct {
	Dir  string
	Head Head

	held *Spool // its records where they are at hand; nil to read them from the file
}

// Held is a run whose records are at hand: what h says of it and its records,
// which the caller closes when all is told.
func Held(h Head, recs *Spool) *Run { return &Run{Head: h, held: recs} }

// Open reads the run.json of a run directory. Records are not looked at.
func Open(dir string) (*Run, error) {
	h, err := readHead(dir)
	if err != nil {
		return nil, err
	}
	return &Run{Dir: dir, Head: h}, nil
}

// Records yields the records in the order in which they ended. A file that
// stops early, as after a kill, is no error: the records before the cut come,
// and the last error yielded, if any, is a *Cut that says so. A *Long says that a
// record was left out. Any other error ends the sequence too.
func (r *Run) Records() iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for rec, err := range r.raw() {
			if err == nil {
				if c, ok := r.Head.Counts[rec.Index]; ok {
					rec.Recount(c)
				}
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

// raw is Records without the counts that were made after the run.
func (r *Run) raw() iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		f, err := os.Open(filepath.Join(r.Dir, recordsFile))
		if err != nil {
			yield(nil, fmt.Errorf("run directory %s: %w", r.Dir, err))
			return
		}
		defer f.Close()
		for rec, err := range Read(f) {
			if err != nil {
				err = fmt.Errorf("run directory %s: %s: %w", r.Dir, recordsFile, err)
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

// Load makes the records ready to be passed over, and returns how the run ended
// and what is worth a warning. The caller closes the Spool. For a run that was
// killed the ending is put together from the records: it starts at the first due
// time and ends with the last answer.
func (r *Run) Load() (s *Spool, e Ending, warnings []Warning, err error) {
	s = r.held
	if s == nil {
		s = NewSpool("")
		for rec, err := range r.raw() {
			var cut *Cut
			if errors.As(err, &cut) {
				warnings = append(warnings, Warning{WarnDirectory, err.Error()})
				break
			}
			var long *Long
			if errors.As(err, &long) {
				warnings = append(warnings, Warning{WarnDirectory, err.Error()})
				continue
			}
			if err == nil {
				err = s.Add(rec)
			}
			if err != nil {
				return nil, e, warnings, first(err, s.Close())
			}
		}
	}
	s.Recount(r.Head.Counts)
	if r.Head.Ending != nil {
		return s, *r.Head.Ending, warnings, nil
	}
	warnings = append(warnings, Warning{WarnDirectory, fmt.Sprintf("run directory %s: the run did not come to its end; its start and end are those of its first and last record", r.Dir)})
	e = Ending{Began: r.Head.Begun, Reason: Killed}
	for rec, err := range s.Pass() {
		if err != nil {
			return nil, e, warnings, first(err, s.Close())
		}
		e.include(rec)
	}
	return s, e, warnings, nil
}

// include makes room for a record in the ending of a run that has none.
func (e *Ending) include(rec *Record) {
	if e.Sent == 0 || rec.Due < e.Start {
		e.Start = rec.Due
	}
	e.Sent++
	e.End = max(e.End, rec.Done, rec.LastToken, rec.Released)
}

// A Cut says that a records file stops before its footer: the process was
// killed, or is still writing.
type Cut struct {
	Records int   // whole records before the cut
	Partial bool  // the last line was cut and is left out
	Err     error // what the reader met, often io.ErrUnexpectedEOF; nil at a clean end
}

func (c *Cut) Error() string {
	s := fmt.Sprintf("the footer is missing, %d whole records read", c.Records)
	if c.Partial {
		s += ", the last line was cut off"
	}
	return s
}

func (c *Cut) Unwrap() error { return c.Err }

// A Long says that a record was left out, for its line is longer than a reader
// takes. The records behind it come.
type Long struct {
	Line int // counted from 1
	MiB  int // the most that a reader takes
}

func (l *Long) Error() string {
	return fmt.Sprintf("line %d is longer than %d MiB, and its record is left out", l.Line, l.MiB)
}

// Read yields the records of a records.jsonl.gz, as Run.Records does. After the
// footer nothing is read; a footer that does not fit the lines before it is an
// error. A *Long ends nothing.
func Read(from io.Reader) iter.Seq2[*Record, error] { return readLimited(from, maxLine) }

// readLimited is Read with a limit of its own on lines, in bytes.
func readLimited(from io.Reader, most int) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		zr, err := gzip.NewReader(from)
		if err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				err = &Cut{Err: err}
			}
			yield(nil, err)
			return
		}
		sum := sha256.New()
		l := lines{in: bufio.NewReaderSize(zr, 1<<16), most: most, sum: sum}
		n := 0
		for {
			line, err := l.next()
			if long, ok := err.(*Long); ok {
				n++
				long.Line = n
				if !yield(nil, long) {
					return
				}
				continue
			}
			if err != nil {
				if err == io.EOF || err == io.ErrUnexpectedEOF {
					err = &Cut{Records: n, Partial: len(line) > 0, Err: cutCause(err)}
				} else {
					err = fmt.Errorf("line %d: %w", n+1, err)
				}
				yield(nil, err)
				return
			}
			if bytes.HasPrefix(line, []byte(`{"footer":`)) {
				if err := checkFooter(line, n, sum.Sum(nil)); err != nil {
					yield(nil, err)
				}
				return
			}
			rec := new(Record)
			if err := json.Unmarshal(line, rec); err != nil {
				yield(nil, fmt.Errorf("line %d: %w", n+1, err))
				return
			}
			rec.refuse()
			sum.Write(line)
			n++
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func cutCause(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

func checkFooter(line []byte, n int, sum []byte) error {
	var f footerLine
	if err := json.Unmarshal(line, &f); err != nil || f.Footer == nil {
		return fmt.Errorf("line %d: bad footer", n+1)
	}
	if f.Footer.Records != n {
		return fmt.Errorf("the footer counts %d records, the file has %d: it was changed after it was written", f.Footer.Records, n)
	}
	if f.Footer.SHA256 != hex.EncodeToString(sum) {
		return errors.New("the records do not fit the footer's checksum: the file was changed after it was written")
	}
	return nil
}

// lines cuts a stream at line feeds.
type lines struct {
	in   *bufio.Reader
	buf  []byte
	most int       // bytes of a line
	sum  io.Writer // gets the lines that are skipped
}

// next returns one line with its line feed, valid until the next call. With
// an error it returns what there was of the line; a *Long is about a line that
// was skipped whole.
func (l *lines) next() ([]byte, error) {
	l.buf = l.buf[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		l.buf = append(l.buf, part...)
		if err != bufio.ErrBufferFull {
			return l.buf, err
		}
		if len(l.buf) > l.most {
			return l.skip()
		}
	}
}

// skip goes to the end of a line that is too long.
func (l *lines) skip() ([]byte, error) {
	part := l.buf
	for {
		if _, err := l.sum.Write(part); err != nil {
			return part, err
		}
		var err error
		switch part, err = l.in.ReadSlice('\n'); err {
		case bufio.ErrBufferFull:
		case nil:
			_, err := l.sum.Write(part)
			return nil, first(err, &Long{MiB: l.most >> 20})
		default:
			return part, err
		}
	}
}
