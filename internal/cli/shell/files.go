package shell

import (
	"fmt"
	"os"
	"path/filepath"

	"tokmeter/internal/atomicfile"
)

// CheckReadable opens a file and closes it again.
func CheckReadable(what, path, hint string) error {
	f, err := os.Open(path)
	if err != nil {
		return &Error{Code: ExitUsage, Hint: hint, Err: fmt.Errorf("%s: %w", what, err)}
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		return Usagef(hint, "%s %s is a folder", what, path)
	}
	return nil
}

// CheckParent refuses a path whose folder is missing or can't be written to,
// and a path that is a folder.
func CheckParent(flag, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s %s is a folder: want a file", flag, path)
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("%s %s: the folder %s is missing", flag, path, dir)
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil // a pipe or a link is written to as it is
	}
	if err := atomicfile.Probe(dir); err != nil {
		return fmt.Errorf("%s %s: the folder %s can't be written to", flag, path, dir)
	}
	return nil
}
