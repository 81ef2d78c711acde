package fit

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Constant is one number of the catalogue that may be moved, with the range
// that physics leaves it and how far it is believed to be from where it stands.
type Constant struct {
	Path      string  // keys and names from the top: cards/rtx-a6000/kernels/gemm/bf16/bytes
	Low, High float64 // what it can be
	Prior     float64 // where it is expected
	Spread    float64 // standard deviation of the expectation: of its logarithm, or of itself where Low is 0
	Reason    string  // of the range
}

// Name is the constant without the card that it is of.
func (c *Constant) Name() string {
	words := strings.SplitN(c.Path, "/", 3)
	return strings.ReplaceAll(words[len(words)-1], "/", " ")
}

// distance is how many spreads a value is from where it is expected.
func (c *Constant) distance(x float64) float64 {
	if c.Low > 0 {
		return math.Log(x/c.Prior) / c.Spread
	}
	return (x - c.Prior) / c.Spread
}

// A place is where a constant's number stands in the text.
type place struct{ from, to int }

// find looks a path up in the text of a catalogue.
func find(text []byte, path string) (place, float64, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return place{}, 0, err
	}
	n := doc.Content[0]
	for _, key := range strings.Split(path, "/") {
		next := child(n, key)
		if next == nil {
			return place{}, 0, fmt.Errorf("%s: the catalogue has no %s", path, key)
		}
		n = next
	}
	if n.Kind == yaml.MappingNode {
		n = child(n, "value")
	}
	v, err := strconv.ParseFloat(n.Value, 64)
	if err != nil {
		return place{}, 0, fmt.Errorf("%s: %w", path, err)
	}
	from := 0
	for range n.Line - 1 {
		from += bytes.IndexByte(text[from:], '\n') + 1
	}
	from += n.Column - 1
	return place{from, from + len(n.Value)}, v, nil
}

// child is the member of a mapping, or the entry of a list that has this name.
func child(n *yaml.Node, key string) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		for _, e := range n.Content {
			if name := child(e, "name"); name != nil && name.Value == key {
				return e
			}
		}
	}
	return nil
}

// Write puts values in place of the constants' numbers in the text of a
// catalogue and leaves everything else as it is.
func Write(text []byte, constants []Constant, values []float64) ([]byte, error) {
	type change struct {
		place
		text string
	}
	var changes []change
	for i, c := range constants {
		at, _, err := find(text, c.Path)
		if err != nil {
			return nil, err
		}
		changes = append(changes, change{at, strconv.FormatFloat(values[i], 'g', 3, 64)})
	}
	slices.SortFunc(changes, func(a, b change) int { return b.from - a.from })
	out := slices.Clone(text)
	for _, c := range changes {
		out = slices.Concat(out[:c.from], []byte(c.text), out[c.to:])
	}
	return out, nil
}
