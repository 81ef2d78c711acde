package history

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tokmeter/internal/compare"
)

// TestKept: what is added is found again, oldest first, with two of one moment.
func TestKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if got, err := Load(dir); len(got) != 0 || err != nil || !IsHistory(dir) {
		t.Fatalf("a folder that is not there: %v, %v", got, err)
	}
	at := time.Date(2026, 12, 1, 5, 0, 0, 0, time.UTC)
	entry := func(when time.Time, ttft float64) Entry {
		r := compare.New("tokmeter 1")
		r.Requests, r.Failed, r.Prompts = 3, 1, "hash"
		r.Series[compare.TTFT] = []float64{ttft, math.NaN(), 2.5}
		r.Tell(compare.Quantity{Metric: compare.TTFT, Stat: 99}, ttft)
		r.Know(compare.FactRate, "4")
		return Entry{When: when, Failed: ttft > 5, Result: r}
	}
	for _, e := range []Entry{entry(at.Add(time.Hour), 9), entry(at, 1), entry(at, 2)} {
		if err := Add(dir, e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(dir)
	if err != nil || len(got) != 3 {
		t.Fatalf("got %d entries, %v", len(got), err)
	}
	want := entry(at.Add(time.Hour), 9)
	want.Name = got[2].Name
	if d := cmp.Diff(want, got[2], cmpopts.EquateNaNs()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// TestBroken: a file that is none is named.
func TestBroken(t *testing.T) {
	for text, want := range map[string]string{`{`: "no entry of a history", `{"format": 9}`: "format 9 of a history"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x"+ending), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "x"+ending) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

// FuzzDecode: whatever a file holds, reading it ends.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"format": 1, "told": {"ttft_p99": 3}, "series": {"ttft": [1, null]}}`))
	f.Fuzz(func(_ *testing.T, text []byte) { _, _ = decode(text) })
}
