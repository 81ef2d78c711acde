package precision

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokmeter/internal/experiment"
	"tokmeter/internal/metrics"
	"tokmeter/internal/record"
)

// TestFinishedRefuses: what is no run directory is an error that says what is
// missing.
func TestFinishedRefuses(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	if _, err := Finished(none, experiment.Job{}); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("got %v, want an error that names the directory", err)
	}
	if err := (Note{Variant: "a"}).Keep(none); err == nil || !strings.Contains(err.Error(), "note of the run") {
		t.Errorf("got %v, want that the note can't be written", err)
	}
	dir := t.TempDir()
	if err := (Note{Variant: "a", PowerW: 12}).Keep(dir); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, noteFile)); err != nil || string(b) != `{"prompts":"","variant":"a","power_w":12}`+"\n" {
		t.Errorf("got %q, %v", b, err)
	}
}

// TestConcerns: the table is told what moves its own numbers.
func TestConcerns(t *testing.T) {
	for code, want := range map[string]bool{record.WarnDirectory: true, metrics.WarnFailures: false, metrics.WarnFewRequests: false, "tokenizer": false} {
		if concerns(code) != want {
			t.Errorf("%s: want %v", code, want)
		}
	}
}
