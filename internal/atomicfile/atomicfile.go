// Package atomicfile writes files that are whole or absent. What is written goes
// to a hidden file beside the path, reaches the disk, and takes the path's place
// in one step: a reader sees the old contents or all of the others, and a kill
// at any moment leaves no torn file.
//
// A file that is replaced keeps its permissions; one that is made gets 0o666
// less the umask. Errors of the system are one line that begins with the path.
// It locks nothing: of two writers the last one stays.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// Replace puts what write writes in the place of path, whatever is there but a
// folder. An error of write is returned as it is, and path stays as it was.
func Replace(path string, write func(io.Writer) error) (err error) {
	f, err := create(filepath.Dir(path))
	if err != nil {
		return named(path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := write(writer{f, path}); err != nil {
		return err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
		if err := f.Chmod(info.Mode().Perm()); err != nil {
			return named(path, err)
		}
	}
	// Without it a crash of the machine may leave an empty file under the name.
	if err := f.Sync(); err != nil {
		return named(path, err)
	}
	if err := f.Close(); err != nil {
		return named(path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return named(path, err)
	}
	return nil
}

// Write is Replace for a path that a user gave. What must not be replaced is
// written to as it is: a pipe, a device, and the file behind a link, such as
// /dev/stdout.
func Write(path string, write func(io.Writer) error) error {
	if !Through(path) {
		return Replace(path, write)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC|os.O_CREATE, 0o666)
	if err != nil {
		return named(path, err)
	}
	err = write(writer{f, path})
	if e := f.Close(); err == nil && e != nil {
		err = named(path, e)
	}
	return err
}

// Through reports whether Write writes to what is at path as it is.
func Through(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// Probe finds out whether files can be made in a folder. It leaves none.
func Probe(dir string) error {
	f, err := create(dir)
	if err != nil {
		return named(dir, err)
	}
	f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return named(dir, err)
	}
	return nil
}

// create makes a file of a free name in a folder. The dot hides what a kill may
// leave. os.CreateTemp would make it for its owner alone, whatever the umask.
func create(dir string) (*os.File, error) {
	for {
		name := filepath.Join(dir, ".tokmeter-"+strconv.FormatUint(rand.Uint64(), 36)+".tmp")
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// A writer gives errors the name of the file that the user knows.
type writer struct {
	f    *os.File
	path string
}

func (w writer) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		err = named(w.path, err)
	}
	return n, err
}

// named puts path in the place of the name in a system's error.
func named(path string, err error) error {
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &at):
		err = at.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}
