package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"tokmeter/internal/lock"
)

const (
	// lockWait is how long another program's lock on the file is waited for: it
	// holds it for one write.
	lockWait = 30 * time.Second
	lockPoll = 5 * time.Millisecond
)

// appendFile adds a line to a file, or makes it: one write, under the file's
// lock, so that lines of several programs stay whole. When writing fails the
// file is cut back to what it was. Errors begin with the path.
func appendFile(path string, write func(io.Writer) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}()
	var line bytes.Buffer
	if err := write(&line); err != nil {
		return err
	}
	f, err := openLocked(path)
	if err != nil {
		return reason(err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(reason(err), f.Close())
	}
	text := line.Bytes()
	if info.Size() > 0 {
		text = append([]byte{'\n'}, text...)
	}
	if _, err = f.Write(text); err != nil {
		err = reason(err)
		if info.Mode().IsRegular() {
			err = errors.Join(err, f.Truncate(info.Size()))
		}
	}
	return errors.Join(err, f.Close())
}

// openLocked opens a file to append to and locks it. A file that another
// program put in its place while the lock was waited for is opened anew. What
// can't be locked is opened all the same: one write at the end is the best that
// is to be had there.
func openLocked(path string) (*os.File, error) {
	for end := time.Now().Add(lockWait); ; {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return nil, err
		}
		mine, err := f.Stat()
		if err != nil || !mine.Mode().IsRegular() {
			return f, nil
		}
		taken, err := lock.Try(f)
		if err != nil || taken && !time.Now().Before(end) {
			return f, nil
		}
		there, err := os.Stat(path)
		if !taken && err == nil && os.SameFile(mine, there) {
			return f, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
		if taken {
			time.Sleep(lockPoll)
		}
	}
}
