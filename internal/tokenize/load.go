package tokenize

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Load reads a tokenizer.json, or a folder that holds one. In a folder
// tokenizer_config.json and special_tokens_map.json count too, as the
// transformers library reads them.
func Load(path string) (*Tokenizer, error) { return LoadPlain(path) }

// LoadPlain reads a tokenizer.json, or that of a folder, and behaves as the
// tokenizers library alone does.
func LoadPlain(path string) (*Tokenizer, error) {
	file, _, err := tokenizerPath(path)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("tokenizer %s: %w", path, err)
	}
	t, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer %s: %w", path, err)
	}
	return t, nil
}

// tokenizerPath gives the tokenizer.json that a path means, and whether the
// path is a folder.
func tokenizerPath(path string) (file string, folder bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", false, fmt.Errorf("tokenizer %s: %w (give a tokenizer.json or a folder that holds one)", path, err)
	}
	if !info.IsDir() {
		return path, false, nil
	}
	file = filepath.Join(path, "tokenizer.json")
	if _, err := os.Stat(file); err != nil {
		if os.IsNotExist(err) {
			err = fs.ErrNotExist
		}
		return "", true, fmt.Errorf("tokenizer %s: no tokenizer.json in the folder: %w (only fast tokenizers are read)", path, err)
	}
	return file, true, nil
}
