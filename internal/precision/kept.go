package precision

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tokmeter/internal/atomicfile"
	"tokmeter/internal/experiment"
	"tokmeter/internal/precision/page"
)

// pageFile is the page's file of a form in the folder of an experiment.
func pageFile(dir string, f page.Form) string { return filepath.Join(dir, "precision"+f.End) }

// Keep writes a page in all forms into the folder of its experiment.
func Keep(dir string, p *page.Page, wide bool) error {
	var problems []error
	for _, f := range page.Forms(wide) {
		problems = append(problems, atomicfile.Write(pageFile(dir, f), func(to io.Writer) error { return f.Write(to, p) }))
	}
	return errors.Join(problems...)
}

// IsKept reports whether a folder is that of an experiment.
func IsKept(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, experiment.StateFile))
	return err == nil && info.Mode().IsRegular()
}

// Kept is the page in the folder of an experiment, in the form of a name. The
// error says that there is no such form, or no page yet.
func Kept(dir, form string) ([]byte, error) {
	for _, f := range page.Forms(false) {
		if f.Name != form {
			continue
		}
		b, err := os.ReadFile(pageFile(dir, f))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s has an experiment and no table yet: the command that began it goes on with --resume %s", dir, dir)
		}
		return b, err
	}
	return nil, fmt.Errorf("--format %s: a precision table has no such form: use text, markdown, csv, json or html", form)
}
