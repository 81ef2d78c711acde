package record

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sample is a record with every field of a successful stream, n events long.
func sample(index, n int) *Record {
	r := &Record{
		Index: index, Session: 3, Turn: 1, ID: "bench-00-1", Model: "lora-a",
		Due: 1_000_000_000, Released: 1_000_012_345,
		Timing: Timing{
			Dialed: 5, Connected: 700, Sent: 1_000_020_000, Wrote: 1_000_021_000, FirstByte: 1_050_000_000,
			Done: 9_000_000_000, Reused: true, Replaced: 1, Redirects: 2, Status: 200, BytesIn: 12345, BytesOut: 321,
			Lag: 42 * time.Microsecond, ReadInterval: 300 * time.Microsecond, KernelStamped: true, Framed: true,
		},
		FirstToken: 1_050_000_000, FirstAnswer: 1_050_000_000, LastToken: 8_000_000_000,
		PromptTokens: Count{17, FromUsage}, OutputTokens: Count{n, FromUsage}, CachedTokens: 16, UsageAlone: true,
		WantPrompt: 17, WantOutput: n, Finish: "length", Text: "<b>Grüße</b> \u2028\n & more", Outcome: OK,
		Bare: []Stamp{1_040_000_000},
	}
	for i := range n {
		r.Events = append(r.Events, 1_050_000_000+Stamp(i)*20_000_123)
		r.PerEvent = append(r.PerEvent, uint16(1+i%2))
	}
	return r
}

func write(t *testing.T, dir string, n int) []*Record {
	t.Helper()
	w, err := Create(dir, Head{Tokmeter: "test", Plan: json.RawMessage(`{"seed":0}`)})
	if err != nil {
		t.Fatal(err)
	}
	var recs []*Record
	for i := range n {
		recs = append(recs, sample(i, 5+i))
		if err := w.Add(recs[i]); err != nil {
			t.Fatal(err)
		}
	}
	w.End(Ending{Start: 1, End: 2, Reason: AllSent, Sent: n})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return recs
}

func read(t *testing.T, dir string) (recs []*Record, last error) {
	t.Helper()
	run, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for rec, err := range run.Records() {
		if err != nil {
			return recs, err
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

func TestRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "a")
	want := write(t, dir, 7)
	got, err := read(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	run, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	h := run.Head
	if h.Records != 7 || h.Ending == nil || h.Ending.Reason != AllSent || h.Tokmeter != "test" || h.Format != Format {
		t.Fatalf("head after the end: got %+v", h)
	}
}

func TestCountsReachTheRecords(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	w, err := Create(dir, Head{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := w.Add(sample(i, 5)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Update(func(h *Head) { h.Counts = map[int]Count{1: {5, FromTokenizer}} }); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := read(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].OutputTokens.From != FromUsage || got[0].PerEvent[1] != 2 {
		t.Errorf("a record that was not counted changed: %+v", got[0].OutputTokens)
	}
	if d := cmp.Diff(Count{5, FromTokenizer}, got[1].OutputTokens); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]uint16{1, 1, 1, 1, 1}, got[1].PerEvent); d != "" {
		t.Error("as many tokens as events means one each:", d)
	}
}

func TestManyWriters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	w, err := Create(dir, Head{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				if err := w.Add(sample(g*50+i, 3)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal("a second Close must do nothing:", err)
	}
	if err := w.Add(sample(1, 1)); err == nil {
		t.Error("Add after Close: got no error")
	}
	got, err := read(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[int]bool)
	for _, r := range got {
		seen[r.Index] = true
	}
	if len(got) != 400 || len(seen) != 400 {
		t.Fatalf("got %d records, %d of them different, want 400", len(got), len(seen))
	}
}

// A kill leaves what was flushed: what is older than gatherFor can be read
// from the file as it lies there.
func TestReadableWhileWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	synctest.Test(t, func(t *testing.T) {
		w, err := Create(dir, Head{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if err := w.Add(sample(i, 4)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(gatherFor + time.Millisecond)
		synctest.Wait()
		got, err := read(t, dir)
		var cut *Cut
		if len(got) != 3 || !errors.As(err, &cut) || cut.Records != 3 || cut.Partial {
			t.Errorf("after a second: got %d records and %v, want 3 and a clean cut", len(got), err)
		}
		run, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		recs, end, warnings, err := run.Load()
		if err != nil || recs.Len() != 3 || len(warnings) != 2 {
			t.Errorf("Load: got %d records, warnings %q, %v", recs.Len(), warnings, err)
		}
		if end.Reason != Killed || end.Start != 1_000_000_000 || end.End != 9_000_000_000 {
			t.Errorf("Load: got ending %+v", end)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// Where the goroutine of the Writer gets no processor, those who add records do
// its work: at no moment is a record missing that is older than a second.
func TestWriterIsStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var file bytes.Buffer
		w := &Writer{sum: sha256.New(), zip: gzip.NewWriter(&file), flushed: time.Now()}
		w.enc = json.NewEncoder(&w.line)
		const every = time.Millisecond
		for i := range 5000 {
			if err := w.Add(sample(i, 2)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(every)
			if i%500 != 499 {
				continue
			}
			kept := 0
			for _, err := range Read(bytes.NewReader(file.Bytes())) {
				if err == nil {
					kept++
				}
			}
			if late := time.Duration(i+1-kept) * every; late > time.Second {
				t.Fatalf("after %d records those of the last %s are missing", i+1, late)
			}
		}
	})
}

// A failing disk is told once and for all later records.
func TestWriteFailure(t *testing.T) {
	w, err := Create(filepath.Join(t.TempDir(), "a"), Head{})
	if err != nil {
		t.Fatal(err)
	}
	w.file.Close()
	if err := w.Add(sample(0, 1)); err != nil {
		t.Fatal(err)
	}
	err = w.Close()
	if err == nil || !errors.Is(err, fs.ErrClosed) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("got %v, want the failure of the file", err)
	}
}

func TestName(t *testing.T) {
	at := time.Date(2026, 11, 24, 13, 22, 30, 0, time.UTC)
	tests := []struct{ why, model, want string }{
		{"the last part names the model", "meta-llama/Meta-Llama-3-8B", "20261124-132230-Meta-Llama-3-8B"},
		{"a path ends in a slash", "/models/qwen3/", "20261124-132230-qwen3"},
		{"a path of Windows", `C:\m\qwen`, "20261124-132230-qwen"},
		{"what a file system refuses", "a:b*c é", "20261124-132230-a-b-c"},
		{"no model", "", "20261124-132230"},
		{"nothing but dots", "..", "20261124-132230"},
		{"a long name is cut", strings.Repeat("x", 300), "20261124-132230-" + strings.Repeat("x", 80)},
	}
	for _, tt := range tests {
		if got := Name(at, tt.model); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.why, got, tt.want)
		}
	}
}

func TestTee(t *testing.T) {
	a, b := NewSpool(t.TempDir()), NewSpool(t.TempDir())
	broken := failing{errors.New("disk full")}
	s := Tee(a, broken, nil, b)
	for _, i := range []int{2, 0, 1} {
		if err := s.Add(sample(i, 1)); err == nil {
			t.Error("got no error, want the broken sink's")
		}
	}
	for _, m := range []*Spool{a, b} {
		var got []int
		for _, r := range collected(t, m.Pass()) {
			got = append(got, r.Index)
		}
		if d := cmp.Diff([]int{0, 1, 2}, got); d != "" {
			t.Error("order of Index:", d)
		}
	}
	if err := s.Close(); err == nil {
		t.Error("Close: got no error, want the broken sink's")
	}
}

type failing struct{ err error }

func (f failing) Add(*Record) error { return f.err }
func (f failing) Close() error      { return f.err }

func TestHere(t *testing.T) {
	if h := Here(); h.OS == "" || h.Arch == "" || h.Cores < 1 || !strings.HasPrefix(h.Go, "go") {
		t.Fatalf("got %+v", h)
	}
}

// BenchmarkWriter writes records of 200 events and says what one costs on top
// of the stream's own Add.
func BenchmarkWriter(b *testing.B) {
	w, err := Create(filepath.Join(b.TempDir(), "a"), Head{})
	if err != nil {
		b.Fatal(err)
	}
	r := sample(0, 200)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		w.line.Reset()
		if err := w.encode(r); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.SetBytes(int64(w.line.Len()))
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAdd is what a stream pays for handing over its record.
func BenchmarkAdd(b *testing.B) {
	w, err := Create(filepath.Join(b.TempDir(), "a"), Head{})
	if err != nil {
		b.Fatal(err)
	}
	r := sample(0, 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Add(r); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if err := w.Discard(); err != nil {
		b.Fatal(err)
	}
}

func TestEncodeAllocatesNothingPerEvent(t *testing.T) {
	w := &Writer{}
	w.enc = json.NewEncoder(&w.line)
	short, long := sample(0, 10), sample(0, 5000)
	count := func(r *Record) float64 {
		w.line.Reset()
		w.line.Grow(1 << 20)
		return testing.AllocsPerRun(20, func() {
			w.line.Reset()
			if err := w.enc.Encode(r); err != nil {
				t.Fatal(err)
			}
		})
	}
	// The encoder keeps its buffers in a pool, which -race and the collector empty at random; one allocation an event would be 4,990 more.
	if s, l := count(short), count(long); l > s+100 {
		t.Fatalf("10 events cost %v allocations, 5000 cost %v", s, l)
	}
	if !bytes.Contains(w.line.Bytes(), []byte(`"events":[`)) {
		t.Fatal("nothing was encoded")
	}
}
