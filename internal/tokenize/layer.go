package tokenize

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/python"
)

// A specialToken is a special token as a configuration names it; flags is nil
// where only its text is given.
type specialToken struct {
	text  string
	flags *addedToken
}

// A layer is what transformers keeps of a folder beside its tokenizer.json.
type layer struct {
	class   string // of the tokenizer, as AutoTokenizer chooses it
	config  map[string]rawJSON
	named   map[string]*specialToken // nil: set to null
	order   []string                 // names of special tokens, in the order of transformers
	extra   []specialToken
	decoder []addedToken // added_tokens_decoder, by rising id
	fromMap bool         // decoder stands in tokenizer_config.json
}

// specialNames are the special tokens that every tokenizer can have.
var specialNames = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

// loadFolder makes the tokenizer of a folder whose tokenizer.json was read.
func loadFolder(dir string, data []byte) (*Tokenizer, error) {
	f, err := readFile(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	// A call without truncation and padding turns off what the file says.
	f.truncation, f.padding = nil, nil
	l, err := readLayer(dir, f)
	if err != nil {
		return nil, err
	}
	t, err := l.build(f)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return t, nil
}

// readObject reads a JSON object file in the order of its keys; a file that is
// not there is empty.
func readObject(dir, name string) (map[string]rawJSON, []string, error) {
	fields := map[string]rawJSON{}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return fields, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var order []string
	r := &jsonReader{text: string(python.StrictJSON(data))}
	err = r.object(func(key string) error {
		value, err := r.raw()
		if fields[key] == nil {
			order = append(order, key)
		}
		fields[key] = value
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return fields, order, nil
}

func readLayer(dir string, f *file) (*layer, error) {
	config, keys, err := readObject(dir, "tokenizer_config.json")
	if err != nil {
		return nil, err
	}
	modelConfig, _, err := readObject(dir, "config.json")
	if err != nil {
		return nil, err
	}
	l := &layer{config: config, named: map[string]*specialToken{}, order: slices.Clone(specialNames)}
	var modelType, hubClass, modelClass string
	_ = json.Unmarshal(modelConfig["model_type"], &modelType)
	_ = json.Unmarshal(config["tokenizer_class"], &hubClass)
	_ = json.Unmarshal(modelConfig["tokenizer_class"], &modelClass)
	if hubClass == "" {
		hubClass = modelClass
	}
	l.class = tokenizerClass(dir, modelType, hubClass)
	l.readNames(keys)
	if err := l.readDecoder(dir, f); err != nil {
		return nil, err
	}
	l.resolve()
	return l, nil
}

// readNames takes the special tokens of tokenizer_config.json.
func (l *layer) readNames(keys []string) {
	var specific []string
	for _, key := range keys {
		isName := slices.Contains(specialNames, key)
		token, ok := readToken(l.config[key])
		switch {
		case isName && (ok || isNull(l.config[key])):
			l.named[key] = token
		case ok && strings.HasSuffix(key, "_token"):
			l.named[key] = token
			specific = append(specific, key)
		}
	}
	l.order = append(l.order, specific...)
	extra := l.config["extra_special_tokens"]
	if empty := strings.Join(strings.Fields(string(extra)), ""); len(extra) == 0 || empty == "null" || empty == "[]" || empty == "{}" {
		extra = l.config["additional_special_tokens"]
	}
	l.readExtra(extra)
}

// readExtra takes further special tokens: a list, or an object of named ones.
func (l *layer) readExtra(raw rawJSON) {
	if len(raw) == 0 {
		return
	}
	r := &jsonReader{text: string(raw)}
	if raw[0] == '{' {
		_ = r.object(func(key string) error {
			value, err := r.raw()
			if token, ok := readToken(value); ok {
				if !slices.Contains(l.order, key) {
					l.order = append(l.order, key)
				}
				l.named[key] = token
			}
			return err
		})
		return
	}
	_ = r.array(func() error {
		value, err := r.raw()
		if token, ok := readToken(value); ok {
			l.extra = append(l.extra, *token)
		}
		return err
	})
}

// readToken reads a special token: its text, or an object with its flags.
func readToken(raw rawJSON) (*specialToken, bool) {
	var text string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return &specialToken{text: text}, true
	}
	token := struct {
		addedToken
		Content    *string `json:"content"`
		Normalized *bool   `json:"normalized"`
	}{}
	if len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &token) != nil || token.Content == nil {
		return nil, false
	}
	flags := token.addedToken
	flags.Content = *token.Content
	flags.Normalized = !flags.Special
	if token.Normalized != nil {
		flags.Normalized = *token.Normalized
	}
	return &specialToken{flags.Content, &flags}, true
}

// readDecoder takes the added tokens: of tokenizer_config.json if it has them,
// else of the older files and of tokenizer.json.
func (l *layer) readDecoder(dir string, f *file) error {
	byID := map[int]addedToken{}
	if raw := l.config["added_tokens_decoder"]; !isNull(raw) {
		l.fromMap = true
		r := &jsonReader{text: string(raw)}
		err := r.object(func(key string) error {
			value, err := r.raw()
			if err != nil {
				return err
			}
			id, err := strconv.Atoi(key)
			token, ok := readToken(value)
			if err != nil || !ok || token.flags == nil {
				return fmt.Errorf("the entry %q is not an added token", key)
			}
			token.flags.ID = id
			byID[id] = *token.flags
			return nil
		})
		if err != nil {
			return fmt.Errorf("tokenizer_config.json: added_tokens_decoder: %w", err)
		}
	} else {
		if err := l.readOlder(dir, byID); err != nil {
			return err
		}
		for _, token := range f.added {
			byID[token.ID] = token
		}
	}
	for _, token := range byID {
		l.decoder = append(l.decoder, token)
	}
	slices.SortFunc(l.decoder, func(a, b addedToken) int { return a.ID - b.ID })
	return nil
}

// readOlder reads special_tokens_map.json and added_tokens.json.
func (l *layer) readOlder(dir string, byID map[int]addedToken) error {
	fields, keys, err := readObject(dir, "special_tokens_map.json")
	if err != nil {
		return err
	}
	for _, key := range keys {
		token, ok := readToken(fields[key])
		switch {
		case ok && strings.HasSuffix(key, "_token"):
			if token.flags != nil {
				token.flags.Special = true
			}
			if !slices.Contains(l.order, key) {
				l.order = append(l.order, key)
			}
			l.named[key] = token
		case key == "extra_special_tokens", key == "additional_special_tokens" && len(l.extra) == 0:
			l.readExtra(fields[key])
		}
	}
	fields, keys, err = readObject(dir, "added_tokens.json")
	if err != nil {
		return err
	}
	for _, key := range keys {
		id, err := strconv.Atoi(string(fields[key]))
		if err != nil {
			return fmt.Errorf("added_tokens.json: the id of %q: %w", key, err)
		}
		special := slices.ContainsFunc(l.extra, func(t specialToken) bool { return t.text == key })
		for _, name := range specialNames {
			special = special || l.named[name] != nil && l.named[name].text == key
		}
		byID[id] = addedToken{ID: id, Content: key, Normalized: !special, Special: special}
	}
	return nil
}

// resolve gives the named tokens the flags of the added tokens of that text.
func (l *layer) resolve() {
	for _, name := range specialNames {
		if token := l.named[name]; token != nil {
			for i, added := range l.decoder {
				if added.Content == token.text {
					token.flags = &l.decoder[i]
				}
			}
		}
	}
}

// classList is transformers' table of model types: the class of each, and
// "wrong" where the class that a repository names does not count.
//
//go:embed tables/classes.txt
var classList string

// backendIDs are repositories whose class transformers overrules.
var backendIDs = []string{
	"deepseek-ai/deepseek-r1-distill-llama-*", "deepseek-ai/deepseek-coder-*", "allenai/dolma2-tokenizer", "google/umt5-small",
	"naver-clova-ix/donut-*", "salesforce/blip2-opt-*", "salesforce/blip2-flan-t5-*", "salesforce/instructblip-flan-t5-*", "stepfun-ai/step-3.7-*",
}

// backend is the class that takes a tokenizer.json as it stands.
const backend = "TokenizersBackend"

// tokenizerClass chooses the class as AutoTokenizer does.
func tokenizerClass(dir, modelType, hubClass string) string {
	id := strings.ToLower(filepath.ToSlash(dir))
	for part := range strings.SplitSeq(id, "/") {
		if rest, ok := strings.CutPrefix(part, "models--"); ok {
			id = strings.Replace(rest, "--", "/", 1)
		}
	}
	for _, pattern := range backendIDs {
		if ok, _ := path.Match(pattern, id); ok {
			return backend
		}
	}
	registered, wrong := "", false
	for line := range strings.Lines(classList) {
		if f := strings.Fields(line); f[0] == modelType {
			registered, wrong = strings.TrimSuffix(f[1], "Fast"), len(f) > 2
		}
	}
	bare := strings.TrimSuffix(hubClass, "Fast")
	switch {
	case hubClass == "" && registered == "":
		return backend
	case hubClass == "":
		return registered
	case registered == "" || registered == bare:
		return bare
	case registered == backend, registered == "PythonBackend", registered == "MistralCommonBackend":
		return backend
	case wrong:
		return registered
	}
	return bare
}
