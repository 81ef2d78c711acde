package hub

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/lock"
)

// A store is one repository in the cache, as huggingface_hub lays it out:
//
//	blobs/<etag>                     the contents
//	snapshots/<commit>/<file>        links to them (copies where links can't be made)
//	refs/main                        the commit that main was last seen at
//	.no_exist/<commit>/<file>        empty: the commit is known not to have the file
type store struct{ dir string }

func (s store) blob(etag string) string       { return filepath.Join(s.dir, "blobs", etag) }
func (s store) snapshot(commit string) string { return filepath.Join(s.dir, "snapshots", commit) }
func (s store) refPath(name string) string    { return filepath.Join(s.dir, "refs", name) }

func (s store) absentPath(commit, file string) string {
	return filepath.Join(s.dir, ".no_exist", commit, filepath.FromSlash(file))
}

// ref is the commit that a branch was last seen at.
func (s store) ref(name string) (string, bool) {
	f, err := os.Open(s.refPath(name))
	if err != nil {
		return "", false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return "", false
	}
	return parseRef(b)
}

// parseRef reads the contents of a ref: the 40 hexadecimal digits of a commit.
func parseRef(b []byte) (string, bool) {
	c := strings.TrimSpace(string(b))
	return c, isHex(c, 40)
}

func isHex(s string, length int) bool {
	if len(s) != length {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// has reports whether a snapshot has all the files.
func (s store) has(commit string, files []string) bool {
	for _, file := range files {
		if !exists(filepath.Join(s.snapshot(commit), filepath.FromSlash(file))) {
			return false
		}
	}
	return true
}

func (s store) knownAbsent(commit, file string) bool { return exists(s.absentPath(commit, file)) }

func (s store) setAbsent(commit, file string) error {
	return writeWhole(s.absentPath(commit, file), strings.NewReader(""))
}

func (s store) setRef(name, commit string) error {
	if have, ok := s.ref(name); ok && have == commit {
		return nil // a cache that may only be read is left alone
	}
	return writeWhole(s.refPath(name), strings.NewReader(commit))
}

// link makes a blob appear under its name in a snapshot.
func (s store) link(commit, file, etag string) error {
	at := filepath.Join(s.snapshot(commit), filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
		return err
	}
	if exists(at) {
		return nil
	}
	target, err := filepath.Rel(filepath.Dir(at), s.blob(etag))
	if err != nil {
		return err
	}
	if err := symlink(target, at); err == nil {
		return nil
	}
	blob, err := os.Open(s.blob(etag))
	if err != nil {
		return err
	}
	defer blob.Close()
	return writeWhole(at, blob)
}

// symlink puts a link in the place of whatever broken one may be there.
func symlink(target, at string) error {
	part, err := partName(at)
	if err != nil {
		return err
	}
	if err := os.Symlink(target, part); err != nil {
		return err
	}
	if err := os.Rename(part, at); err != nil {
		os.Remove(part)
		return err
	}
	return nil
}

// partName is a free name beside a path.
func partName(path string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return "", err
	}
	f.Close()
	return f.Name(), os.Remove(f.Name())
}

// writeWhole makes a file appear at once with all of its contents.
func writeWhole(path string, from io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return atomicfile.Replace(path, func(w io.Writer) error { _, err := io.Copy(w, from); return err })
}

// lockPoll is how often a taken lock is tried again.
const lockPoll = 100 * time.Millisecond

// lock waits until no other program fetches the blob and says where to put what
// comes. The lock file is huggingface_hub's and is left behind as it leaves it.
// Where the file system knows no locks, every download gets a name of its own,
// which no later one continues.
func (s store) lock(ctx context.Context, dir, etag string) (part string, unlock func(), err error) {
	if err := errors.Join(os.MkdirAll(dir, 0o777), os.MkdirAll(filepath.Join(s.dir, "blobs"), 0o777)); err != nil {
		return "", nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, etag+".lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return "", nil, err
	}
	unlock = func() { f.Close() }
	for {
		taken, err := lock.Try(f)
		switch {
		case err != nil:
			part, err := partName(s.blob(etag))
			return part, unlock, err
		case !taken:
			return s.blob(etag) + ".incomplete", unlock, nil
		}
		select {
		case <-ctx.Done():
			unlock()
			return "", nil, context.Cause(ctx)
		case <-time.After(lockPoll):
		}
	}
}
