package tokenize

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func readGzip(t testing.TB, path string, to any) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(r).Decode(to); err != nil {
		t.Fatal(err)
	}
}

// A layerAnswer is what AutoTokenizer says of a folder.
type layerAnswer struct {
	Class        string   `json:"class"`
	VocabSize    int      `json:"vocab_size"`
	SpecialIDs   []int    `json:"special_ids"`
	SpecialToAdd int      `json:"special_to_add"`
	IDs          [][]int  `json:"ids"`
	Decoded      []string `json:"decoded"`
	DecodedSkip  []string `json:"decoded_skip"`
}

func (a layerAnswer) check(t *testing.T, tok *Tokenizer, texts []string) {
	t.Helper()
	if got := tok.VocabSize(); got != a.VocabSize {
		t.Errorf("VocabSize: got %d, want %d", got, a.VocabSize)
	}
	if got := tok.SpecialIDs(); !same(got, a.SpecialIDs) {
		t.Errorf("SpecialIDs: got %v, want %v", got, a.SpecialIDs)
	}
	if got := tok.SpecialToAdd(); got != a.SpecialToAdd {
		t.Errorf("SpecialToAdd: got %d, want %d", got, a.SpecialToAdd)
	}
	for i, text := range texts {
		if got := tok.Encode(text, true); !same(got, a.IDs[i]) {
			t.Errorf("Encode(%.80q): got %v, want %v", text, got, a.IDs[i])
		}
		if got := tok.Decode(a.IDs[i], false); got != a.Decoded[i] {
			t.Errorf("Decode(%v, false): got %q, want %q", a.IDs[i], got, a.Decoded[i])
		}
		if got := tok.Decode(a.IDs[i], true); got != a.DecodedSkip[i] {
			t.Errorf("Decode(%v, true): got %q, want %q", a.IDs[i], got, a.DecodedSkip[i])
		}
	}
}

// TestLayer compares folders with what AutoTokenizer makes of them.
func TestLayer(t *testing.T) {
	var golden struct {
		Texts   []string `json:"texts"`
		Folders []struct {
			Why       string                     `json:"why"`
			Tokenizer string                     `json:"tokenizer"`
			Files     map[string]json.RawMessage `json:"files"`
			layerAnswer
		} `json:"folders"`
	}
	readGzip(t, "testdata/layer.json.gz", &golden)
	if len(golden.Folders) < 25 {
		t.Fatalf("got %d folders, want at least 25", len(golden.Folders))
	}
	for _, f := range golden.Folders {
		t.Run(f.Tokenizer+"/"+f.Why, func(t *testing.T) {
			dir := t.TempDir()
			data, err := os.ReadFile(filepath.Join("testdata", "tokenizers", f.Tokenizer+".json"))
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{"tokenizer.json": data}
			for name, text := range f.Files {
				files[name] = text
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			tok, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			f.check(t, tok, golden.Texts)
		})
	}
}

// TestReal compares real tokenizers, which are not part of the repository,
// with what testdata/record.py recorded: TOKMETER_TOKENIZERS names their folder,
// TOKMETER_TOKENIZER_ANSWERS the recording.
func TestReal(t *testing.T) {
	folder, answers := os.Getenv("TOKMETER_TOKENIZERS"), os.Getenv("TOKMETER_TOKENIZER_ANSWERS")
	if folder == "" || answers == "" {
		t.Skip("e2e/tokenizers runs this on real tokenizers")
	}
	var golden struct {
		Texts      []string `json:"texts"`
		Sweep      []string `json:"sweep"`
		Tokenizers map[string]struct {
			IDs         [][]int     `json:"ids"`
			Decoded     []string    `json:"decoded"`
			DecodedSkip []string    `json:"decoded_skip"`
			Sweep       [][]int     `json:"sweep"`
			Layer       layerAnswer `json:"layer"`
		} `json:"tokenizers"`
	}
	readGzip(t, answers, &golden)
	for name, g := range golden.Tokenizers {
		t.Run(name, func(t *testing.T) {
			plain, err := LoadPlain(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range golden.Texts {
				if got := plain.Encode(text, true); !same(got, g.IDs[i]) {
					t.Errorf("Encode(%.80q): got %v, want %v", text, got, g.IDs[i])
				}
				if got := plain.Decode(g.IDs[i], false); got != g.Decoded[i] {
					t.Errorf("Decode: got %q, want %q", got, g.Decoded[i])
				}
				if got := plain.Decode(g.IDs[i], true); got != g.DecodedSkip[i] {
					t.Errorf("Decode, skipping: got %q, want %q", got, g.DecodedSkip[i])
				}
			}
			for i, text := range golden.Sweep {
				if got := plain.Encode(text, true); !same(got, g.Sweep[i]) {
					t.Errorf("sweep %d: Encode(%q): got %v, want %v", i, text, got, g.Sweep[i])
				}
			}
			layered, err := Load(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			g.Layer.check(t, layered, golden.Texts)
		})
	}
}
