package record

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// What a kill of the process can lose are the records of the last second,
// whatever else the process has to do. They are gathered for gatherFor, then
// encoded in stretches of stretchFor, between which the processor is left to the
// streams. Where thousands of streams want it at every moment, its turn may not
// come in time: when a record has waited for patience, whoever adds another
// writes two.
const (
	gatherFor  = 400 * time.Millisecond
	stretchFor = time.Millisecond
	patience   = 600 * time.Millisecond
)

// A Writer writes a run directory. It is a Sink: Add keeps a pointer and
// returns, a goroutine of the Writer's own encodes and writes. Close must be
// called, or Discard.
type Writer struct {
	folder // owned by the goroutine until gone is closed, but for its names

	headMu sync.Mutex
	head   Head

	mu     sync.Mutex
	queue  []waiting
	closed bool
	err    error // first failure of writing

	wake chan struct{} // has one entry when the queue may have records
	stop chan struct{} // closed by Close and Discard
	gone chan struct{} // closed when the goroutine is gone

	// out is locked before mu. It guards what follows.
	out     sync.Mutex
	zip     *gzip.Writer
	sum     hash.Hash
	line    bytes.Buffer
	enc     *json.Encoder
	n       int
	flushed time.Time
}

// A waiting record is not written yet.
type waiting struct {
	*Record
	since time.Time
}

// A footer is the last line of records.jsonl.gz.
type footer struct {
	Records int    `json:"records"`
	SHA256  string `json:"sha256"` // of the record lines before it, uncompressed, line ends included
}

type footerLine struct {
	Footer *footer `json:"footer"`
}

// Create makes the run directory dir, with the folders above it, and writes
// its run.json from h. A directory that exists must be empty: a run is never
// overwritten, and the error is then an fs.ErrExist. Of several processes that
// are given the same directory one gets it. Whatever can't be written is found
// out here.
func Create(dir string, h Head) (*Writer, error) { return create(dir, h, true) }

// create is Create; with empty it takes an empty directory that was there.
func create(dir string, h Head, empty bool) (*Writer, error) {
	w := &Writer{
		head: h, sum: sha256.New(),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), gone: make(chan struct{}),
	}
	w.head.Format = Format
	var err error
	if w.folder, err = claim(dir, empty); err != nil {
		return nil, err
	}
	if err := writeHead(dir, w.head); err != nil {
		return nil, first(err, w.file.Close(), w.remove())
	}
	w.headWritten = true
	w.flushed = time.Now()
	// The level is valid, so there is no error.
	w.zip, _ = gzip.NewWriterLevel(w.file, gzip.BestSpeed)
	w.enc = json.NewEncoder(&w.line)
	w.enc.SetEscapeHTML(false)
	go w.write()
	return w, nil
}

// CreateIn makes a run directory of the given name in parent, with -2, -3, …
// appended when the name is taken.
func CreateIn(parent, name string, h Head) (*Writer, error) {
	for i := 1; ; i++ {
		try := name
		if i > 1 {
			try = fmt.Sprintf("%s-%d", name, i)
		}
		w, err := create(filepath.Join(parent, try), h, false)
		if err == nil || !errors.Is(err, fs.ErrExist) || i == 1000 {
			return w, err
		}
	}
}

// Dir is the run directory as it was given to Create.
func (w *Writer) Dir() string { return w.dir }

// Add takes r, which must not change afterwards. Its error is the first failure
// of writing, whichever record met it; the record is then lost.
func (w *Writer) Add(r *Record) error {
	now := time.Now()
	w.mu.Lock()
	err := w.err
	switch {
	case w.closed:
		err = fmt.Errorf("run directory %s: record %d came after the end", w.dir, r.Index)
	case err == nil:
		w.queue = append(w.queue, waiting{r, now})
	}
	late := err == nil && now.Sub(w.queue[0].since) > patience
	w.mu.Unlock()
	if late {
		// Two for one: the queue grows shorter.
		w.writeSome(2, gatherFor)
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return err
}

// Update changes the head through f and writes run.json again.
func (w *Writer) Update(f func(*Head)) error {
	w.headMu.Lock()
	defer w.headMu.Unlock()
	f(&w.head)
	w.head.Format = Format
	return writeHead(w.dir, w.head)
}

// End notes how the run ended, for Close to write.
func (w *Writer) End(e Ending) {
	w.headMu.Lock()
	w.head.Ending = &e
	w.headMu.Unlock()
}

// Close writes what is left, the footer and the last run.json. Its error is
// the first failure of writing. A second Close does nothing.
func (w *Writer) Close() error {
	if !w.shut() {
		return nil
	}
	err := w.finish()
	n := w.n
	return first(err, w.Update(func(h *Head) { h.Records = n }))
}

// Discard removes what Create made: the run never took place.
func (w *Writer) Discard() error {
	if !w.shut() {
		return nil
	}
	return first(w.file.Close(), w.remove())
}

// shut ends the goroutine. It reports whether this call did.
func (w *Writer) shut() bool {
	w.mu.Lock()
	was := w.closed
	w.closed = true
	w.mu.Unlock()
	if was {
		return false
	}
	close(w.stop)
	<-w.gone
	return true
}

// write is the goroutine: it gathers records for a while, then encodes and
// flushes them together, so that streams are disturbed twice a second at most.
func (w *Writer) write() {
	defer close(w.gone)
	for {
		select {
		case <-w.wake:
		case <-w.stop:
			w.drain()
			return
		}
		gather := time.NewTimer(gatherFor)
		select {
		case <-gather.C:
		case <-w.stop:
			gather.Stop()
		}
		w.drain()
	}
}

// drain writes the whole queue and flushes it.
func (w *Writer) drain() {
	for more := true; more; {
		for stretch := time.Now(); more && time.Since(stretch) < stretchFor; {
			more = w.writeSome(1, gatherFor)
		}
		// A burst of records must not hold a processor that streams wait for.
		runtime.Gosched()
	}
	w.writeSome(0, 0)
}

// writeSome writes n records of the queue, and flushes where the last flush is
// so long ago. It reports whether there may be more.
func (w *Writer) writeSome(n int, flushAfter time.Duration) (more bool) {
	w.out.Lock()
	defer w.out.Unlock()
	var err error
	for more = true; n > 0 && more && err == nil; n-- {
		var r *Record
		if r = w.next(); r == nil {
			more = false
		} else {
			err = w.encode(r)
		}
	}
	if now := time.Now(); err == nil && now.Sub(w.flushed) >= flushAfter {
		w.flushed, err = now, w.zip.Flush()
	}
	if err != nil {
		w.mu.Lock()
		w.err = first(w.err, fmt.Errorf("run directory %s: %w", w.dir, err))
		w.mu.Unlock()
	}
	return more && err == nil
}

// next takes a record off the queue; nil when there is none, or none can be
// written any more.
func (w *Writer) next() *Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || len(w.queue) == 0 {
		w.queue = nil
		return nil
	}
	r := w.queue[0].Record
	w.queue[0] = waiting{}
	w.queue = w.queue[1:]
	return r
}

func (w *Writer) encode(r *Record) error {
	w.line.Reset()
	if err := w.enc.Encode(r); err != nil {
		return fmt.Errorf("record %d: %w", r.Index, err)
	}
	w.sum.Write(w.line.Bytes())
	w.n++
	_, err := w.zip.Write(w.line.Bytes())
	return err
}

// finish writes the footer and closes the file.
func (w *Writer) finish() error {
	w.out.Lock()
	defer w.out.Unlock()
	err := w.err
	if err == nil {
		w.line.Reset()
		foot := footer{Records: w.n, SHA256: hex.EncodeToString(w.sum.Sum(nil))}
		err = first(w.enc.Encode(footerLine{&foot}), nil)
		if err == nil {
			_, err = w.zip.Write(w.line.Bytes())
		}
		err = first(err, w.zip.Close())
		err = first(err, w.file.Sync())
		if err != nil {
			err = fmt.Errorf("run directory %s: %w", w.dir, err)
		}
	}
	if cerr := w.file.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("run directory %s: %w", w.dir, cerr)
	}
	return err
}

// first returns the first error there is.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
