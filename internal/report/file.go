package report

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/excerpt"
	"tokmeter/internal/plan"
	"tokmeter/internal/python"
	"tokmeter/internal/result"
)

// dateLayout is vLLM's "%Y%m%d-%H%M%S".
const dateLayout = "20060102-150405"

// FileName is the name of the result file by vLLM's rules: the one that the
// user gave, else label or backend, rate, concurrency, model and date.
func FileName(p plan.Plan, date time.Time) string {
	if p.Output.ResultFile != "" {
		return p.Output.ResultFile
	}
	label := p.Output.Label
	if label == "" {
		label = p.Target.Backend
	}
	s := &p.Load
	traffic := python.Float(float64(s.RequestRate)) + "qps"
	if s.RampStrategy != "" {
		traffic = fmt.Sprintf("ramp-up-%s-%dqps-%dqps", s.RampStrategy, s.RampStartRPS, s.RampEndRPS)
	}
	if s.MaxConcurrency > 0 {
		traffic += fmt.Sprintf("-concurrency%d", s.MaxConcurrency)
	}
	model := fileWord(p.Target.Model[strings.LastIndexByte(p.Target.Model, '/')+1:])
	return fmt.Sprintf("%s-%s-%s-%s.json", label, traffic, model, date.Format(dateLayout))
}

// maxModel is how many bytes of a model's name stand in that of a file, whose
// whole length file systems bound at 255.
const maxModel = 150

// fileWord is a model's name, which the server may have given, as a file system
// takes it.
func fileWord(model string) string {
	return excerpt.Bytes(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '-'
		}
		return r
	}, model), maxModel)
}

// Path is FileName inside the plan's result folder. A name that is a full path
// already stands alone, as with Python's os.path.join.
func Path(p plan.Plan, date time.Time) string {
	name := FileName(p, date)
	if p.Output.ResultDir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.Output.ResultDir, name)
}

// wanted reports whether the plan asks for a result file.
func wanted(p plan.Plan) bool { return p.Output.SaveResult || p.Output.AppendResult }

// CheckWritable makes the folder of the result file and tries to write there,
// so that a run does not end with nowhere to put its numbers. It leaves no
// file. Plans that save nothing pass.
func CheckWritable(p plan.Plan, date time.Time) error {
	if !wanted(p) {
		return nil
	}
	path := Path(p, date)
	dir := filepath.Dir(path)
	const hint = "choose another --result-dir or make it writable"
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("result folder %s: %w: %s", dir, reason(err), hint)
	}
	paths := []string{path}
	if p.Output.PyTorchFormat {
		paths = append(paths, pyTorchPath(path))
	}
	for _, path := range paths {
		// What the system takes for no name, or for a too long one, it says here.
		if _, err := os.Lstat(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("result file %q: %w: choose another --result-filename", excerpt.Cut(path, 200), reason(err))
		}
	}
	if info, err := os.Stat(path); err == nil {
		if info.IsDir() {
			return fmt.Errorf("result file %s: it is a folder: choose another --result-filename", path)
		}
		if p.Output.AppendResult || atomicfile.Through(path) {
			return checkAppend(path)
		}
	}
	if err := atomicfile.Probe(dir); err != nil {
		return fmt.Errorf("result folder %w: %s", err, hint)
	}
	return nil
}

func checkAppend(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("result file %s: %w: choose another --result-filename or make it writable", path, reason(err))
	}
	return f.Close()
}

// reason is the system's part of a path error, whose path the caller names.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// pyTorchPath is where the PyTorch records of the result at path stand.
func pyTorchPath(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".pytorch.json"
}

// Save writes the result file that the plan asks for, and the PyTorch records
// beside it, and returns the path of the first; "" when the plan saves nothing.
// A file is whole or absent: it is written under another name and renamed.
// Appending adds one line to what is there, as vLLM does.
func Save(r result.Result) (string, error) {
	if !wanted(r.Plan) {
		return "", nil
	}
	path := Path(r.Plan, r.Head.Begun)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return "", fmt.Errorf("result folder %s: %w", filepath.Dir(path), reason(err))
	}
	write := atomicfile.Write
	if r.Plan.Output.AppendResult {
		write = appendFile
	}
	if err := write(path, func(w io.Writer) error { return writeJSON(w, &r) }); err != nil {
		return "", fmt.Errorf("result file %w", err)
	}
	if !r.Plan.Output.PyTorchFormat || len(pyTorchRecords(&r)) == 0 {
		return path, nil
	}
	beside := pyTorchPath(path)
	if err := atomicfile.Write(beside, func(w io.Writer) error { return writePyTorch(w, &r) }); err != nil {
		return path, fmt.Errorf("PyTorch file %w", err)
	}
	return path, nil
}
