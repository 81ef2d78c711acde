package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A folder is a run directory that belongs to one Writer, and what it made of it.
type folder struct {
	dir         string
	above       []string // folders above dir that it made, outermost first
	made        bool     // it made dir itself
	file        *os.File // the records; to have made this file is to own dir
	headWritten bool     // run.json is its own
}

// choose is the hint of every error about a folder.
const choose = "choose another with --record-dir, or --no-record"

// claim makes dir and the folders above it. Two programs may see one empty
// folder at the same moment: it belongs to the one whose records file is made
// where none was. A folder that was there is taken only with empty, and only
// when nothing is in it. When dir is not to be had the error is an fs.ErrExist,
// and what claim made is gone again.
func claim(dir string, empty bool) (folder, error) {
	f := folder{dir: dir}
	err := f.makeDirs(empty)
	if err == nil {
		path := filepath.Join(dir, recordsFile)
		if f.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644); err != nil {
			err = fmt.Errorf("can't write: %w", err)
		}
	}
	if err != nil {
		return f, errors.Join(fmt.Errorf("run directory %s: %w (%s)", dir, err, choose), f.remove())
	}
	return f, nil
}

// makeDirs makes dir and the folders above it and notes which it made.
func (f *folder) makeDirs(empty bool) error {
	err := f.makeDir(filepath.Clean(f.dir))
	switch {
	case err == nil:
		// The last one of above is dir itself.
		f.above, f.made = f.above[:len(f.above)-1], true
		return nil
	case !errors.Is(err, fs.ErrExist):
		return fmt.Errorf("can't make it: %w", err)
	case !empty:
		return err
	}
	entries, err := os.ReadDir(f.dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%w and is not empty", fs.ErrExist)
	}
	return err
}

// parentTries is how often a folder is made whose parent another program
// removes at the same time.
const parentTries = 100

// makeDir makes dir, after the folders above it that are missing. That dir is
// there already is an error.
func (f *folder) makeDir(dir string) error {
	for try := 1; ; try++ {
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			f.above = append(f.above, dir)
			return nil
		}
		up := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || up == dir || try == parentTries {
			return err
		}
		if err := f.makeDir(up); err != nil && !isFolder(up) {
			if !errors.Is(err, fs.ErrExist) {
				return err
			}
			// What is there and is no folder, such as a link to nowhere, is not to
			// be taken for a run directory that has its owner.
			if _, err := os.Lstat(up); err == nil {
				return fmt.Errorf("%s is no folder", up)
			}
		}
	}
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// remove removes what was made, and nothing that others put there.
func (f *folder) remove() error {
	var errs []error
	gone := func(path string) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if f.headWritten {
		gone(filepath.Join(f.dir, headFile))
	}
	if f.file != nil {
		gone(filepath.Join(f.dir, recordsFile))
	}
	if f.made {
		_ = os.Remove(f.dir) // stays where others have put something
	}
	for i := len(f.above) - 1; i >= 0; i-- {
		_ = os.Remove(f.above[i])
	}
	return errors.Join(errs...)
}
