package tokenize

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPythonsNumbers: files that Python wrote may have numbers that JSON lacks.
func TestPythonsNumbers(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"model_max_length": Infinity, "eos_token": "NaN"}`: true,
		`{"a": [-Infinity, NaN]}`:                            true,
		`{"a": nan}`:                                         false,
		`{"a": Infinit}`:                                     false,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		fields, _, err := readObject(dir, "tokenizer_config.json")
		if (err == nil) != ok {
			t.Errorf("%s: error %v", text, err)
		}
		if eos, has := fields["eos_token"]; has && string(eos) != `"NaN"` {
			t.Errorf("%s: the text became %s", text, eos)
		}
	}
}
