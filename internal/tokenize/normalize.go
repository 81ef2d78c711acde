package tokenize

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A normalizer rewrites a text before it is cut. zero is how many bytes at the
// front stand for the first character of the whole input, so that Metaspace
// can tell the first piece from the others; apply keeps it up to date.
type normalizer interface {
	apply(text string, zero int) (string, int)
}

// mapRunes rewrites a text one character at a time; f appends what becomes of r.
func mapRunes(text string, zero int, f func(out []byte, r rune) []byte) (string, int) {
	out := make([]byte, 0, len(text)+8)
	outZero := 0
	for i, r := range text {
		if i == zero {
			outZero = len(out)
		}
		out = f(out, r)
	}
	if zero >= len(text) {
		outZero = len(out)
	}
	return string(out), outZero
}

type normalizerSequence []normalizer

func (s normalizerSequence) apply(text string, zero int) (string, int) {
	for _, n := range s {
		text, zero = n.apply(text, zero)
		bounded("normalizer", len(text))
	}
	return text, zero
}

type lowercase struct{}

func (lowercase) apply(text string, zero int) (string, int) {
	if !strings.ContainsFunc(text, func(r rune) bool { return r >= 'A' && (r <= 'Z' || r >= utf8.RuneSelf) }) {
		return text, zero
	}
	lower := lowerCase()
	return mapRunes(text, zero, func(out []byte, r rune) []byte {
		if l, ok := lower[r]; ok {
			return append(out, l...)
		}
		return utf8.AppendRune(out, r)
	})
}

type stripSpaces struct{ left, right bool }

func (s stripSpaces) apply(text string, zero int) (string, int) {
	if s.left {
		rest := strings.TrimLeftFunc(text, isSpace)
		zero = max(0, zero-(len(text)-len(rest)))
		text = rest
	}
	if s.right {
		text = strings.TrimRightFunc(text, isSpace)
	}
	return text, min(zero, len(text))
}

// A dropRunes leaves out the characters of a set.
type dropRunes struct{ set *runeTable }

func (d dropRunes) apply(text string, zero int) (string, int) {
	return mapRunes(text, zero, func(out []byte, r rune) []byte {
		if d.set.get(r) != 0 {
			return out
		}
		return utf8.AppendRune(out, r)
	})
}

// A replaceAll puts content in the place of every match.
type replaceAll struct {
	finder  finder
	content string
}

func (n replaceAll) apply(text string, zero int) (string, int) {
	if text == "" {
		return text, zero
	}
	var out strings.Builder
	pos, outZero := 0, -1
	found := false
	allMatches(n.finder, text, func(start, end int) bool {
		if outZero < 0 && start >= zero {
			outZero = out.Len() + zero - pos
		}
		out.WriteString(text[pos:start])
		pos = end
		// What is put in has the place of the last character that it replaces.
		if _, size := utf8.DecodeLastRuneInString(text[start:end]); outZero < 0 && end-size > zero-1 {
			outZero = out.Len()
		}
		out.WriteString(n.content)
		bounded("Replace", out.Len())
		found = true
		return true
	})
	if !found {
		return text, zero
	}
	if outZero < 0 {
		outZero = out.Len() + max(0, zero-pos)
	}
	out.WriteString(text[pos:])
	return out.String(), outZero
}

// A prepend puts a text before every piece that is not empty.
type prepend string

func (p prepend) apply(text string, zero int) (string, int) {
	if text == "" {
		return text, zero
	}
	if zero > 0 {
		zero += len(p)
	}
	return string(p) + text, zero
}

// A nmt normalizes white space and controls as SentencePiece's nmt rule does.
type nmt struct{}

func (nmt) apply(text string, zero int) (string, int) {
	return mapRunes(text, zero, func(out []byte, r rune) []byte {
		switch {
		case r >= 1 && r <= 8, r == 0xb, r >= 0xe && r <= 0x1f, r == 0x7f, r == 0x8f, r == 0x9f:
			return out
		case r == 9, r == 0xa, r == 0xc, r == 0xd, r == 0x1680, r >= 0x200b && r <= 0x200f,
			r == 0x2028, r == 0x2029, r == 0x2581, r == 0xfeff, r == 0xfffd:
			return append(out, ' ')
		}
		return utf8.AppendRune(out, r)
	})
}

// A byteChars writes every byte as the character that byte-level models have
// for it.
type byteChars struct{}

func (byteChars) apply(text string, zero int) (string, int) {
	out := make([]byte, 0, len(text)*3/2)
	outZero := 0
	for i := range len(text) {
		if i == zero {
			outZero = len(out)
		}
		out = utf8.AppendRune(out, byteRunes[text[i]])
	}
	if zero >= len(text) {
		outZero = len(out)
	}
	return string(out), outZero
}

// A bertNormalizer is the clean-up that comes before WordPiece.
type bertNormalizer struct{ clean, chinese, accents, lower bool }

func (b bertNormalizer) apply(text string, zero int) (string, int) {
	if b.clean {
		dropped := bertDropped()
		text, zero = mapRunes(text, zero, func(out []byte, r rune) []byte {
			switch {
			case dropped.get(r) != 0:
				return out
			case isSpace(r):
				return append(out, ' ')
			}
			return utf8.AppendRune(out, r)
		})
	}
	if b.chinese {
		text, zero = mapRunes(text, zero, func(out []byte, r rune) []byte {
			if !isChinese(r) {
				return utf8.AppendRune(out, r)
			}
			out = append(out, ' ')
			return append(utf8.AppendRune(out, r), ' ')
		})
	}
	if b.accents {
		text, zero = normalForm{}.apply(text, zero)
		text, zero = dropRunes{bertAccents()}.apply(text, zero)
	}
	if b.lower {
		text, zero = lowercase{}.apply(text, zero)
	}
	return text, zero
}

// isChinese has the blocks that BERT puts spaces around, one of them wrong by
// a digit as in the original.
func isChinese(r rune) bool {
	return r >= 0x4e00 && r <= 0x9fff || r >= 0x3400 && r <= 0x4dbf || r >= 0x20000 && r <= 0x2a6df ||
		r >= 0x2a700 && r <= 0x2b73f || r >= 0x2b740 && r <= 0x2b81f || r >= 0x2b920 && r <= 0x2ceaf ||
		r >= 0xf900 && r <= 0xfaff || r >= 0x2f800 && r <= 0x2fa1f
}

// plainNormalizer gives the normalizers that have no settings, or nil.
func plainNormalizer(kind string) normalizer {
	switch kind {
	case "NFC", "NFD", "NFKC", "NFKD":
		return normalForm{compose: strings.HasSuffix(kind, "C"), compatible: strings.Contains(kind, "K")}
	case "Lowercase":
		return lowercase{}
	case "StripAccents":
		return dropRunes{accentMarks()}
	case "Nmt":
		return nmt{}
	case "ByteLevel":
		return byteChars{}
	}
	return nil
}

// newNormalizer makes the normalizer of a tokenizer.json.
func newNormalizer(raw rawJSON, depth int) (normalizer, error) {
	var c struct {
		Normalizers *[]rawJSON   `json:"normalizers"`
		Clean       *bool        `json:"clean_text"`
		Chinese     *bool        `json:"handle_chinese_chars"`
		Accents     *bool        `json:"strip_accents"`
		Lower       *bool        `json:"lowercase"`
		Left        *bool        `json:"strip_left"`
		Right       *bool        `json:"strip_right"`
		Charsmap    *string      `json:"precompiled_charsmap"`
		Pattern     *patternJSON `json:"pattern"`
		Content     *string      `json:"content"`
		Prepend     *string      `json:"prepend"`
	}
	kind, err := component("normalizer", raw, &c, depth)
	if err != nil {
		return nil, err
	}
	lacks := func(field string) error { return fmt.Errorf("normalizer %s: %s is missing", kind, field) }
	if n := plainNormalizer(kind); n != nil {
		return n, nil
	}
	switch kind {
	case "Sequence":
		if c.Normalizers == nil {
			return nil, lacks("normalizers")
		}
		s, err := each(*c.Normalizers, func(raw rawJSON) (normalizer, error) { return newNormalizer(raw, depth+1) })
		return normalizerSequence(s), err
	case "BertNormalizer":
		if c.Clean == nil || c.Chinese == nil || c.Lower == nil {
			return nil, lacks("clean_text, handle_chinese_chars or lowercase")
		}
		accents := *c.Lower
		if c.Accents != nil {
			accents = *c.Accents
		}
		return bertNormalizer{*c.Clean, *c.Chinese, accents, *c.Lower}, nil
	case "Strip":
		if c.Left == nil || c.Right == nil {
			return nil, lacks("strip_left or strip_right")
		}
		return stripSpaces{*c.Left, *c.Right}, nil
	case "Replace":
		return newReplace("normalizer", c.Pattern, c.Content)
	case "Prepend":
		if c.Prepend == nil {
			return nil, lacks("prepend")
		}
		return prepend(*c.Prepend), nil
	case "Precompiled":
		if c.Charsmap == nil {
			return nil, lacks("precompiled_charsmap")
		}
		return newPrecompiled(*c.Charsmap)
	}
	return nil, unknown("normalizer", kind)
}

func newReplace(room string, pattern *patternJSON, content *string) (replaceAll, error) {
	if pattern == nil || content == nil {
		return replaceAll{}, fmt.Errorf("%s Replace: pattern or content is missing", room)
	}
	f, err := newFinder(*pattern)
	if err != nil {
		return replaceAll{}, fmt.Errorf("%s Replace: %w", room, err)
	}
	return replaceAll{f, *content}, nil
}
