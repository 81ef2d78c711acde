package record

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

func TestCreateRefuses(t *testing.T) {
	tests := []struct {
		why   string
		setup func(t *testing.T, dir string)
		want  string
	}{
		{"a run is never overwritten", func(t *testing.T, dir string) { write(t, dir, 1) }, "not empty"},
		{"a file stands where the directory should", func(t *testing.T, dir string) {
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "--record-dir"},
		{"a file stands where a folder above should", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Dir(dir), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "--record-dir"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "runs", "a")
			if tt.want != "--record-dir" || strings.Contains(tt.why, "the directory") {
				if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			tt.setup(t, dir)
			_, err := Create(dir, Head{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("got %v, want one line with %q", err, tt.want)
			}
		})
	}
}

func TestCreateInExistingEmpty(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir, Head{})
	if err != nil {
		t.Fatal("an empty directory may be used:", err)
	}
	if err := w.Discard(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Fatalf("Discard: got %v, %v, want the user's directory, empty", left, err)
	}
}

func TestDiscardRemovesWhatCreateMade(t *testing.T) {
	top := t.TempDir()
	w, err := Create(filepath.Join(top, "runs", "b", "c"), Head{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(sample(1, 1)); err != nil {
		t.Fatal(err)
	}
	if err := w.Discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(top, "runs")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, want the folders gone", err)
	}
}

func TestCreateInTakesAnotherName(t *testing.T) {
	parent := t.TempDir()
	for _, want := range []string{"n", "n-2", "n-3"} {
		w, err := CreateIn(parent, "n", Head{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := filepath.Base(w.Dir()); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

// Of many that want one folder, or a folder of one name, each gets one of its
// own or is told; what the losers remove is never the winner's.
func TestFoldersThatMeet(t *testing.T) {
	const writers = 40
	meet := func(create func(i int) (*Writer, error)) (dirs []string, errs []error) {
		var (
			mu   sync.Mutex
			wg   sync.WaitGroup
			gate = make(chan struct{})
		)
		for i := range writers {
			wg.Go(func() {
				<-gate
				w, err := create(i)
				if err == nil {
					err = w.Add(sample(i, 1))
					err = first(err, w.Close())
				}
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					errs = append(errs, err)
					return
				}
				dirs = append(dirs, w.Dir())
			})
		}
		close(gate)
		wg.Wait()
		return dirs, errs
	}
	for range 5 {
		parent := filepath.Join(t.TempDir(), "runs")
		dirs, errs := meet(func(i int) (*Writer, error) {
			return CreateIn(parent, "n", Head{Tokmeter: strconv.Itoa(i)})
		})
		if len(errs) > 0 || len(dirs) != writers {
			t.Fatalf("one name: got %d folders and %v, want %d", len(dirs), errs, writers)
		}
		for _, dir := range dirs {
			got, err := read(t, dir)
			if err != nil || len(got) != 1 {
				t.Fatalf("%s: got %d records, %v, want the one of its owner", dir, len(got), err)
			}
			run, err := Open(dir)
			if err != nil || run.Head.Tokmeter != strconv.Itoa(got[0].Index) {
				t.Fatalf("%s: the head of run %s stands beside the record of run %d", dir, run.Head.Tokmeter, got[0].Index)
			}
		}
		same := filepath.Join(t.TempDir(), "runs", "a")
		dirs, errs = meet(func(int) (*Writer, error) { return Create(same, Head{}) })
		if len(dirs) != 1 || len(errs) != writers-1 {
			t.Fatalf("one folder: %d writers got it, want one", len(dirs))
		}
		for _, err := range errs {
			if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "--record-dir") {
				t.Fatalf("one folder: a loser is told %v", err)
			}
		}
		if got, err := read(t, same); err != nil || len(got) != 1 {
			t.Fatalf("one folder: got %d records, %v, want the winner's", len(got), err)
		}
	}
}

// Runs that never take place come and go beside one that does: the folder above
// them is there for it.
func TestDiscardBesideAnother(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "runs")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				w, err := CreateIn(parent, "n", Head{})
				if err != nil {
					t.Error(err)
					return
				}
				if err := w.Discard(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// What was there before stays, whatever becomes of the run.
func TestOnlyOursIsRemoved(t *testing.T) {
	t.Run("a link to nowhere above", func(t *testing.T) {
		top := t.TempDir()
		link := filepath.Join(top, "runs")
		if err := os.Symlink(filepath.Join(top, "absent"), link); err != nil {
			t.Skip(err)
		}
		for why, make := range map[string]func() (*Writer, error){
			"a name of ours": func() (*Writer, error) { return CreateIn(link, "n", Head{}) },
			"a given folder": func() (*Writer, error) { return Create(filepath.Join(link, "a", "b"), Head{}) },
		} {
			_, err := make()
			if err == nil || errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "runs is no folder") {
				t.Errorf("%s: got %v, want it told that runs is no folder", why, err)
			}
			if _, err := os.Lstat(link); err != nil {
				t.Errorf("%s: the link is gone: %v", why, err)
			}
		}
	})
	t.Run("another's file in the run directory", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "a")
		w, err := Create(dir, Head{})
		if err != nil {
			t.Fatal(err)
		}
		note := filepath.Join(dir, "note")
		if err := os.WriteFile(note, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := w.Discard(); err != nil {
			t.Fatal(err)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 1 {
			t.Errorf("got %v, %v, want the note alone", left, err)
		}
	})
	t.Run("records that stand in a folder without a head", func(t *testing.T) {
		dir := t.TempDir()
		theirs := filepath.Join(dir, recordsFile)
		if err := os.WriteFile(theirs, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := claim(dir, true); !errors.Is(err, fs.ErrExist) {
			t.Errorf("got %v, want it refused", err)
		}
		if _, err := os.Stat(theirs); err != nil {
			t.Error(err)
		}
	})
}
