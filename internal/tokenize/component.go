package tokenize

import (
	"encoding/json"
	"fmt"
)

// rawJSON is a part of a tokenizer.json that is read later.
type rawJSON = json.RawMessage

// maxDepth limits how deep sequences may hold sequences.
const maxDepth = 50

// component reads a part into fields and gives its type.
func component(room string, raw rawJSON, fields any, depth int) (kind string, err error) {
	if depth > maxDepth {
		return "", fmt.Errorf("%s: sequences nested deeper than %d", room, maxDepth)
	}
	var head struct {
		Type *string `json:"type"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return "", fmt.Errorf("%s: %w", room, err)
	}
	if head.Type == nil {
		return "", fmt.Errorf("%s: type is missing", room)
	}
	if err := json.Unmarshal(raw, fields); err != nil {
		return "", fmt.Errorf("%s %s: %w", room, *head.Type, err)
	}
	return *head.Type, nil
}

// unknown is the refusal of a component type.
func unknown(room, kind string) error {
	return fmt.Errorf("%s %q is not supported (docs/tokenizers.md lists what is)", room, kind)
}

// isNull says whether a part is absent or null.
func isNull(raw rawJSON) bool { return len(raw) == 0 || string(raw) == "null" }

// each makes something of every part of a sequence.
func each[T any](parts []rawJSON, make func(rawJSON) (T, error)) ([]T, error) {
	var out []T
	for _, raw := range parts {
		made, err := make(raw)
		if err != nil {
			return nil, err
		}
		out = append(out, made)
	}
	return out, nil
}
