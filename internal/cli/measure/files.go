package measure

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"tokmeter/internal/cli/shell"
	"tokmeter/internal/dataset"
	"tokmeter/internal/plan"
)

// CheckFiles looks at the files that a run will read or write, before any
// server is asked. The error joins all problems.
func CheckFiles(p plan.Plan) error {
	var problems []error
	if path := p.Workload.Path; path != "" && path != dataset.SamplePath {
		problems = append(problems, shell.CheckReadable("dataset", path, "give the path of the file by --dataset-path"))
	}
	if path := p.Target.CAFile; path != "" {
		problems = append(problems, checkCertificates(path))
	}
	if path := p.Output.SaveRequests; path != "" {
		problems = append(problems, shell.CheckParent("--save-requests", path))
	}
	return errors.Join(problems...)
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
