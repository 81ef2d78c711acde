package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

// contents are the files of a folder by name.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil && !e.IsDir() {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, want := range []string{"first", "", "second, which is longer"} {
		if err := Replace(path, text(want)); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, dir); len(got) != 1 || got["a"] != want {
			t.Fatalf("got %q, want %q alone", got, want)
		}
	}
}

// TestReaderSeesWhole: while the second text is being written the first is there.
func TestReaderSeesWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := Replace(path, text("first")); err != nil {
		t.Fatal(err)
	}
	err := Replace(path, func(w io.Writer) error {
		if err := text("sec")(w); err != nil {
			return err
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "first" {
			t.Errorf("during the writing: got %q, %v", b, err)
		}
		return text("ond")(w)
	})
	if b, e := os.ReadFile(path); err != nil || e != nil || string(b) != "second" {
		t.Errorf("after it: got %q, %v, %v", b, err, e)
	}
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permissions of Unix")
	}
	dir := t.TempDir()
	plain, path := filepath.Join(dir, "plain"), filepath.Join(dir, "a")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	mode := func(path string) fs.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if err := Replace(path, text("x")); err != nil {
		t.Fatal(err)
	}
	if got, want := mode(path), mode(plain); got != want {
		t.Errorf("made: got %o, want the umask's %o", got, want)
	}
	for _, want := range []fs.FileMode{0o600, 0o640, 0o755} {
		if err := os.Chmod(path, want); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, text("y")); err != nil {
			t.Fatal(err)
		}
		if got := mode(path); got != want {
			t.Errorf("replaced: got %o, want %o", got, want)
		}
	}
}

// TestFailures: the path stays as it was, nothing is left beside it, and the
// error names the path and no file in the making.
func TestFailures(t *testing.T) {
	own := errors.New("no more words")
	for _, tt := range []struct {
		why, at string
		write   func(io.Writer) error
		is      error
		named   bool
	}{
		{"the writer gives up", "kept", func(w io.Writer) error { return errors.Join(text("half")(w), own) }, own, false},
		{"a folder is in the way", "folder", text("x"), nil, true},
		{"the folder is missing", "none/a", text("x"), fs.ErrNotExist, true},
	} {
		t.Run(tt.why, func(t *testing.T) {
			dir := t.TempDir()
			if err := errors.Join(os.WriteFile(filepath.Join(dir, "kept"), []byte("old"), 0o600), os.Mkdir(filepath.Join(dir, "folder"), 0o700)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, filepath.FromSlash(tt.at))
			for _, do := range []func(string, func(io.Writer) error) error{Replace, Write} {
				err := do(path, tt.write)
				switch {
				case err == nil, tt.is != nil && !errors.Is(err, tt.is):
					t.Fatalf("got %v, want %v", err, tt.is)
				case tt.named != strings.HasPrefix(err.Error(), path+": "), strings.Contains(err.Error(), ".tmp"):
					t.Errorf("got %q, want the name %s alone", err, path)
				}
			}
			if got := contents(t, dir); len(got) != 2 || got["kept"] != "old" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestFullDisk: an error of the file itself names the path.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	if err := Write("/dev/full", text("x")); err == nil || !strings.HasPrefix(err.Error(), "/dev/full: ") {
		t.Errorf("got %v", err)
	}
}

// TestLink: Write writes the file behind a link; Replace takes the link's place.
func TestLink(t *testing.T) {
	dir := t.TempDir()
	link, file := filepath.Join(dir, "link"), filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("what was there before"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Skip("no links here: ", err)
	}
	if err := Write(link, text("short")); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, dir); !Through(link) || got["file"] != "short" {
		t.Errorf("Write: link %v, files %q", Through(link), got)
	}
	if err := Replace(link, text("own")); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, dir); Through(link) || got["file"] != "short" || got["link"] != "own" {
		t.Errorf("Replace: link %v, files %q", Through(link), got)
	}
}

func TestProbe(t *testing.T) {
	dir := t.TempDir()
	if err := Probe(dir); err != nil {
		t.Error(err)
	}
	if got := contents(t, dir); len(got) != 0 {
		t.Errorf("left %q", got)
	}
	none := filepath.Join(dir, "none")
	if err := Probe(none); err == nil || !strings.HasPrefix(err.Error(), none+": ") || strings.Contains(err.Error(), ".tmp") {
		t.Errorf("a missing folder: got %v", err)
	}
}
