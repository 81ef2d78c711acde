package tokenize

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A caseFile is cases.json: what the library answers.
type caseFile struct {
	Strings map[string]string `json:"strings"`
	Cases   map[string]struct {
		Encode []encodeCase `json:"encode"`
		Decode []decodeCase `json:"decode"`
	} `json:"cases"`
}

type encodeCase struct {
	Name        string `json:"name"`
	IDs         []int  `json:"ids"`
	IDsSpecial  []int  `json:"ids_special"`
	Decoded     string `json:"decoded"`
	DecodedSkip string `json:"decoded_skip"`
}

type decodeCase struct {
	Name     string `json:"name"`
	IDs      []int  `json:"ids"`
	Text     string `json:"text"`
	TextSkip string `json:"text_skip"`
	Again    []int  `json:"again"`
}

func readCases(t testing.TB, path string) *caseFile {
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
	var c caseFile
	if err := json.NewDecoder(r).Decode(&c); err != nil {
		t.Fatal(err)
	}
	return &c
}

func small(t testing.TB, name string) *Tokenizer {
	t.Helper()
	tok, err := Load(filepath.Join("testdata", "tokenizers", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestCases compares with what the library answered for the small tokenizers.
func TestCases(t *testing.T) {
	cases := readCases(t, "testdata/cases.json.gz")
	if len(cases.Cases) != 16 {
		t.Fatalf("got %d tokenizers, want 16", len(cases.Cases))
	}
	for name, c := range cases.Cases {
		t.Run(name, func(t *testing.T) {
			tok := small(t, name)
			for _, e := range c.Encode {
				checkEncode(t, tok, cases.Strings[e.Name], e)
			}
			for _, d := range c.Decode {
				checkDecode(t, tok, d)
			}
		})
	}
}

func same(a, b []int) bool {
	return len(a) == len(b) && (len(a) == 0 || cmp.Equal(a, b))
}

func checkEncode(t *testing.T, tok *Tokenizer, text string, e encodeCase) {
	t.Helper()
	if got := tok.Encode(text, false); !same(got, e.IDs) {
		t.Errorf("%s: Encode(%.80q, false): got %v, want %v", e.Name, text, got, e.IDs)
	}
	if got := tok.Encode(text, true); !same(got, e.IDsSpecial) {
		t.Errorf("%s: Encode(%.80q, true): got %v, want %v", e.Name, text, got, e.IDsSpecial)
	}
	if got := tok.Count(text, true); got != len(e.IDsSpecial) {
		t.Errorf("%s: Count: got %d, want %d", e.Name, got, len(e.IDsSpecial))
	}
	if got := tok.Decode(e.IDsSpecial, false); got != e.Decoded {
		t.Errorf("%s: Decode(%v, false): got %q, want %q", e.Name, e.IDsSpecial, got, e.Decoded)
	}
	if got := tok.Decode(e.IDsSpecial, true); got != e.DecodedSkip {
		t.Errorf("%s: Decode(%v, true): got %q, want %q", e.Name, e.IDsSpecial, got, e.DecodedSkip)
	}
}

func checkDecode(t *testing.T, tok *Tokenizer, d decodeCase) {
	t.Helper()
	if got := tok.Decode(d.IDs, false); got != d.Text {
		t.Errorf("%s: Decode(%v, false): got %q, want %q", d.Name, d.IDs, got, d.Text)
	}
	if got := tok.Decode(d.IDs, true); got != d.TextSkip {
		t.Errorf("%s: Decode(%v, true): got %q, want %q", d.Name, d.IDs, got, d.TextSkip)
	}
	if got := tok.Encode(d.Text, false); !same(got, d.Again) {
		t.Errorf("%s: Encode(%q, false): got %v, want %v", d.Name, d.Text, got, d.Again)
	}
}
