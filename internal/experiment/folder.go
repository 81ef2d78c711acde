package experiment

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tokmeter/internal/atomicfile"
)

// ErrTaken says that a folder has an experiment already.
var ErrTaken = errors.New("the folder has an experiment already: go on with it by --resume, or take another folder")

// A Folder is a Store in a folder of the disk. NewFolder and NewFolderIn give one
// that nobody else has.
type Folder string

// Load reads the state; nil where the folder has none yet.
func (f Folder) Load() (*State, error) {
	path := filepath.Join(string(f), StateFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state of the experiment: %w", err)
	}
	if len(text) == 0 {
		return nil, nil // claimed, and nothing was saved yet
	}
	s, err := readState(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// NewFolder claims a folder for one experiment, and makes it where it is not
// there. It is ours where its state's file was made and none was there before,
// so that of many who ask at once one gets it and the others get ErrTaken.
func NewFolder(dir string) (Folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	f, err := os.OpenFile(filepath.Join(dir, StateFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return "", ErrTaken
	}
	if err != nil {
		return "", err
	}
	return Folder(dir), f.Close()
}

// NewFolderIn makes a folder of a name that is free in parent: name, name-2, ….
func NewFolderIn(parent, name string) (Folder, error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	dir := filepath.Join(parent, name)
	for i := 2; ; i++ {
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			return NewFolder(dir)
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		dir = fmt.Sprintf("%s-%d", filepath.Join(parent, name), i)
	}
}

// Release gives a folder up that was claimed and in which nothing was saved. What
// others put there stays.
func (f Folder) Release() error {
	path := filepath.Join(string(f), StateFile)
	if info, err := os.Stat(path); err != nil || info.Size() > 0 {
		return nil
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	_ = os.Remove(string(f)) // unless something is in it
	return nil
}

// Save writes the state.
func (f Folder) Save(s *State) error {
	fail := func(err error) error { return fmt.Errorf("state of the experiment: can't write: %w", err) }
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		return fail(err)
	}
	text, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fail(err)
	}
	err = atomicfile.Replace(filepath.Join(string(f), StateFile), func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		return fail(err)
	}
	return nil
}
