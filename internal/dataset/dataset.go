// Package dataset reads the files that workloads are made of: ShareGPT
// conversations, BurstGPT tables, custom prompts, timed traces, saved requests
// and plain lines of text. It says what was kept, what was dropped and why.
//
// It promises that a file is read through io.Reader and never held whole in
// memory, that text comes out exactly as Python's json module would give it
// (half of a surrogate pair, which is no UTF-8, as the three bytes that UTF-8
// would give it if it could), and that an error names the file, the entry or line, what is wrong with it and
// what to do. Entries and lines are counted from 1. Files that end in .gz, or
// begin as gzip does, are unpacked while they are read.
//
// It refuses what it cannot read whole: a cut-off file is an error, not a
// shorter dataset. It knows neither the network nor any tokenizer.
package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// The names of the datasets that are read from files, as --dataset-name has them.
const (
	ShareGPT   = "sharegpt"
	BurstGPT   = "burstgpt"
	Custom     = "custom"
	TimedTrace = "timed_trace"
	Requests   = "requests"
	Sonnet     = "sonnet"
)

// An Error says what is wrong with a dataset, where, and what to do about it.
type Error struct {
	File string // as the user named it
	At   string // such as "entry 12" or "line 3"; "" for the file as a whole
	What string
	Hint string
	Err  error // the system's error, if there is one
}

// Error returns everything on one line.
func (e *Error) Error() string {
	s := "dataset " + e.File + ": "
	if e.At != "" {
		s += e.At + ": "
	}
	s += e.What
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap returns the system's error.
func (e *Error) Unwrap() error { return e.Err }

// An Input is an opened file, ready to be read once from its beginning.
type Input struct {
	name   string
	r      io.Reader
	again  io.ReaderAt // reads the same bytes by offset; nil where that cannot be done
	closer io.Closer
	once   bool // opened from a path that gives its bytes once, such as a pipe
}

// Open opens the file at path, or the sample inside. The caller closes it after the workload is built.
func Open(path string) (*Input, error) {
	if path == SamplePath {
		return NewInput("the sample inside tokmeter", bytes.NewReader(Sample()))
	}
	f, err := os.Open(path)
	if err != nil {
		hint := "check --dataset-path"
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &Error{File: path, What: "there is no such file", Hint: hint, Err: err}
		}
		return nil, &Error{File: path, What: systemText(err), Hint: hint, Err: err}
	}
	if st, err := f.Stat(); err == nil && st.IsDir() {
		f.Close()
		return nil, &Error{File: path, What: "this is a folder", Hint: "give the file inside it to --dataset-path"}
	}
	in, err := NewInput(path, f)
	if err != nil {
		f.Close()
		return nil, err
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		in.again, in.once = nil, true // a pipe has ReadAt and refuses it
	}
	in.closer = f
	return in, nil
}

// NewInput reads a dataset from r; name stands in its errors. Where r is an
// io.ReaderAt and not compressed, a ShareGPT file is read by offsets instead of
// being kept in memory.
func NewInput(name string, r io.Reader) (*Input, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	in := &Input{name: name, r: b}
	if magic, _ := b.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, &Error{File: name, What: "looks like gzip but is not: " + err.Error(), Hint: "fetch the file again", Err: err}
		}
		in.r = z
		return in, nil
	}
	in.again, _ = r.(io.ReaderAt)
	return in, nil
}

// Name returns the name that errors carry.
func (in *Input) Name() string { return in.name }

// Close closes the file, if Open opened it.
func (in *Input) Close() error {
	if in.closer == nil {
		return nil
	}
	return in.closer.Close()
}

// fail is an error about in.
func (in *Input) fail(at, hint, format string, args ...any) *Error {
	return &Error{File: in.name, At: at, What: fmt.Sprintf(format, args...), Hint: hint}
}

// systemText is the system's own words without the path that PathError repeats.
func systemText(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
