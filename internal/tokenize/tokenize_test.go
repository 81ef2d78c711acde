package tokenize

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBuiltin(t *testing.T) {
	tok := Builtin()
	if got := tok.VocabSize(); got != 8000 {
		t.Errorf("VocabSize: got %d, want 8000", got)
	}
	if got := tok.SpecialIDs(); !cmp.Equal(got, []int{0, 1, 2}) {
		t.Errorf("SpecialIDs: got %v, want [0 1 2]", got)
	}
	if got := tok.SpecialToAdd(); got != 0 {
		t.Errorf("SpecialToAdd: got %d, want 0", got)
	}
	const text = "The queue grows; isn't it 早い? \U0001f600\n"
	if got := tok.Decode(tok.Encode(text, true), true); got != text {
		t.Errorf("round trip: got %q, want %q", got, text)
	}
	if tok != Builtin() {
		t.Error("Builtin made a second tokenizer")
	}
}

func TestInvalidUTF8(t *testing.T) {
	tok := small(t, "llama3")
	for _, row := range []struct{ in, as, why string }{
		{"a\xffb", "a\uFFFDb", "a byte that no character has"},
		{"a\xe6\xbcb", "a\uFFFDb", "a character cut short is one part"},
		{"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD", "half of a surrogate pair is three parts"},
		{"\xf0\x9f\x98", "\uFFFD", "cut short at the end"},
		{"\xc0\xaf", "\uFFFD\uFFFD", "too long a form"},
	} {
		if got, want := tok.Encode(row.in, true), tok.Encode(row.as, true); !same(got, want) {
			t.Errorf("%s: Encode(%q): got %v, want %v", row.why, row.in, got, want)
		}
	}
}

func TestAppendEncode(t *testing.T) {
	tok := small(t, "llama3")
	ids := tok.Encode("hello world", true)
	got := tok.appendEncode([]int{7, 8}, "hello world", true)
	if want := append([]int{7, 8}, ids...); !cmp.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	left := Builtin()
	if got := left.appendEncode([]int{7}, "", true); !cmp.Equal(got, []int{7}) {
		t.Errorf("empty text: got %v, want [7]", got)
	}
}

func TestTokenNames(t *testing.T) {
	tok := small(t, "llama3")
	for _, row := range []struct {
		token string
		ok    bool
		why   string
	}{
		{"<|begin_of_text|>", true, "an added token"},
		{"Ġthe", true, "a token of the model, as it stands there"},
		{" the", false, "the text of a token is not its name"},
	} {
		id, ok := tok.TokenToID(row.token)
		if ok != row.ok {
			t.Errorf("%s: TokenToID(%q): got %t, want %t", row.why, row.token, ok, row.ok)
		}
		if back, _ := tok.IDToToken(id); ok && back != row.token {
			t.Errorf("%s: IDToToken(%d): got %q, want %q", row.why, id, back, row.token)
		}
	}
	for _, id := range []int{-1, 1 << 20, 1 << 40} {
		if got, ok := tok.IDToToken(id); ok {
			t.Errorf("IDToToken(%d): got %q, want none", id, got)
		}
	}
}

// TestLongRuns encodes what a quadratic way would take hours for.
func TestLongRuns(t *testing.T) {
	paths, err := filepath.Glob("testdata/tokenizers/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatal("no tokenizers", err)
	}
	const n = 100_000
	for _, path := range paths {
		tok, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, unit := range []string{"a", " ", "\n", "=", "e\u0301", "\u0301", "漢", "1", "'", "▁", "<", "A", " a", "\u0000"} {
			text := strings.Repeat(unit, n/len(unit))
			start := time.Now()
			ids := tok.Encode(text, false)
			tok.Decode(ids, false)
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("%s: %d times %q took %v", path, n/len(unit), unit, took)
			}
		}
	}
}

// TestShortAndLongMerge holds the two ways of merging against each other.
func TestShortAndLongMerge(t *testing.T) {
	for _, name := range []string{"llama3", "qwen", "llama2", "gemma"} {
		m := small(t, name).model.(*bpe)
		var symbols []uint32
		for _, token := range m.dense {
			if id, ok := m.ids[token]; ok && len([]rune(token)) == 1 {
				symbols = append(symbols, id)
			}
		}
		rng := rand.New(rand.NewPCG(1, 2))
		e := &encoding{}
		for range 2000 {
			word := make([]uint32, 1+rng.IntN(maxScan))
			for i := range word {
				word[i] = symbols[rng.IntN(min(len(symbols), 100))]
			}
			short := m.mergeShort(append([]uint32{}, word...))
			long := m.mergeLong(e, append([]uint32{}, word...))
			if !cmp.Equal(short, long) {
				t.Fatalf("%s: %v: got %v one way and %v the other", name, word, short, long)
			}
		}
	}
}

func TestConcurrent(t *testing.T) {
	cases := readCases(t, "testdata/cases.json.gz")
	for _, name := range []string{"llama3", "xlmr", "bert", "llama2"} {
		tok := small(t, name)
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for _, c := range cases.Cases[name].Encode {
					if got := tok.Encode(cases.Strings[c.Name], true); !same(got, c.IDsSpecial) {
						t.Errorf("%s: %s: got %v, want %v", name, c.Name, got, c.IDsSpecial)
					}
					if got := tok.Decode(c.IDsSpecial, true); got != c.DecodedSkip {
						t.Errorf("%s: %s: got %q, want %q", name, c.Name, got, c.DecodedSkip)
					}
				}
			})
		}
		group.Wait()
	}
}

// TestCacheBound fills the cache with more words than it has slots.
func TestCacheBound(t *testing.T) {
	tok := small(t, "llama3")
	cache := tok.model.(*bpe).cache
	for i := range 3 * cacheSlots {
		tok.Count(fmt.Sprintf("w%x", i*7919), false)
	}
	tok.Count(strings.Repeat("x", 10*maxCached), false)
	if len(cache.slots) != cacheSlots {
		t.Fatalf("got %d slots, want %d", len(cache.slots), cacheSlots)
	}
	for i := range cache.slots {
		if w := cache.slots[i].Load(); w != nil && (len(w.word) > maxCached || len(w.ids) > maxCached) {
			t.Fatalf("the cache keeps %q, of %d bytes and %d ids", w.word, len(w.word), len(w.ids))
		}
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("config/tokenizer.json", string(changed(t, "gpt2", nil)))
	write("config/tokenizer_config.json", `{"bos_token": `)
	write("decoder/tokenizer.json", string(changed(t, "gpt2", nil)))
	write("decoder/tokenizer_config.json", `{"added_tokens_decoder": {"x": {"content": "a"}}}`)
	write("empty/README", "")
	for _, row := range []struct{ path, want, why string }{
		{filepath.Join(dir, "none"), "give a tokenizer.json or a folder", "nothing there"},
		{filepath.Join(dir, "empty"), "no tokenizer.json in the folder", "a folder without the file"},
		{write("broken.json", "{"), "JSON at byte 1", "not JSON"},
		{filepath.Join(dir, "config"), "tokenizer_config.json: JSON at byte", "a broken configuration"},
		{filepath.Join(dir, "decoder"), `added_tokens_decoder: the entry "x"`, "an id that is no number"},
	} {
		_, err := Load(row.path)
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), row.path) {
			t.Errorf("%s: got %v, want %q and the path", row.why, err, row.want)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error has more than one line: %v", row.why, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, row := range []struct{ base, change, want, why string }{
		{"gpt2", `{"model": {"dropout": 0.1}}`, "dropout 0.1 is not supported", "random encodings"},
		{"gpt2", `{"pre_tokenizer": {"type": "UnicodeScripts"}}`, `pre_tokenizer "UnicodeScripts" is not supported`, "a part that is not built"},
		{"gpt2", `{"pre_tokenizer": {"type": "Nope"}}`, `pre_tokenizer "Nope" is not supported`, "an unknown part"},
		{"gpt2", `{"normalizer": {"type": "Nope"}}`, `normalizer "Nope" is not supported`, "an unknown part"},
		{"gpt2", `{"decoder": {"type": "Nope"}}`, `decoder "Nope" is not supported`, "an unknown part"},
		{"gpt2", `{"post_processor": {"type": "Nope"}}`, `post_processor "Nope" is not supported`, "an unknown part"},
		{"gpt2", `{"model": {"type": "Nope"}}`, `model "Nope" is not supported`, "an unknown model"},
		{"gpt2", `{"normalizer": {}}`, "normalizer: type is missing", "a part without a type"},
		{"gpt2", `{"normalizer": "NFC"}`, "normalizer: json", "a part that is a string"},
		{"gpt2", `{"future": 1}`, `the key "future" is not known`, "a key that could mean anything"},
		{"gpt2", `{"version": "2.0"}`, `version: want "1.0"`, "another version"},
		{"gpt2", `{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(?<x>a)\\k<x>"}, "behavior": "Isolated", "invert": false}}`, "the group (", "a named group"},
		{"gpt2", `{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Other", "invert": false}}`, `the behavior "Other"`, "an unknown behavior"},
		{"gpt2", `{"pre_tokenizer": {"type": "Split", "pattern": {}, "behavior": "Isolated", "invert": false}}`, "either a String or a Regex", "no pattern"},
		{"gpt2", `{"pre_tokenizer": {"type": "Metaspace", "replacement": "ab"}}`, "replacement must be one character", "two characters"},
		{"gpt2", `{"pre_tokenizer": {"type": "Metaspace", "replacement": "_", "add_prefix_space": false}}`, "contradicts prepend_scheme", "a contradiction"},
		{"gpt2", `{"pre_tokenizer": {"type": "FixedLength", "length": 0}}`, "length 0 is not positive", "no progress"},
		{"gpt2", `{"model": {"merges": [["a", "nope"]]}}`, `the token "nope"`, "a merge of an unknown token"},
		{"gpt2", `{"model": {"merges": ["a b c"]}}`, `"a b c" is not two tokens`, "a merge of three"},
		{"gpt2", `{"model": {"vocab": {"a": -1}}}`, "want an id from 0", "a negative id"},
		{"gpt2", `{"model": {"vocab": {"a": 1.5}}}`, "want a comma", "an id with a fraction"},
		{"gpt2", `{"model": {"vocab": {"a": 4294967296}}}`, "want an id from 0", "an id beyond 32 bits"},
		{"llama2", `{"model": {"unk_token": "nope"}}`, "unk_token is not in the vocabulary", "texts without an encoding"},
		{"bert", `{"model": {"unk_token": "nope"}}`, `unk_token "nope" is not in the vocabulary`, "texts without an encoding"},
		{"xlmr", `{"model": {"unk_id": null}}`, "unk_id is missing", "texts without an encoding"},
		{"xlmr", `{"model": {"unk_id": 99999}}`, "unk_id 99999 is not in the vocabulary", "an id that is not there"},
		{"xlmr", `{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAA"}}`, "precompiled_charsmap", "a map cut short"},
		{"gpt2", `{"added_tokens": [{"id": 1, "content": "x"}]}`, "entry 0 lacks one of", "an entry without its switches"},
		{"gpt2", `{"added_tokens": null}`, "want an array", "no list"},
		{"bert", `{"added_tokens": [{"id": 1, "content": "xyz", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}, {"id": 2, "content": "XYZ", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true, "special": false}]}`, "are the same once normalized", "which of the two is chance"},
		{"bert", `{"truncation": {"max_length": 2, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}}`, "leaves no room", "nothing but special tokens"},
		{"bert", `{"truncation": {"max_length": 20, "strategy": "OnlySecond", "stride": 0, "direction": "Right"}}`, `strategy "OnlySecond"`, "there is no second text"},
		{"bert", `{"padding": {"strategy": "Other", "direction": "Left", "pad_id": 0}}`, "is not known", "an unknown strategy"},
		{"bert", `{"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}}], "pair": [], "special_tokens": {}}}`, `special_tokens has no "x"`, "a token without ids"},
		{"bert", `{"post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "B", "type_id": 0}}], "pair": [], "special_tokens": {}}}`, "names the sequence B", "there is no second text"},
	} {
		var change map[string]json.RawMessage
		if err := json.Unmarshal([]byte(row.change), &change); err != nil {
			t.Fatal(row.change, err)
		}
		_, err := Parse(changed(t, row.base, change))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %s: got %v, want %q", row.why, row.change, err, row.want)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error has more than one line: %q", row.why, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	for _, row := range []struct{ text, want, why string }{
		{"", "want an object", "nothing"},
		{"[]", "want an object", "an array"},
		{"{}", "the model is missing", "no model"},
		{"{}x", "want the end", "something behind"},
		{`{"model": {}}`, "vocab is missing", "an empty model"},
		{`{"model": 1}`, "want an object", "a number for a model"},
		{`{"model": {"type": "BPE", "vocab": {}}}`, "merges is missing", "no merges"},
		{`{"model": {"vocab": {"a": 0}`, "want a comma or the end", "cut short"},
		{`{"model": {"vocab": {"\ud800": 0}}}`, "surrogate pair", "half a pair"},
		{`{"model": {"vocab": {"\x": 0}}}`, "an escape that JSON has", "an escape of another language"},
		{"{\"model\": {\"vocab\": {\"a\nb\": 0}}}", "no control character", "a line break in a string"},
		{"{\"\xff\": 1}", "not UTF-8", "another encoding"},
		{`{"added_tokens": [1, 2,]}`, "a value of JSON", "a comma too many"},
		{"{\"normalizer\": " + strings.Repeat(`{"type":"Sequence","normalizers":[`, 60) + strings.Repeat("]}", 60) + `, "model": {"type": "BPE", "vocab": {}, "merges": []}}`, "nested deeper", "a nest without end"},
	} {
		_, err := Parse([]byte(row.text))
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: Parse(%.80q): got %v, want %q", row.why, row.text, err, row.want)
		}
	}
	// A file cut off anywhere is an error and never a panic.
	whole := changed(t, "bert", nil)
	for i := 0; i < len(whole); i += 97 {
		if _, err := Parse(whole[:i]); err == nil {
			t.Fatalf("Parse of the first %d bytes: got no error", i)
		}
	}
	if _, err := Parse(bytes.TrimSpace(whole)); err != nil {
		t.Fatal(err)
	}
}
