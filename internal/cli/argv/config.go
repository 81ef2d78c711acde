package argv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readConfig reads a YAML file of flags: name: value, true and false for
// switches, a list for list flags, a map for flags that take JSON.
func readConfig(names *names, path string, readFile func(string) ([]byte, error)) ([]setting, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
	default:
		return nil, fmt.Errorf("config %s: want a .yaml or .yml file", path)
	}
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	settings, err := parseConfig(names.exactly(), text)
	if err != nil {
		return nil, fmt.Errorf("config %s: %w", path, err)
	}
	return settings, nil
}

// parseConfig reads the text of a configuration file. It ends at the first
// problem.
func parseConfig(names *names, text []byte) ([]setting, error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := d.Decode(&doc); err != nil {
		if len(bytes.TrimSpace(text)) == 0 {
			return nil, errors.New("the file is empty")
		}
		return nil, fmt.Errorf("no valid YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("want lines such as port: 8000")
	}
	top := doc.Content[0]
	seen := map[string]bool{}
	var out []setting
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], resolveAlias(top.Content[i+1])
		s, err := names.use("--" + key.Value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", key.Line, err)
		}
		full := s.option.Name + "." + strings.Join(s.keys, ".")
		if s.option.Name == ConfigOption {
			return nil, fmt.Errorf("line %d: config names another file: put all in one", key.Line)
		}
		if seen[full] {
			return nil, fmt.Errorf("line %d: %s stands twice", key.Line, key.Value)
		}
		seen[full] = true
		given, err := s.fromYAML(value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", key.Line, key.Value, err)
		}
		if given {
			out = append(out, s)
		}
	}
	return out, nil
}

func resolveAlias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// fromYAML gives s its words. It reports whether the option counts as given.
func (s *setting) fromYAML(n *yaml.Node) (given bool, err error) {
	switch n.Kind {
	case yaml.SequenceNode:
		return s.fromSequence(n)
	case yaml.MappingNode:
		if !s.option.Dotted || s.keys != nil {
			return false, errors.New("want a value, not a map")
		}
		w := yamlWriter{left: maxNodes}
		text, err := w.json(n)
		s.values = []string{text}
		return true, err
	}
	switch {
	case n.Tag == "!!null":
		return false, errors.New("has no value")
	case s.option.Kind == Switch:
		return true, s.setSwitch(n.Value)
	case n.Tag == "!!bool" && s.option.Kind == Optional:
		on, _ := parseBool(n.Value)
		return on, nil
	case n.Tag == "!!bool" && s.keys == nil:
		return false, fmt.Errorf("want a value, not %s", n.Value)
	}
	s.values = []string{scalarText(n)}
	return true, nil
}

func (s *setting) fromSequence(n *yaml.Node) (bool, error) {
	if s.keys != nil || (s.option.Kind != List && s.option.Kind != List1) {
		return false, errors.New("want one value, not a list")
	}
	for _, item := range n.Content {
		item = resolveAlias(item)
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			return false, errors.New("want a list of plain values")
		}
		s.values = append(s.values, scalarText(item))
	}
	return len(s.values) > 0, nil
}

// scalarText is the word that a YAML scalar stands for.
func scalarText(n *yaml.Node) string {
	if n.Tag == "!!float" {
		switch strings.ToLower(strings.TrimPrefix(n.Value, "+")) {
		case ".inf":
			return "inf"
		case "-.inf":
			return "-inf"
		case ".nan":
			return "nan"
		}
	}
	return n.Value
}

// maxNodes bounds a YAML value, and so what aliases of aliases grow to.
const maxNodes = 10_000

// A yamlWriter writes a YAML value as JSON, in the order of the file.
type yamlWriter struct{ left int }

func (w *yamlWriter) json(n *yaml.Node) (string, error) {
	w.left--
	if w.left < 0 {
		return "", errors.New("is too large")
	}
	n = resolveAlias(n)
	var parts []string
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			part, err := w.json(item)
			if err != nil {
				return "", err
			}
			parts = append(parts, part)
		}
		return "[" + strings.Join(parts, ",") + "]", nil
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			part, err := w.json(n.Content[i+1])
			if err != nil {
				return "", err
			}
			parts = append(parts, quote(n.Content[i].Value)+":"+part)
		}
		return "{" + strings.Join(parts, ",") + "}", nil
	}
	return scalarJSON(n)
}

// scalarJSON writes one YAML scalar as JSON.
func scalarJSON(n *yaml.Node) (string, error) {
	switch n.Tag {
	case "!!null":
		return "null", nil
	case "!!bool", "!!int", "!!float":
	default:
		return quote(n.Value), nil
	}
	if json.Valid([]byte(n.Value)) {
		return n.Value, nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return "", err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("%s has no JSON form", n.Value)
	}
	return string(b), nil
}
