package setup

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tokmeter/internal/model/roofline"
)

// maxFile is the most bytes of a config.json or YAML file that are read.
const maxFile = 16 << 20

// find looks the model and the card up, and notes what was assumed of a
// config.json. The precision is what a name such as …-AWQ says of it, "" where
// it does not.
func (s Setup) find(p *problems) (m *roofline.Model, c *roofline.Card, precision string, notes []string) {
	var err error
	if s.Model == "" {
		p.add("--model: name one: tokmeter sim models lists them")
	} else if m, precision, notes, err = findModel(cmp.Or(s.Folder, s.Model)); err != nil {
		p.add("--model: %v", err)
	}
	if s.Card != nil {
		c = s.Card
	} else if s.GPU == "" {
		p.add("--gpu: name one: tokmeter sim hardware lists them")
	} else if c, err = findCard(s.GPU); err != nil {
		p.add("--gpu: %v", err)
	}
	return m, c, precision, notes
}

// findModel takes a path that is there, or a name of the catalogue.
func findModel(name string) (m *roofline.Model, precision string, notes []string, err error) {
	catalogue := func() (*roofline.Model, string, []string, error) {
		m, precision, err := roofline.FindModel(name)
		return m, precision, nil, err
	}
	info, err := os.Stat(name)
	isFile := strings.HasSuffix(name, ".json") || isYAML(name)
	switch {
	case err != nil && isFile:
		return nil, "", nil, fmt.Errorf("%s: %w: give a name, a folder with config.json or a YAML file that is there", name, plainErr(err))
	case err != nil:
		return catalogue()
	case info.IsDir() && !exists(filepath.Join(name, "config.json")):
		if m, precision, notes, err = catalogue(); err != nil { // else a folder that happens to have a model's name
			err = fmt.Errorf("%s: no config.json in it: give a model's folder, or a name of tokmeter sim models", name)
		}
		return m, precision, notes, err
	case !info.IsDir() && !isFile:
		return catalogue()
	}
	path := name
	if info.IsDir() {
		path = filepath.Join(name, "config.json")
	}
	text, err := readFile(path)
	if err != nil {
		return nil, "", nil, err
	}
	if isYAML(path) {
		m, err = roofline.ReadModelYAML(text)
	} else {
		m, notes, err = roofline.ReadModel(text)
	}
	if err != nil {
		return nil, "", nil, fmt.Errorf("%s: %w", path, err)
	}
	if !isYAML(path) {
		m.Name = folderName(path)
	}
	return m, m.Precision, notes, nil
}

// folderName is the name of the folder that a file lies in; in the cache of
// Hugging Face that of the model, such as acme/foo.
func folderName(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		abs = path
	}
	dir := filepath.Dir(abs)
	up := filepath.Dir(dir)
	if id, ok := strings.CutPrefix(filepath.Base(filepath.Dir(up)), "models--"); ok && filepath.Base(up) == "snapshots" {
		return strings.ReplaceAll(id, "--", "/")
	}
	return filepath.Base(dir)
}

// findCard takes a name of the catalogue, or a path of a YAML file.
func findCard(name string) (*roofline.Card, error) {
	if !isYAML(name) {
		return roofline.FindCard(name)
	}
	text, err := readFile(name)
	if err != nil {
		return nil, err
	}
	c, err := roofline.ReadCardYAML(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

func isYAML(path string) bool {
	return strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// readFile reads a small file.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: give a file that is there", path, plainErr(err))
	}
	if info.IsDir() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s: no file of at most %d MiB: give a config.json or a YAML file", path, maxFile>>20)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: give a file that can be read", path, plainErr(err))
	}
	return text, nil
}

// plainErr is the system's own words, without the path that the caller gives.
func plainErr(err error) error {
	if e, ok := err.(*os.PathError); ok {
		return e.Err
	}
	return err
}
