package tokenize

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

func isBertPunctuation(r rune) bool { return punctuation().get(r) != 0 }

func isNumeric(r rune) bool { return numericChars().get(r) != 0 }

// plainCutters gives the pre-tokenizers that have no settings, or nil.
func plainCutters(kind string) []cutter {
	switch kind {
	case "WhitespaceSplit":
		return []cutter{&splitter{runeFinder(isSpace), removed, false}}
	case "Whitespace":
		return []cutter{wordRuns{}}
	case "BertPreTokenizer":
		return []cutter{&splitter{runeFinder(isSpace), removed, false}, &splitter{runeFinder(isBertPunctuation), isolated, false}}
	}
	return nil
}

// newCutters makes the steps of the pre-tokenizer of a tokenizer.json; nested
// sequences become one list.
func newCutters(raw rawJSON, depth int) ([]cutter, error) {
	var c preTokenizerJSON
	kind, err := component("pre_tokenizer", raw, &c, depth)
	if err != nil {
		return nil, err
	}
	lacks := func(field string) error { return fmt.Errorf("pre_tokenizer %s: %s is missing", kind, field) }
	if steps := plainCutters(kind); steps != nil {
		return steps, nil
	}
	switch kind {
	case "Sequence":
		if c.PreTokenizers == nil {
			return nil, lacks("pretokenizers")
		}
		lists, err := each(*c.PreTokenizers, func(raw rawJSON) ([]cutter, error) { return newCutters(raw, depth+1) })
		return slices.Concat(lists...), err
	case "ByteLevel":
		if c.PrefixSpace == nil || c.TrimOffsets == nil {
			return nil, lacks("add_prefix_space or trim_offsets")
		}
		b := &byteLevel{prefixSpace: *c.PrefixSpace, mapped: true}
		if c.UseRegex == nil || *c.UseRegex {
			b.split = &gpt2Scanner{classes()}
		}
		return []cutter{b}, nil
	case "Split":
		if c.Pattern == nil || c.Behavior == nil || c.Invert == nil {
			return nil, lacks("pattern, behavior or invert")
		}
		f, err := newFinder(*c.Pattern)
		if err != nil {
			return nil, fmt.Errorf("pre_tokenizer Split: %w", err)
		}
		behavior, err := behaviorOf(kind, *c.Behavior)
		return []cutter{&splitter{f, behavior, *c.Invert}}, err
	case "Metaspace":
		m, err := newMetaspace("pre_tokenizer", &c)
		return []cutter{m}, err
	case "Digits":
		if c.Individual == nil {
			return nil, lacks("individual_digits")
		}
		behavior := contiguous
		if *c.Individual {
			behavior = isolated
		}
		return []cutter{&splitter{runeFinder(isNumeric), behavior, false}}, nil
	case "Punctuation":
		if c.Behavior == nil {
			return []cutter{&splitter{runeFinder(isBertPunctuation), isolated, false}}, nil
		}
		behavior, err := behaviorOf(kind, *c.Behavior)
		return []cutter{&splitter{runeFinder(isBertPunctuation), behavior, false}}, err
	case "CharDelimiterSplit":
		if c.Delimiter == nil || utf8.RuneCountInString(*c.Delimiter) != 1 {
			return nil, fmt.Errorf("pre_tokenizer %s: delimiter must be one character", kind)
		}
		return []cutter{&splitter{literalFinder(*c.Delimiter), removed, false}}, nil
	case "FixedLength":
		length := 5
		if c.Length != nil {
			length = *c.Length
		}
		if length < 1 {
			return nil, fmt.Errorf("pre_tokenizer %s: length %d is not positive", kind, length)
		}
		return []cutter{fixedLength(length)}, nil
	}
	return nil, unknown("pre_tokenizer", kind)
}

type preTokenizerJSON struct {
	PreTokenizers *[]rawJSON   `json:"pretokenizers"`
	PrefixSpace   *bool        `json:"add_prefix_space"`
	TrimOffsets   *bool        `json:"trim_offsets"`
	UseRegex      *bool        `json:"use_regex"`
	Pattern       *patternJSON `json:"pattern"`
	Behavior      *string      `json:"behavior"`
	Invert        *bool        `json:"invert"`
	Replacement   *string      `json:"replacement"`
	Scheme        *string      `json:"prepend_scheme"`
	Split         *bool        `json:"split"`
	Individual    *bool        `json:"individual_digits"`
	Delimiter     *string      `json:"delimiter"`
	Length        *int         `json:"length"`
}

func behaviorOf(kind, name string) (int, error) {
	b, ok := behaviors[name]
	if !ok {
		return 0, fmt.Errorf("pre_tokenizer %s: the behavior %q is not known", kind, name)
	}
	return b, nil
}

func newMetaspace(room string, c *preTokenizerJSON) (*metaspace, error) {
	if c.Replacement == nil || utf8.RuneCountInString(*c.Replacement) != 1 {
		return nil, fmt.Errorf("%s Metaspace: replacement must be one character", room)
	}
	m := &metaspace{mark: *c.Replacement, split: c.Split == nil || *c.Split}
	if c.Scheme != nil {
		scheme, ok := schemes[*c.Scheme]
		if !ok {
			return nil, fmt.Errorf("%s Metaspace: the prepend_scheme %q is not known", room, *c.Scheme)
		}
		m.scheme = scheme
	}
	if c.PrefixSpace != nil && !*c.PrefixSpace && m.scheme != schemeNever {
		return nil, fmt.Errorf("%s Metaspace: add_prefix_space false contradicts prepend_scheme", room)
	}
	return m, nil
}
