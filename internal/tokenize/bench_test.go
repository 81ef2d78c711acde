package tokenize

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// benchText is English of about a megabyte: the file that TOKENIZE_TEXT names,
// or the built-in lines over and over.
func benchText(b *testing.B) string {
	if path := os.Getenv("TOKENIZE_TEXT"); path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		return string(data)
	}
	const lines = `The server keeps a queue of requests, and each of them waits until a place is free in the batch.
When the rate is higher than what the machine can do, the queue grows and every later request waits longer than the one before it.
That is why a benchmark must say at which rate it sent, when it was late, and how many of the answers were cut short; the mean alone isn't enough.
In 2024 they've measured 1,234 tokens per second on 8 cards, which is 12.5% better than the year before, and it's still rising.

`
	return strings.Repeat(lines, 1<<20/len(lines)+1)[:1<<20]
}

// benchTokenizers are the small ones, and the real ones of TOKMETER_TOKENIZERS.
func benchTokenizers(b *testing.B, run func(b *testing.B, t *Tokenizer)) {
	var paths []string
	if folder := os.Getenv("TOKMETER_TOKENIZERS"); folder != "" {
		paths, _ = filepath.Glob(filepath.Join(folder, "*", "tokenizer.json"))
	} else {
		for _, name := range []string{"llama3", "qwen", "gptoss", "llama2", "xlmr", "bert"} {
			paths = append(paths, filepath.Join("testdata", "tokenizers", name+".json"))
		}
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if name == "tokenizer" {
			name = filepath.Base(filepath.Dir(path))
		}
		b.Run(name, func(b *testing.B) {
			t, err := Load(path)
			if err != nil {
				b.Fatal(err)
			}
			run(b, t)
		})
	}
}

// BenchmarkEncodeWhole encodes a megabyte as one text. The cache of words is
// thrown away each time.
func BenchmarkEncodeWhole(b *testing.B) {
	text := benchText(b)
	benchTokenizers(b, func(b *testing.B, t *Tokenizer) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			t.forget()
			t.Count(text, true)
		}
	})
}

// BenchmarkEncodeParts encodes a megabyte as a thousand texts.
func BenchmarkEncodeParts(b *testing.B) {
	text := benchText(b)
	var parts []string
	for i := range 1000 {
		parts = append(parts, strings.ToValidUTF8(text[i*len(text)/1000:(i+1)*len(text)/1000], ""))
	}
	benchTokenizers(b, func(b *testing.B, t *Tokenizer) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			t.forget()
			for _, p := range parts {
				t.Count(p, true)
			}
		}
	})
}

// forget empties the cache of words.
func (t *Tokenizer) forget() {
	if m, ok := t.model.(*bpe); ok {
		clear := newWordCache()
		for i := range m.cache.slots {
			m.cache.slots[i].Store(clear.slots[i].Load())
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	text := benchText(b)
	benchTokenizers(b, func(b *testing.B, t *Tokenizer) {
		ids := t.Encode(text, true)
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			t.Decode(ids, true)
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	benchTokenizers(b, func(b *testing.B, t *Tokenizer) {
		path := filepath.Join("testdata", "tokenizers", filepath.Base(b.Name())+".json")
		if folder := os.Getenv("TOKMETER_TOKENIZERS"); folder != "" {
			path = filepath.Join(folder, filepath.Base(b.Name()), "tokenizer.json")
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Load(path); err != nil {
				b.Fatal(err)
			}
		}
	})
}
