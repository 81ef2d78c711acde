package tokenize

import (
	"encoding/json"
	"fmt"
	"slices"
)

// A recipe is what a tokenizer class of transformers makes of a vocabulary and
// its merges: the class takes only these, the added tokens and the
// post-processor from a tokenizer.json.
type recipe struct {
	defaults   [][2]string // special tokens that the class names if the configuration does not
	normalizer string
	pre        func(l *layer) string
	decoder    func(l *layer) string
	options    string   // of the model
	unknown    bool     // unk_token goes into the model
	noPost     bool     // the post-processor is left out
	respecial  bool     // special tokens are added again, as special
	extra      []string // special tokens besides those of the configuration
}

func fixed(s string) func(*layer) string { return func(*layer) string { return s } }

const (
	byteLevelDecoding = `{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true}`
	fallbackDecoding  = `{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}`
	fallbackOptions   = `{"type": "BPE", "fuse_unk": true, "byte_fallback": true}`
	plainOptions      = `{"type": "BPE"}`
	nfc               = `{"type": "NFC"}`
)

// bytesAfter is a pre-tokenizer that ends in ByteLevel.
func bytesAfter(first string, regex bool) func(l *layer) string {
	return func(l *layer) string {
		return fmt.Sprintf(`{"type": "Sequence", "pretokenizers": [%s{"type": "ByteLevel", "add_prefix_space": %t, "trim_offsets": true, "use_regex": %t}]}`,
			first, l.flag("add_prefix_space", false), regex)
	}
}

func splitBy(pattern string) string {
	quoted, _ := json.Marshal(pattern)
	return fmt.Sprintf(`{"type": "Split", "pattern": {"Regex": %s}, "behavior": "Isolated", "invert": false}, `, quoted)
}

func llamaPre(l *layer) string {
	scheme := "never"
	if l.flag("add_prefix_space", true) {
		scheme = "first"
		if l.flag("legacy", false) {
			scheme = "always"
		}
	}
	return metaspaceWhole(scheme)
}

func metaspaceWhole(scheme string) string {
	return fmt.Sprintf(`{"type": "Metaspace", "replacement": "▁", "prepend_scheme": %q, "split": false}`, scheme)
}

const stripFirst = `, {"type": "Strip", "content": " ", "start": 1, "stop": 0}`

func llamaDecoder(l *layer) string {
	strip := ""
	if l.flag("add_prefix_space", true) {
		strip = stripFirst
	}
	return `{"type": "Sequence", "decoders": [` + fallbackDecoding + strip + `]}`
}

var endOfText = [][2]string{{"bos_token", "<|endoftext|>"}, {"eos_token", "<|endoftext|>"}, {"unk_token", "<|endoftext|>"}}

var qwenTokens = [][2]string{{"eos_token", "<|endoftext|>"}, {"unk_token", "<|endoftext|>"}, {"pad_token", "<|endoftext|>"}}

// recipes are the classes that bring their own pre-tokenization. A class that
// is not here has what its tokenizer.json says.
var recipes = map[string]recipe{
	"LlamaTokenizer": {
		defaults: [][2]string{{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}},
		pre:      llamaPre, decoder: llamaDecoder, options: fallbackOptions,
	},
	"CodeLlamaTokenizer": {
		defaults: [][2]string{{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}},
		pre: func(l *layer) string {
			if l.flag("add_prefix_space", true) {
				return metaspaceWhole("first")
			}
			return metaspaceWhole("never")
		},
		decoder: fixed(`{"type": "Sequence", "decoders": [` + fallbackDecoding + stripFirst + `]}`),
		options: fallbackOptions, unknown: true,
		extra: []string{"▁<PRE>", "▁<MID>", "▁<SUF>", "▁<EOT>", "<FILL_ME>"},
	},
	"GemmaTokenizer": {
		defaults:   [][2]string{{"bos_token", "<bos>"}, {"eos_token", "<eos>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}, {"mask_token", "<mask>"}},
		normalizer: `{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}`,
		pre:        fixed(`{"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false}`),
		decoder:    fixed(`{"type": "Sequence", "decoders": [` + fallbackDecoding + `]}`),
		options:    fallbackOptions, unknown: true,
	},
	"GPT2Tokenizer":    {defaults: endOfText, pre: bytesAfter("", true), decoder: fixed(byteLevelDecoding), options: plainOptions},
	"CodeGenTokenizer": {defaults: endOfText, pre: bytesAfter("", true), decoder: fixed(byteLevelDecoding), options: plainOptions},
	"GPTNeoXTokenizer": {
		defaults:   append(slices.Clone(endOfText), [2]string{"pad_token", "<|padding|>"}),
		normalizer: nfc, pre: bytesAfter("", true), decoder: fixed(byteLevelDecoding), options: plainOptions, noPost: true,
	},
	"Qwen2Tokenizer": {
		defaults: qwenTokens, normalizer: nfc, pre: bytesAfter(splitBy(patternQwen2), false),
		decoder: fixed(byteLevelDecoding), options: plainOptions, respecial: true,
	},
	"Qwen3_5Tokenizer": {
		defaults: qwenTokens, normalizer: nfc, pre: bytesAfter(splitBy(patternQwen35), false),
		decoder: fixed(byteLevelDecoding), options: plainOptions,
	},
	"CohereTokenizer": {
		defaults: [][2]string{
			{"bos_token", "<BOS_TOKEN>"}, {"eos_token", "<|END_OF_TURN_TOKEN|>"}, {"unk_token", "<UNK>"}, {"sep_token", "<SEP>"},
			{"pad_token", "<PAD>"}, {"cls_token", "<CLS>"}, {"mask_token", "<MASK_TOKEN>"},
		},
		normalizer: nfc, pre: bytesAfter(`{"type": "Digits", "individual_digits": true}, `, true),
		decoder: fixed(byteLevelDecoding), options: plainOptions, respecial: true,
	},
}

// flag is a switch of tokenizer_config.json.
func (l *layer) flag(key string, otherwise bool) bool {
	value := otherwise
	if raw := l.config[key]; !isNull(raw) {
		_ = json.Unmarshal(raw, &value)
	}
	return value
}

// build makes the tokenizer of a file and what transformers adds to it.
func (l *layer) build(f *file) (*Tokenizer, error) {
	r, rebuilt := recipes[l.class]
	rebuilt = rebuilt && f.model.hasList && f.model.vocab != nil
	file := f.added
	if rebuilt {
		if err := l.apply(r, f); err != nil {
			return nil, err
		}
	}
	t, err := f.build()
	if err != nil {
		return nil, err
	}
	f.added = file
	l.addTokens(t)
	if rebuilt && r.respecial {
		l.respecial(t, l.class == "Qwen2Tokenizer")
	}
	t.splitSpecial = l.flag("split_special_tokens", false)
	_, isBPE := t.model.(*bpe)
	t.cleanup = l.flag("clean_up_tokenization_spaces", false) &&
		(!isBPE || l.flag("clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output", false))
	t.specialIDs = l.specialIDs(t)
	return t, t.finish()
}

// apply puts the parts of a class in the place of the file's.
func (l *layer) apply(r recipe, f *file) error {
	for _, d := range r.defaults {
		if _, given := l.named[d[0]]; !given {
			l.named[d[0]] = &specialToken{text: d[1]}
		}
	}
	for _, text := range r.extra {
		l.extra = append(l.extra, specialToken{text: text})
	}
	f.added = nil
	f.normalizer, f.pre, f.decoder = rawJSON(r.normalizer), rawJSON(r.pre(l)), rawJSON(r.decoder(l))
	if r.noPost {
		f.post = nil
	}
	fields := map[string]rawJSON{}
	if err := json.Unmarshal([]byte(r.options), &fields); err != nil {
		return err
	}
	if token := l.named["unk_token"]; r.unknown && token != nil {
		quoted, err := json.Marshal(token.text)
		if err != nil {
			return err
		}
		fields["unk_token"] = quoted
	}
	f.model.fields = fields
	return nil
}

// addTokens adds the tokens of the configuration that the tokenizer lacks.
func (l *layer) addTokens(t *Tokenizer) {
	have := map[addedToken]bool{}
	known := map[string]bool{}
	for _, token := range t.added.tokens {
		token.ID = 0
		have[token] = true
		known[token.Content] = true
	}
	named := map[string]bool{}
	for _, name := range l.order {
		if token := l.named[name]; token != nil {
			named[token.text] = true
		}
	}
	var add []addedToken
	for _, token := range l.decoder {
		token.ID = 0
		if !have[token] {
			token.Special = token.Special || named[token.Content]
			add = append(add, token)
			known[token.Content] = true
		}
	}
	for _, token := range l.specials() {
		if known[token.text] {
			continue
		}
		known[token.text] = true
		flags := addedToken{Content: token.text, Special: true}
		if token.flags != nil {
			flags = *token.flags
			flags.Special = flags.Special || named[token.text]
		}
		add = append(add, flags)
	}
	t.added.add(add, t.model, t.normalizer)
}

// specials are the named special tokens in their order, then the further ones.
func (l *layer) specials() []specialToken {
	var all []specialToken
	for _, name := range l.order {
		if token := l.named[name]; token != nil {
			all = append(all, *token)
		}
	}
	return append(all, l.extra...)
}

// respecial adds the special tokens once more, as some classes do; plain says
// that their flags are those of a text alone.
func (l *layer) respecial(t *Tokenizer, plain bool) {
	var add []addedToken
	for _, token := range l.specials() {
		flags := addedToken{Content: token.text, Special: true}
		if token.flags != nil && !plain {
			flags = *token.flags
			flags.Special = true
		}
		add = append(add, flags)
	}
	t.added.add(add, t.model, t.normalizer)
}

// specialIDs is transformers' all_special_ids.
func (l *layer) specialIDs(t *Tokenizer) []int {
	ids := []int{}
	seen := map[string]bool{}
	for _, token := range l.specials() {
		if id, ok := t.TokenToID(token.text); ok && !seen[token.text] {
			ids = append(ids, id)
		}
		seen[token.text] = true
	}
	return ids
}
