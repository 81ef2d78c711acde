// Package history keeps the results of many runs in a folder, a small file each,
// so that a run is compared with earlier ones although their records are gone.
package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/compare"
)

// format is that of an entry; a reader refuses a higher one.
const format = 1

// An Entry is a run in a history.
type Entry struct {
	When   time.Time
	Name   string // of its file, without its end
	Failed bool   // the gate did not let it pass: it is no baseline
	Result compare.Result
}

// file is an entry as it stands in its file.
type file struct {
	Format      int                   `json:"format"`
	When        time.Time             `json:"when"`
	Failed      bool                  `json:"gate_failed,omitempty"`
	Tool        string                `json:"tool"`
	Requests    int                   `json:"requests"`
	FailedCount int                   `json:"failed"`
	Seconds     *float64              `json:"seconds,omitempty"`
	Prompts     string                `json:"plan_hash,omitempty"`
	Told        map[string]float64    `json:"told"`
	Series      map[string][]*float64 `json:"series,omitempty"`
	Slices      map[string][]*float64 `json:"slices,omitempty"`
	Workload    []compare.Fact        `json:"workload,omitempty"`
	Environment []compare.Fact        `json:"environment,omitempty"`
}

// IsHistory reports whether a folder is one of entries, or could become one: it is
// missing, empty, or has an entry.
func IsHistory(dir string) bool {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	return err == nil && (len(entries) == 0 || slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), ending) }))
}

const ending = ".history.json"

// Load reads the entries of a folder, oldest first; none where it is missing. The
// error names the file that can't be read.
func Load(dir string) ([]Entry, error) {
	names, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, n := range names {
		base, ok := strings.CutSuffix(n.Name(), ending)
		if !ok {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, n.Name()))
		if err != nil {
			return nil, err
		}
		e, err := decode(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, n.Name()), err)
		}
		e.Name = base
		out = append(out, e)
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return a.When.Compare(b.When) })
	return out, nil
}

// Add writes an entry, and makes the folder where it is missing.
func Add(dir string, e Entry) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := json.Marshal(encode(e))
	if err != nil {
		return err
	}
	name := e.When.UTC().Format("20060102-150405.000")
	for i := 2; ; i++ {
		path := filepath.Join(dir, name+ending)
		if _, err := os.Stat(path); err != nil {
			return atomicfile.Write(path, func(w io.Writer) error {
				_, err := w.Write(append(text, '\n'))
				return err
			})
		}
		name = fmt.Sprintf("%s-%d", e.When.UTC().Format("20060102-150405.000"), i)
	}
}

// encode keeps all but gaps, which are many; their statistics stay.
func encode(e Entry) file {
	r := &e.Result
	f := file{
		Format: format, When: e.When.UTC(), Failed: e.Failed, Tool: r.Tool, Requests: r.Requests, FailedCount: r.Failed, Prompts: r.Prompts,
		Told: map[string]float64{}, Series: map[string][]*float64{}, Slices: map[string][]*float64{}, Workload: r.Workload, Environment: r.Environment,
	}
	if !math.IsNaN(r.Seconds) {
		f.Seconds = &r.Seconds
	}
	for q, v := range r.Told {
		f.Told[q.String()] = v
	}
	for m, x := range r.Series {
		if m != compare.ITL {
			f.Series[string(m)] = pointers(x)
		}
	}
	for m, x := range r.Slices {
		f.Slices[string(m)] = pointers(x)
	}
	return f
}

func pointers(x []float64) []*float64 {
	out := make([]*float64, len(x))
	for i, v := range x {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			v = math.Round(v*1e4) / 1e4
			out[i] = &v
		}
	}
	return out
}

func values(x []*float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = math.NaN()
		if v != nil {
			out[i] = *v
		}
	}
	return out
}

func decode(text []byte) (Entry, error) {
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return Entry{}, fmt.Errorf("no entry of a history: %w", err)
	}
	if f.Format < 1 || f.Format > format {
		return Entry{}, fmt.Errorf("format %d of a history, and this program knows up to %d", f.Format, format)
	}
	r := compare.New(f.Tool)
	r.Requests, r.Failed, r.Prompts, r.Workload, r.Environment = f.Requests, f.FailedCount, f.Prompts, f.Workload, f.Environment
	if f.Seconds != nil {
		r.Seconds = *f.Seconds
	}
	for name, v := range f.Told {
		if q, err := compare.ParseQuantity(name); err == nil {
			r.Tell(q, v)
		}
	}
	for m, x := range f.Series {
		r.Series[compare.Metric(m)] = values(x)
	}
	for m, x := range f.Slices {
		r.Slices[compare.Metric(m)] = values(x)
	}
	return Entry{When: f.When, Failed: f.Failed, Result: r}, nil
}
