package tokenize

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// TestParts compares small tokenizers with other parts than their own with
// what the library answered.
func TestParts(t *testing.T) {
	var golden struct {
		Texts      []string `json:"texts"`
		Tokenizers []struct {
			Tokenizer string                     `json:"tokenizer"`
			Why       string                     `json:"why"`
			Change    map[string]json.RawMessage `json:"change"`
			IDs       [][]int                    `json:"ids"`
			Plain     [][]int                    `json:"plain"`
			Decoded   []string                   `json:"decoded"`
		} `json:"tokenizers"`
	}
	readGzip(t, "testdata/parts.json.gz", &golden)
	if len(golden.Tokenizers) < 200 {
		t.Fatalf("got %d tokenizers, want at least 200", len(golden.Tokenizers))
	}
	for _, g := range golden.Tokenizers {
		t.Run(g.Tokenizer+"/"+g.Why, func(t *testing.T) {
			tok, err := Parse(changed(t, g.Tokenizer, g.Change))
			if err != nil {
				t.Fatalf("%s: %v", g.Change, err)
			}
			for i, text := range golden.Texts {
				if got := tok.Encode(text, true); !same(got, g.IDs[i]) {
					t.Errorf("%s: Encode(%q, true): got %v, want %v", g.Change, text, got, g.IDs[i])
				}
				if got := tok.Encode(text, false); !same(got, g.Plain[i]) {
					t.Errorf("%s: Encode(%q, false): got %v, want %v", g.Change, text, got, g.Plain[i])
				}
				if got := tok.Decode(g.Plain[i], false); got != g.Decoded[i] {
					t.Errorf("%s: Decode(%v): got %q, want %q", g.Change, g.Plain[i], got, g.Decoded[i])
				}
			}
		})
	}
}

// changed is the file of a small tokenizer with some of its parts replaced.
func changed(t testing.TB, name string, change map[string]json.RawMessage) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "tokenizers", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	file, model := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for key, to := range map[string]*map[string]json.RawMessage{"": &file, "model": &model} {
		from := data
		if key != "" {
			var all map[string]json.RawMessage
			if err := json.Unmarshal(data, &all); err != nil {
				t.Fatal(err)
			}
			from = all[key]
		}
		if err := json.Unmarshal(from, to); err != nil {
			t.Fatal(err)
		}
	}
	change = maps.Clone(change)
	if more := change["model"]; more != nil {
		if err := json.Unmarshal(more, &model); err != nil {
			t.Fatal(err)
		}
		delete(change, "model")
	}
	maps.Copy(file, change)
	if file["model"], err = json.Marshal(model); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
