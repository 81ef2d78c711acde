package tokenize

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse reads foreign bytes: an error or a tokenizer that works, never a
// panic.
func FuzzParse(f *testing.F) {
	for _, change := range []string{
		`{}`, `{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}`,
		`{"model": {"type": "BPE", "vocab": {"a": 4294967295}, "merges": [["a", "a"]]}}`,
		`{"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1.5], ["\u00e9", -2]], "byte_fallback": true}}`,
		`{"model": {"type": "WordPiece", "unk_token": "u", "continuing_subword_prefix": "##", "max_input_chars_per_word": 3, "vocab": {"u": 0, "##a": 1, "a": 2}}}`,
		`{"model": {"unk_token": "u", "vocab": {"u": 0}}, "added_tokens": [{"id": 5, "content": "a b", "single_word": true, "lstrip": true, "rstrip": true, "normalized": true, "special": true}]}`,
		`{"version": "1.0", "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": "a*"}, "content": "b"}]}, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\s+(?!\\S)|[^a]"}, "behavior": "MergedWithNext", "invert": true}, "decoder": {"type": "Strip", "content": "a", "start": 1, "stop": 1}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}`,
		`{"post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "x", "type_id": 0}}], "pair": [], "special_tokens": {"x": {"id": "x", "ids": [1], "tokens": ["x"]}}}, "truncation": {"max_length": 5, "strategy": "LongestFirst", "stride": 0}, "padding": {"strategy": {"Fixed": 9}, "direction": "Left", "pad_id": 1, "pad_to_multiple_of": 4}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}`,
	} {
		f.Add([]byte(change))
	}
	for _, name := range []string{"bert", "xlmr", "llama2"} {
		data, err := os.ReadFile(filepath.Join("testdata", "tokenizers", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := Parse(data)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Fatal("an error without words")
			}
			return
		}
		for _, special := range []bool{false, true} {
			ids := tok.Encode("a b\u00e9 <s>1", special)
			tok.Decode(ids, special)
		}
		tok.SpecialIDs()
	})
}

// FuzzEncode holds encodings to what must be true of them all.
func FuzzEncode(f *testing.F) {
	var tokenizers []*Tokenizer
	names := []string{"llama3", "qwen", "gptoss", "deepseek", "llama2", "gemma", "xlmr", "t5", "bert", "added_tokens", "unigram_bytes"}
	for _, name := range names {
		tokenizers = append(tokenizers, small(f, name))
	}
	for _, text := range []string{"", "hello world", "don't 'S ſ", "a\u0301\u0345 漢字", "<|begin_of_text|> x", "\xff\xfe", "  \n\t ", "12345", "<s>[INST]", "e\u1100\u1161\u11a8"} {
		f.Add(text, int64(3))
	}
	f.Fuzz(func(t *testing.T, text string, id int64) {
		for i, tok := range tokenizers {
			ids := tok.Encode(text, true)
			if n := tok.Count(text, true); n != len(ids) {
				t.Fatalf("%s: Count(%q): got %d, want %d", names[i], text, n, len(ids))
			}
			if again := tok.Encode(text, true); !same(again, ids) {
				t.Fatalf("%s: Encode(%q): got %v, then %v", names[i], text, ids, again)
			}
			for _, id := range ids {
				if _, ok := tok.IDToToken(id); !ok {
					t.Fatalf("%s: Encode(%q): no token has the id %d", names[i], text, id)
				}
			}
			decoded := tok.Decode(append(ids, int(id)), false)
			if !utf8.ValidString(decoded) {
				t.Fatalf("%s: Decode(%v): got %q, which is not UTF-8", names[i], ids, decoded)
			}
			// These have a byte for everything and change nothing.
			if (names[i] == "llama3" || names[i] == "gptoss") && tok.Decode(tok.Encode(text, false), false) != validText(text) {
				t.Fatalf("%s: %q does not come back", names[i], text)
			}
		}
	})
}

// FuzzScanners holds every scanner against the pattern engine.
func FuzzScanners(f *testing.F) {
	var fast []finder
	var engines []*patternFinder
	for _, pattern := range scanned {
		s, _ := scannerFor(pattern)
		fast = append(fast, s)
		engines = append(engines, slow(f, pattern))
	}
	for _, text := range []string{"Hello, WORLD's 'LL 12345", "aBcDEf\u0301 \u01c5x ªA", " \n \n\tx  ", "漢字カタ12", "\u0301\u0301A\r\n/\n", "'ſ'S", "!ab ?c$1½", "\u0378\u200b\u0085\u00a0x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = validText(text)
		for i, pattern := range scanned {
			compareSpans(t, pattern, text, spansOf(fast[i], text), spansOf(engines[i], text))
		}
	})
}

// FuzzTranslate reads foreign patterns: each is refused by an error, or finds
// within the text, one match after the other.
func FuzzTranslate(f *testing.F) {
	for _, pattern := range append([]string{`[a-c&&[^b]]+\b(?<!x)`, `(?i:'[sdmt]|x{1,3}+)`, `\p{^L}[[:punct:]\P{N}]`, `\x{41}\u0042[\]^-]`}, scanned...) {
		f.Add(pattern)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		f, err := newFinder(patternJSON{Regex: &pattern})
		if err != nil {
			return
		}
		const text = "aB1 \u00df\n\u4e2d'"
		last := 0
		allMatches(f, text, func(start, end int) bool {
			if start < last || end < start || end > len(text) {
				t.Fatalf("%q: a match at %d to %d behind %d, in %d bytes", pattern, start, end, last, len(text))
			}
			last = end
			return true
		})
	})
}

// FuzzLines reads foreign lines.
func FuzzLines(f *testing.F) {
	tok := small(f, "llama3")
	for _, line := range []string{`{"text": "a"}`, `{"ids": [1, 2], "skip_special_tokens": false}`, "{}\n", `{"text": "\ud800"}`, `[1]`, "\x00"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var out strings.Builder
		err := Lines(strings.NewReader(text), &out, tok)
		answers := 0
		for line := range strings.Lines(out.String()) {
			if !json.Valid([]byte(line)) {
				t.Fatalf("the answer %q is not JSON", line)
			}
			answers++
		}
		if asked := strings.Count(text, "\n") + 1; answers > asked {
			t.Fatalf("got %d answers to at most %d lines", answers, asked)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "line ") && err != io.EOF {
			t.Fatalf("the error names no line: %v", err)
		}
	})
}

// FuzzJSONReader holds the reader of strings against encoding/json.
func FuzzJSONReader(f *testing.F) {
	for _, text := range []string{`"a"`, `"\u0041\n\\"`, `"\ud83d\ude00"`, `"\ud83d"`, `"é`, `{"a": [1, {"b": null}]}`, `-1.5e3`, `[1,,2]`, `{"a" 1}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		r := &jsonReader{text: text}
		got, err := r.string()
		var want string
		if r.space(); err == nil && r.pos == len(text) {
			if e := json.Unmarshal([]byte(text), &want); e != nil || got != want {
				t.Fatalf("string %q: got %q, want %q, %v", text, got, want, e)
			}
		}
		r = &jsonReader{text: text}
		raw, err := r.raw()
		if r.space(); err == nil && r.pos == len(text) && !json.Valid([]byte(text)) {
			t.Fatalf("raw took %q as %q", text, raw)
		}
	})
}
