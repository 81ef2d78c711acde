package tokenize

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Load reads a tokenizer.json, or a folder that holds one. A file behaves as
// the tokenizers library has it. A folder behaves as what transformers'
// AutoTokenizer makes of it (version 5): tokenizer_config.json, config.json,
// special_tokens_map.json and added_tokens.json count too, and the tokenizer
// classes of language models that bring their own pre-tokenization do so here.
// Errors name the path and what is wrong with it.
func Load(path string) (*Tokenizer, error) { return load(path, true) }

// Files are the names, beside tokenizer.json in its folder, that Load reads
// where they are there.
func Files() []string {
	return []string{"tokenizer_config.json", "config.json", "special_tokens_map.json", "added_tokens.json"}
}

// LoadPlain reads a tokenizer.json, or that of a folder, and behaves as the
// tokenizers library alone does; no other file of the folder counts.
func LoadPlain(path string) (*Tokenizer, error) { return load(path, false) }

func load(path string, layered bool) (*Tokenizer, error) {
	name, folder, err := tokenizerPath(path)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("tokenizer %s: %w", path, err)
	}
	if !folder || !layered {
		t, err := Parse(data)
		if err != nil {
			return nil, fmt.Errorf("tokenizer %s: %w", path, err)
		}
		return t, nil
	}
	t, err := loadFolder(path, data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer %s: %w", path, err)
	}
	return t, nil
}

// tokenizerPath gives the tokenizer.json that a path means, and whether the
// path is a folder.
func tokenizerPath(path string) (name string, folder bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", false, fmt.Errorf("tokenizer %s: %w (give a tokenizer.json or a folder that holds one)", path, err)
	}
	if !info.IsDir() {
		return path, false, nil
	}
	name = filepath.Join(path, "tokenizer.json")
	if _, err := os.Stat(name); err != nil {
		if os.IsNotExist(err) {
			err = fs.ErrNotExist
		}
		return "", true, fmt.Errorf("tokenizer %s: no tokenizer.json in the folder: %w (only tokenizers in this form are read)", path, err)
	}
	return name, true, nil
}
