package experiment

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// TestFoldersMeet: of many experiments that begin at once each gets a folder of
// its own where the name is ours to choose, and one alone gets a folder that
// was named.
func TestFoldersMeet(t *testing.T) {
	const n = 40
	parent := t.TempDir()
	named := filepath.Join(parent, "named")
	var mu sync.Mutex
	var chosen []string
	won, lost := 0, 0
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			f, err := NewFolderIn(filepath.Join(parent, "runs"), "precision")
			_, err2 := NewFolder(named)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			chosen = append(chosen, string(f))
			switch {
			case err2 == nil:
				won++
			case errors.Is(err2, ErrTaken):
				lost++
			default:
				t.Error(err2)
			}
		})
	}
	wg.Wait()
	slices.Sort(chosen)
	if got := len(slices.Compact(chosen)); got != n {
		t.Errorf("%d experiments have %d folders", n, got)
	}
	if won != 1 || lost != n-1 {
		t.Errorf("%d got the named folder and %d were refused, want 1 and %d", won, lost, n-1)
	}
}

// TestRelease: what was claimed goes, what others made stays, and so does a
// state that was saved.
func TestRelease(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x")
	f, err := NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := f.Load(); s != nil || err != nil {
		t.Errorf("got %v, %v of a folder that was just claimed, want no state", s, err)
	}
	foreign := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(foreign, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("what others made is gone: %v", err)
	}
	if f, err = NewFolder(dir); err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if err := f.Save(&State{Format: Format}); err != nil {
		t.Fatal(err)
	}
	if err := f.Release(); err != nil {
		t.Fatal(err)
	}
	if s, err := f.Load(); s == nil || err != nil {
		t.Errorf("got %v, %v, want the state that was saved", s, err)
	}
}
