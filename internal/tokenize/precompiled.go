package tokenize

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A precompiled is SentencePiece's normalization map: a double-array trie of
// byte sequences whose values point into a list of replacements.
type precompiled struct {
	trie []uint32
	text string // replacements, each ended by a zero byte
}

func newPrecompiled(encoded string) (*precompiled, error) {
	fail := func(why string) error { return fmt.Errorf("normalizer Precompiled: precompiled_charsmap: %s", why) }
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fail(err.Error())
	}
	if len(data) < 4 {
		return nil, fail("it is too short")
	}
	size := int(binary.LittleEndian.Uint32(data)) / 4
	data = data[4:]
	if size < 1 || size > len(data)/4 {
		return nil, fail("its trie is cut short")
	}
	p := &precompiled{trie: make([]uint32, size), text: string(data[size*4:])}
	for i := range p.trie {
		p.trie[i] = binary.LittleEndian.Uint32(data[i*4:])
	}
	if !utf8.ValidString(p.text) {
		return nil, fail("its replacements are not UTF-8")
	}
	return p, nil
}

// replacement is what the shortest prefix of s that is in the map becomes.
func (p *precompiled) replacement(s string) (string, bool) {
	offset := func(unit uint32) int { return int(unit>>10) << ((unit & (1 << 9)) >> 6) }
	pos := offset(p.trie[0])
	for i := range len(s) {
		if s[i] == 0 {
			return "", false
		}
		pos ^= int(s[i])
		if pos >= len(p.trie) {
			return "", false
		}
		unit := p.trie[pos]
		if unit&(1<<31|0xff) != uint32(s[i]) {
			return "", false
		}
		pos ^= offset(unit)
		if unit>>8&1 == 1 {
			if pos >= len(p.trie) {
				return "", false
			}
			start := int(p.trie[pos] & (1<<31 - 1))
			if start > len(p.text) {
				return "", false
			}
			text, _, _ := strings.Cut(p.text[start:], "\x00")
			return text, utf8.ValidString(text)
		}
	}
	return "", false
}

func (p *precompiled) apply(text string, zero int) (string, int) {
	out := make([]byte, 0, len(text)+8)
	outZero := -1
	for pos := 0; pos < len(text); {
		if pos >= zero && outZero < 0 {
			outZero = len(out)
		}
		end := pos + graphemeLen(text[pos:])
		if end-pos < 6 {
			if r, ok := p.replacement(text[pos:end]); ok {
				out = append(out, r...)
				bounded("Precompiled", len(out))
				pos = end
				continue
			}
		}
		for pos < end {
			if pos >= zero && outZero < 0 {
				outZero = len(out)
			}
			_, size := utf8.DecodeRuneInString(text[pos:])
			part := text[pos : pos+size]
			if r, ok := p.replacement(part); ok {
				part = r
			}
			out = append(out, part...)
			bounded("Precompiled", len(out))
			pos += size
		}
	}
	if outZero < 0 {
		outZero = len(out)
	}
	return string(out), outZero
}
