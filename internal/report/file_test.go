package report_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/plan"
	"tokmeter/internal/report"
	"tokmeter/internal/result"
)

// names lists what a folder holds.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func runInto(dir string) result.Result {
	r := ours()
	r.Plan.Output.SaveResult, r.Plan.Output.SaveDetailed = true, false
	r.Plan.Output.ResultDir, r.Plan.Output.ResultFile = filepath.Join(dir, "a", "b"), "r.json"
	return r
}

// TestSave: the folder is made, the file holds the result and replaces an old
// one, and nothing else is left.
func TestSave(t *testing.T) {
	r := runInto(t.TempDir())
	want := resultJSON(t, r)
	for range 2 {
		path, err := report.Save(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != want {
			t.Errorf("got %q", got)
		}
		if diff := cmp.Diff([]string{"r.json"}, names(t, filepath.Dir(path))); diff != "" {
			t.Errorf("folder (-want +got):\n%s", diff)
		}
	}
	r.Plan.Output.SaveResult = false
	if path, err := report.Save(r); path != "" || err != nil {
		t.Errorf("a plan that saves nothing: got %q, %v", path, err)
	}
}

// TestAppend: each result is a line of its own, without an end after the last.
func TestAppend(t *testing.T) {
	r := runInto(t.TempDir())
	r.Plan.Output.SaveResult, r.Plan.Output.AppendResult = false, true
	var path string
	for range 3 {
		var err error
		if path, err = report.Save(r); err != nil {
			t.Fatal(err)
		}
	}
	one := resultJSON(t, r)
	if got, want := read(t, path), one+"\n"+one+"\n"+one; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAppendBeside: lines of many writers stay whole, and each is on a line of
// its own.
func TestAppendBeside(t *testing.T) {
	const writers = 64
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			r := runInto(dir)
			r.Plan.Output.SaveResult, r.Plan.Output.AppendResult = false, true
			r.Plan.Output.Metadata = []plan.KeyValue{{Key: "writer", Value: strconv.Itoa(i)}, {Key: "pad", Value: strings.Repeat("x", 20_000)}}
			if _, err := report.Save(r); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for line := range strings.SplitSeq(read(t, filepath.Join(dir, "a", "b", "r.json")), "\n") {
		var one struct{ Writer, Pad string }
		if err := json.Unmarshal([]byte(line), &one); err != nil || len(one.Pad) != 20_000 {
			t.Fatalf("a line of %d bytes is broken: %v", len(line), err)
		}
		seen[one.Writer] = true
	}
	if len(seen) != writers {
		t.Errorf("got the lines of %d writers, want %d", len(seen), writers)
	}
}

// TestSavePyTorch: the records stand beside the result, and there is no file
// when there is no record.
func TestSavePyTorch(t *testing.T) {
	r := runInto(t.TempDir())
	r.Plan.Output.PyTorchFormat = true
	path, err := report.Save(r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"r.json", "r.pytorch.json"}, names(t, filepath.Dir(path))); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
	r.Plan.Output.Metrics = []string{"e2el"}
	r.Plan.Output.ResultDir = t.TempDir()
	if _, err := report.Save(r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"r.json"}, names(t, r.Plan.Output.ResultDir)); diff != "" {
		t.Errorf("folder without records (-want +got):\n%s", diff)
	}
}

// TestCheckWritable: what would fail after the run fails before it, in one
// line, and the check leaves no file.
func TestCheckWritable(t *testing.T) {
	dir := t.TempDir()
	r := runInto(dir)
	if err := report.CheckWritable(r.Plan, r.Head.Begun); err != nil {
		t.Fatal(err)
	}
	if got := names(t, r.Plan.Output.ResultDir); len(got) != 0 {
		t.Errorf("the check left %q", got)
	}

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	bad := runInto(dir).Plan
	bad.Output.ResultDir = file
	cases := map[string]error{"a file in place of the folder": report.CheckWritable(bad, r.Head.Begun)}
	bad.Output.ResultDir, bad.Output.ResultFile = dir, "a"
	cases["a folder in place of the file"] = report.CheckWritable(bad, r.Head.Begun)
	if runtime.GOOS != "windows" && os.Getuid() != 0 {
		shut := filepath.Join(dir, "shut")
		if err := os.Mkdir(shut, 0o555); err != nil {
			t.Fatal(err)
		}
		bad.Output.ResultDir, bad.Output.ResultFile = shut, "r.json"
		cases["a folder without permission"] = report.CheckWritable(bad, r.Head.Begun)
	}
	for why, err := range cases {
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "choose another") {
			t.Errorf("%s: got %v, want one line with a hint", why, err)
		}
	}
	bad.Output.SaveResult = false
	if err := report.CheckWritable(bad, r.Head.Begun); err != nil {
		t.Errorf("a plan that saves nothing: got %v", err)
	}
}

// TestSaveFails: a result that can't be written leaves the old one and no part
// of the new one.
func TestSaveFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "r.json"), 0o777); err != nil {
		t.Fatal(err)
	}
	r := runInto(dir)
	r.Plan.Output.ResultDir = dir
	for _, appending := range []bool{false, true} {
		r.Plan.Output.AppendResult = appending
		if _, err := report.Save(r); err == nil || errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v, want the reason why %s can't be written", err, dir)
		}
		if diff := cmp.Diff([]string{"r.json"}, names(t, dir)); diff != "" {
			t.Errorf("folder (-want +got):\n%s", diff)
		}
	}
}

// TestSaveDevice: a device is written to, not replaced.
func TestSaveDevice(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no /dev/null")
	}
	r := runInto(t.TempDir())
	r.Plan.Output.ResultFile = os.DevNull
	if err := report.CheckWritable(r.Plan, r.Head.Begun); err != nil {
		t.Fatal(err)
	}
	if path, err := report.Save(r); path != os.DevNull || err != nil {
		t.Fatalf("got %q, %v", path, err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s was replaced: %v, %v", os.DevNull, info, err)
	}
}
