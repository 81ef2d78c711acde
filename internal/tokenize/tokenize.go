// Package tokenize encodes and decodes text as the Hugging Face tokenizers
// library does, from a tokenizer.json, in pure Go.
package tokenize
