package cli

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/dataset"
	"tokmeter/internal/plan"
)

// checkFiles looks at the files that a run will read or write, before any
// server is asked. The error joins all problems.
func checkFiles(p plan.Plan) error {
	var problems []error
	if path := p.Workload.Path; path != "" && path != dataset.SamplePath {
		problems = append(problems, checkReadable("dataset", path, "give the path of the file by --dataset-path"))
	}
	if path := p.Target.CAFile; path != "" {
		problems = append(problems, checkCertificates(path))
	}
	if path := p.Output.SaveRequests; path != "" {
		problems = append(problems, checkParent("--save-requests", path))
	}
	return errors.Join(problems...)
}

// checkReadable opens a file and closes it again.
func checkReadable(what, path, hint string) error {
	f, err := os.Open(path)
	if err != nil {
		return &Error{Code: ExitUsage, Hint: hint, Err: fmt.Errorf("%s: %w", what, err)}
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		return usagef(hint, "%s %s is a folder", what, path)
	}
	return nil
}

// checkCertificates refuses a file without any PEM certificate.
func checkCertificates(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("--ca-file: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(b) {
		return fmt.Errorf("--ca-file %s holds no PEM certificate", path)
	}
	return nil
}

// missingFolders lists dir and the folders above it that there are not,
// innermost first.
func missingFolders(dir string) []string {
	var missing []string
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			return missing
		}
		missing = append(missing, dir)
		dir = filepath.Dir(dir)
	}
}

// checkParent refuses a path whose folder is missing or can't be written to,
// and a path that is a folder.
func checkParent(flag, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s %s is a folder: want a file", flag, path)
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("%s %s: the folder %s is missing", flag, path, dir)
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil // a pipe or a link is written to as it is
	}
	if err := atomicfile.Probe(dir); err != nil {
		return fmt.Errorf("%s %s: the folder %s can't be written to", flag, path, dir)
	}
	return nil
}
