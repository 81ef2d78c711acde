// Package open finds results by path: run directories of tokmeter, result files of
// tokmeter and of other tools, folders with such files, and one of several results
// in a file.
package open

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/compare"
	"tokmeter/internal/compare/foreign"
	"tokmeter/internal/record"
	"tokmeter/internal/result"
)

// The most that is read of a file, and of the files in a folder.
const (
	mostBytes = 512 << 20
	mostFiles = 400
)

// Side is what a path names: PATH, PATH#PART for one of several results in a file,
// or PATH,PATH,… for several runs of the same. The error names the path.
func Side(path string) (compare.Side, error) {
	s := compare.Side{Name: path}
	for _, p := range split(path) {
		r, err := one(p)
		if err != nil {
			return s, fmt.Errorf("%s: %w", p, err)
		}
		s.Results = append(s.Results, r)
	}
	if len(s.Results) == 0 {
		return s, errors.New("no path")
	}
	return s, nil
}

// split cuts a path at commas, unless there is a file of that name.
func split(path string) []string {
	if _, err := os.Stat(path); err == nil || !strings.Contains(path, ",") {
		return []string{path}
	}
	var out []string
	for part := range strings.SplitSeq(path, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// one is a single result.
func one(path string) (compare.Result, error) {
	part := ""
	if _, err := os.Stat(path); err != nil {
		if i := strings.LastIndexByte(path, '#'); i >= 0 {
			path, part = path[:i], path[i+1:]
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return compare.Result{}, reason(err)
	}
	if info.IsDir() {
		if r, ok, err := run(path); ok || err != nil {
			return r, err
		}
	}
	files, err := read(path, info)
	if err != nil {
		return compare.Result{}, err
	}
	all, err := foreign.Read(files)
	if err != nil {
		return compare.Result{}, err
	}
	return choose(all, part)
}

// run is a run directory of tokmeter's own; not ok where the folder is none.
func run(dir string) (r compare.Result, ok bool, err error) {
	if _, err := os.Stat(filepath.Join(dir, "run.json")); err != nil {
		return r, false, nil
	}
	res, err := result.Of(dir)
	if err != nil {
		return r, true, err
	}
	defer res.Close()
	r, err = compare.OfRun(&res)
	if res.Summary.Reason == record.Killed {
		r.Notes = append(r.Notes, "the run did not come to its end")
	}
	return r, true, err
}

// choose is the result of a name or a place among several.
func choose(all []compare.Result, part string) (compare.Result, error) {
	if part == "" && len(all) == 1 {
		return all[0], nil
	}
	var names []string
	for i, r := range all {
		name := r.Part
		if name == "" {
			name = strconv.Itoa(i + 1)
		}
		if part != "" && (part == name || part == strconv.Itoa(i+1)) {
			return r, nil
		}
		names = append(names, name)
	}
	if part == "" {
		return compare.Result{}, fmt.Errorf("%d results in it: choose one, such as PATH#%s; there are %s", len(all), names[0], strings.Join(names, ", "))
	}
	return compare.Result{}, fmt.Errorf("no result #%s in it: there are %s", part, strings.Join(names, ", "))
}

// read is a file, or the files of a folder that may be those of a result.
func read(path string, info fs.FileInfo) ([]foreign.File, error) {
	if !info.IsDir() {
		f, err := file(path)
		return []foreign.File{f}, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, reason(err)
	}
	var out []foreign.File
	for _, e := range entries {
		ext := strings.ToLower(filepath.Ext(e.Name()))
		if e.IsDir() || !slices.Contains([]string{".json", ".jsonl", ".yaml", ".yml", ".txt"}, ext) {
			continue
		}
		if len(out) == mostFiles {
			return nil, fmt.Errorf("more than %d files: name one of them", mostFiles)
		}
		f, err := file(filepath.Join(path, e.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: neither a run directory nor a folder with result files", foreign.ErrUnknown)
	}
	return out, nil
}

func file(path string) (foreign.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return foreign.File{}, reason(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err != nil {
		return foreign.File{}, reason(err)
	}
	if len(data) > mostBytes {
		return foreign.File{}, fmt.Errorf("larger than %d MiB", mostBytes>>20)
	}
	return foreign.File{Name: filepath.Base(path), Data: data}, nil
}

// reason is the system's part of a path error, whose path the caller names.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
