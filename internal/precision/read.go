package precision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tokmeter/internal/excerpt"
	"tokmeter/internal/experiment"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
	"tokmeter/internal/plan"
)

// Bounds of a file.
const (
	maxSpec  = 1 << 20 // bytes
	maxDepth = 20      // of JSON under bench
)

// A decoder reads one file and gathers what is wrong with it.
type decoder struct {
	name string // of the file
	p    problems
}

func (d *decoder) add(n *yaml.Node, format string, args ...any) {
	d.p.add("%s:%d: %s", d.name, n.Line, fmt.Sprintf(format, args...))
}

// Read reads a spec; name is the file's, for errors, and flags are the names of
// bench serve's flags. The spec has its defaults. The error has a line for each
// thing that is wrong.
func Read(name string, text []byte, flags []string, find func(*setup.Setup) error) (Spec, error) {
	s, err := read(name, text)
	if err != nil {
		return Spec{}, err
	}
	s.Find(find)
	s.Fill()
	if err := s.Validate(flags); err != nil {
		return Spec{}, prefixed(name, err)
	}
	return s, nil
}

// prefixed puts the file's name before each line.
func prefixed(name string, err error) error {
	var p problems
	for line := range strings.Lines(err.Error()) {
		p.add("%s: %s", name, strings.TrimRight(line, "\n"))
	}
	return p.err()
}

// read is Read without defaults and rules.
func read(name string, text []byte) (Spec, error) {
	if len(text) > maxSpec {
		return Spec{}, fmt.Errorf("%s: %d bytes: a spec has %d at most", name, len(text), maxSpec)
	}
	y := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := y.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return Spec{}, fmt.Errorf("%s: the file is empty: examples/ has specs to begin with", name)
		}
		return Spec{}, fmt.Errorf("%s: %s", name, excerpt.First(strings.TrimPrefix(err.Error(), "yaml: ")))
	}
	var more yaml.Node
	if err := y.Decode(&more); !errors.Is(err, io.EOF) {
		return Spec{}, fmt.Errorf("%s: more than one document: want one", name)
	}
	d := &decoder{name: name}
	var s Spec
	c := common{spec: &s}
	if len(doc.Content) == 1 {
		readMap(d, d.real(doc.Content[0]), specKeys(), &c)
	}
	if err := d.p.err(); err != nil {
		return Spec{}, err
	}
	c.share()
	return s, nil
}

// share gives variants what is said once for all of them.
func (c *common) share() {
	for i := range c.spec.Variants {
		v := &c.spec.Variants[i]
		fill(&v.Model, c.model)
		fill(&v.Served, c.served)
		fill(&v.Tokenizer, c.token)
		fill(&v.Price, c.price)
		fill(&v.GPU, c.gpu)
		if v.URL == "" && len(v.Command) == 0 && v.Simulate == "" {
			v.Command, v.Simulate = slices.Clone(c.command), c.simulate
		}
		v.joinSimulate()
		if len(v.Command) > 0 {
			v.Args = slices.Concat(c.args, v.Args)
			env := maps.Clone(c.env)
			if env == nil {
				env = v.Env
			} else {
				maps.Copy(env, v.Env)
			}
			v.Env = env
		}
	}
}

// joinSimulate joins a card alone with the variant's model and precision.
func (v *Variant) joinSimulate() {
	card, _, _ := strings.Cut(v.Simulate, ",")
	if v.Simulate == "" || strings.ContainsAny(card, "/=") || v.Model == "" {
		return
	}
	precision := strings.ToLower(v.Precision)
	if p, err := roofline.NamePrecision(precision); err == nil {
		precision = p
	}
	v.Simulate = simulateWith(v.Simulate, v.Model, precision)
}

// real is what an alias stands for.
func (d *decoder) real(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// readMap hands each value to its key. An unknown or doubled key is a problem of
// its own line.
func readMap[T any](d *decoder, n *yaml.Node, keys []key[T], to *T) {
	if n.Kind != yaml.MappingNode {
		d.add(n, "want keys with values, got %s", kindOf(n))
		return
	}
	var names []string
	for _, k := range keys {
		names = append(names, k.name)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		at, value := n.Content[i], d.real(n.Content[i+1])
		name := strings.ReplaceAll(at.Value, "_", "-")
		j := slices.Index(names, name)
		switch {
		case j < 0 || at.Kind != yaml.ScalarNode:
			d.add(at, "unknown key %q%s", short(at.Value), didYouMean(name, names))
		case seen[name]:
			d.add(at, "%s: given twice", name)
		case value.Kind == yaml.ScalarNode && value.Tag == "!!null":
			d.add(at, "%s: no value: leave the line out, or give one", name)
		default:
			if err := keys[j].set(d, to, value); err != nil {
				d.add(value, "%s: %v", name, err)
			}
		}
		seen[name] = true
	}
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a map"
	case yaml.ScalarNode:
		return fmt.Sprintf("%q", short(n.Value))
	}
	return "something else"
}

func text(n *yaml.Node) (string, error) {
	if n.Kind != yaml.ScalarNode || strings.ContainsRune(n.Value, 0) {
		return "", fmt.Errorf("want a text, got %s", kindOf(n))
	}
	return n.Value, nil
}

func toggle(n *yaml.Node) (*bool, error) {
	var on bool
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Decode(&on) != nil {
		return nil, fmt.Errorf("want true or false, got %s", kindOf(n))
	}
	return &on, nil
}

func whole(n *yaml.Node) (int, error) {
	x, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || x < 0 {
		return 0, fmt.Errorf("want a number, got %s", kindOf(n))
	}
	return x, nil
}

// wholeOrNone gives −1 for none, as 0 stands for the default.
func wholeOrNone(n *yaml.Node) (int, error) {
	x, err := whole(n)
	if err == nil && x == 0 {
		x = -1
	}
	return x, err
}

func number(n *yaml.Node) (float64, error) {
	x, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("want a number, got %s", kindOf(n))
	}
	return x, nil
}

func duration(n *yaml.Node) (time.Duration, error) {
	x, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		return 0, fmt.Errorf("want a time with its unit, such as 90s or 15m, got %s", kindOf(n))
	}
	return x, nil
}

// texts reads a list of plain values.
func texts(n *yaml.Node) ([]string, error) {
	var out []string
	for _, item := range n.Content {
		s, err := text(item)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func words(n *yaml.Node) ([]string, error) {
	if n.Kind == yaml.SequenceNode {
		return texts(n)
	}
	s, err := text(n)
	if err != nil {
		return nil, err
	}
	return Words(s)
}

func wholes(n *yaml.Node) ([]int, error) {
	var all []string
	var err error
	switch n.Kind {
	case yaml.SequenceNode:
		all, err = texts(n)
	case yaml.ScalarNode:
		all = strings.Split(n.Value, ",")
	default:
		err = fmt.Errorf("want numbers, got %s", kindOf(n))
	}
	var out []int
	for _, s := range all {
		x, e := strconv.Atoi(strings.TrimSpace(s))
		if e != nil {
			return nil, fmt.Errorf("want numbers, got %q", short(s))
		}
		out = append(out, x)
	}
	return out, err
}

func goals(n *yaml.Node) ([]plan.SLO, error) {
	if n.Kind == yaml.SequenceNode {
		all, err := texts(n)
		if err != nil {
			return nil, err
		}
		return experiment.ParseGoals(strings.Join(all, ","))
	}
	s, err := text(n)
	if err != nil {
		return nil, err
	}
	return experiment.ParseGoals(s)
}

func textMap(n *yaml.Node) (map[string]string, error) {
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("want names with values, got %s", kindOf(n))
	}
	out := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		s, err := text(n.Content[i+1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", short(n.Content[i].Value), err)
		}
		if _, twice := out[n.Content[i].Value]; twice {
			return nil, fmt.Errorf("%s: given twice", short(n.Content[i].Value))
		}
		out[n.Content[i].Value] = s
	}
	return out, nil
}

// benchFlags reads the flags of bench serve.
func benchFlags(n *yaml.Node) ([]Flag, error) {
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("want flags with values, got %s", kindOf(n))
	}
	var out []Flag
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := strings.ReplaceAll(n.Content[i].Value, "_", "-"), n.Content[i+1]
		if value.Tag == "!!null" {
			return nil, fmt.Errorf("%s: no value: leave the line out, or give one", short(name))
		}
		if slices.ContainsFunc(out, func(f Flag) bool { return f.Name == name }) {
			return nil, fmt.Errorf("%s: given twice", short(name))
		}
		f := Flag{Name: name}
		var err error
		switch value.Kind {
		case yaml.SequenceNode:
			f.Values, err = texts(value)
		case yaml.MappingNode:
			var x any
			if x, err = plainJSON(value, maxDepth); err == nil {
				var b []byte
				b, err = json.Marshal(x)
				f.Values = []string{string(b)}
			}
		default:
			var s string
			s, err = text(value)
			f.Values = []string{s}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", short(name), err)
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b Flag) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// plainJSON is a value as JSON has it. Aliases are refused: they could stand for
// more than any memory holds.
func plainJSON(n *yaml.Node, depth int) (any, error) {
	if depth == 0 {
		return nil, errors.New("nested too deep")
	}
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			x, err := plainJSON(n.Content[i+1], depth-1)
			if err != nil {
				return nil, err
			}
			m[n.Content[i].Value] = x
		}
		return m, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			x, err := plainJSON(item, depth-1)
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		return list, nil
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!str", "!!int", "!!float", "!!bool", "!!null":
			var x any
			err := n.Decode(&x)
			return x, err
		}
		return n.Value, nil
	}
	return nil, errors.New("aliases are not for JSON: write the value out")
}
