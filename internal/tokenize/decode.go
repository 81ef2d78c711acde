package tokenize

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A decoder turns the texts of tokens into the texts to be joined.
type decoder interface {
	decode(tokens []string) []string
}

type decoderSequence []decoder

func (s decoderSequence) decode(tokens []string) []string {
	for _, d := range s {
		tokens = d.decode(tokens)
	}
	return tokens
}

// A byteLevelDecoder turns characters into the bytes that they stand for; a
// token with other characters is taken as it is.
type byteLevelDecoder struct{}

func (byteLevelDecoder) decode(tokens []string) []string {
	var data []byte
	for _, token := range tokens {
		var ok bool
		if data, ok = appendBytes(data, token); !ok {
			data = append(data, token...)
		}
	}
	if utf8.Valid(data) {
		return []string{string(data)}
	}
	return []string{string(appendValid(nil, data))}
}

// A byteFallback turns runs of tokens like <0x0A> into text. Where the run is
// not UTF-8 as a whole, every byte of it becomes U+FFFD.
type byteFallback struct{}

func (byteFallback) decode(tokens []string) []string {
	out := make([]string, 0, len(tokens))
	var run []byte
	flush := func() {
		if utf8.Valid(run) {
			if len(run) > 0 {
				out = append(out, string(run))
			}
		} else {
			for range run {
				out = append(out, "\uFFFD")
			}
		}
		run = run[:0]
	}
	for _, token := range tokens {
		if b, ok := fallbackByte(token); ok {
			run = append(run, b)
			continue
		}
		flush()
		out = append(out, token)
	}
	flush()
	return out
}

// fallbackByte reads <0xHH>; like the library it takes a plus sign for a zero.
func fallbackByte(token string) (byte, bool) {
	if len(token) != 6 || token[:3] != "<0x" || token[5] != '>' {
		return 0, false
	}
	digits := token[3:5]
	if digits[0] == '+' {
		digits = digits[1:]
	}
	if digits[0] == '+' || digits[0] == '-' || strings.Contains(digits, "_") {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 8)
	return byte(n), err == nil
}

type fuse struct{}

func (fuse) decode(tokens []string) []string { return []string{strings.Join(tokens, "")} }

// A stripDecoder takes up to so many characters from both ends of each token.
type stripDecoder struct {
	content     string
	start, stop int
}

func (s stripDecoder) decode(tokens []string) []string {
	out := make([]string, len(tokens))
	for i, token := range tokens {
		for n := 0; n < s.start && strings.HasPrefix(token, s.content); n++ {
			token = token[len(s.content):]
		}
		for n := 0; n < s.stop && strings.HasSuffix(token, s.content); n++ {
			token = token[:len(token)-len(s.content)]
		}
		out[i] = token
	}
	return out
}

type replaceDecoder struct{ replaceAll }

func (r replaceDecoder) decode(tokens []string) []string {
	out := make([]string, len(tokens))
	size := 0
	for i, token := range tokens {
		if f, ok := r.finder.(literalFinder); ok && f != "" {
			bounded("Replace", len(token)+strings.Count(token, string(f))*len(r.content))
			out[i] = strings.ReplaceAll(token, string(f), r.content)
		} else {
			out[i], _ = r.apply(token, 0)
		}
		size += len(out[i])
		bounded("Replace", size)
	}
	return out
}

type metaspaceDecoder struct {
	mark  string
	never bool
}

func (m metaspaceDecoder) decode(tokens []string) []string {
	out := make([]string, len(tokens))
	for i, token := range tokens {
		space := " "
		if i == 0 && !m.never {
			space = ""
		}
		out[i] = strings.ReplaceAll(token, m.mark, space)
	}
	return out
}

type wordPieceDecoder struct {
	prefix  string
	cleanup bool
}

func (w wordPieceDecoder) decode(tokens []string) []string {
	out := make([]string, len(tokens))
	for i, token := range tokens {
		if i > 0 {
			if rest, ok := strings.CutPrefix(token, w.prefix); ok {
				token = rest
			} else {
				token = " " + token
			}
		}
		if w.cleanup {
			token = cleanup(token)
		}
		out[i] = token
	}
	return out
}

// cleanup takes away the spaces that English text does not have.
func cleanup(s string) string {
	for _, p := range [...][2]string{
		{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
		{" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
	} {
		s = strings.ReplaceAll(s, p[0], p[1])
	}
	return s
}

// A suffixDecoder is BPEDecoder: the end-of-word suffix becomes a space.
type suffixDecoder string

func (d suffixDecoder) decode(tokens []string) []string {
	out := make([]string, len(tokens))
	for i, token := range tokens {
		space := " "
		if i == len(tokens)-1 {
			space = ""
		}
		out[i] = strings.ReplaceAll(token, string(d), space)
	}
	return out
}

// A ctcDecoder leaves out repeats and padding.
type ctcDecoder struct {
	pad, delimiter string
	cleanup        bool
}

func (d ctcDecoder) decode(tokens []string) []string {
	var out []string
	for i, token := range tokens {
		if i > 0 && token == tokens[i-1] {
			continue
		}
		token = strings.ReplaceAll(token, d.pad, "")
		if d.cleanup {
			token = strings.ReplaceAll(cleanup(token), d.delimiter, " ")
		}
		if token != "" {
			out = append(out, token)
		}
	}
	return out
}

type decoderJSON struct {
	preTokenizerJSON
	Decoders  *[]rawJSON `json:"decoders"`
	Content   *string    `json:"content"`
	Start     *uint      `json:"start"`
	Stop      *uint      `json:"stop"`
	Prefix    *string    `json:"prefix"`
	Cleanup   *bool      `json:"cleanup"`
	Suffix    *string    `json:"suffix"`
	Pad       *string    `json:"pad_token"`
	WordDelim *string    `json:"word_delimiter_token"`
}

// newDecoder makes the decoder of a tokenizer.json.
func newDecoder(raw rawJSON, depth int) (decoder, error) {
	var c decoderJSON
	kind, err := component("decoder", raw, &c, depth)
	if err != nil {
		return nil, err
	}
	lacks := func(field string) error { return fmt.Errorf("decoder %s: %s is missing", kind, field) }
	switch kind {
	case "ByteLevel":
		if c.PrefixSpace == nil || c.TrimOffsets == nil {
			return nil, lacks("add_prefix_space or trim_offsets")
		}
		return byteLevelDecoder{}, nil
	case "ByteFallback":
		return byteFallback{}, nil
	case "Fuse":
		return fuse{}, nil
	case "Strip":
		if c.Content == nil || c.Start == nil || c.Stop == nil || utf8.RuneCountInString(*c.Content) != 1 {
			return nil, lacks("content (one character), start or stop")
		}
		return stripDecoder{*c.Content, int(min(*c.Start, 1<<30)), int(min(*c.Stop, 1<<30))}, nil
	case "Replace":
		r, err := newReplace("decoder", c.Pattern, c.Content)
		return replaceDecoder{r}, err
	case "Metaspace":
		m, err := newMetaspace("decoder", &c.preTokenizerJSON)
		if err != nil {
			return nil, err
		}
		return metaspaceDecoder{m.mark, m.scheme == schemeNever}, nil
	case "WordPiece":
		if c.Prefix == nil || c.Cleanup == nil {
			return nil, lacks("prefix or cleanup")
		}
		return wordPieceDecoder{*c.Prefix, *c.Cleanup}, nil
	case "BPEDecoder":
		if c.Suffix == nil {
			return nil, lacks("suffix")
		}
		return suffixDecoder(*c.Suffix), nil
	case "CTC":
		if c.Pad == nil || c.WordDelim == nil || c.Cleanup == nil {
			return nil, lacks("pad_token, word_delimiter_token or cleanup")
		}
		return ctcDecoder{*c.Pad, *c.WordDelim, *c.Cleanup}, nil
	case "Sequence":
		if c.Decoders == nil {
			return nil, lacks("decoders")
		}
		s, err := each(*c.Decoders, func(raw rawJSON) (decoder, error) { return newDecoder(raw, depth+1) })
		return decoderSequence(s), err
	}
	return nil, unknown("decoder", kind)
}

// cleanupText is transformers' clean_up_tokenization, which leaves " do not"
// as it is.
func cleanupText(s string) string {
	for _, p := range [...][2]string{
		{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
		{" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
	} {
		s = strings.ReplaceAll(s, p[0], p[1])
	}
	return s
}
