package roofline

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// maxFile is the most bytes that a reader takes: files of this kind are small.
const maxFile = 1 << 20

// ReadModelYAML reads one model from YAML with the keys of the catalogue:
// name, layers, hidden, heads, kv_heads, head_dim, inner, vocab, max_len and,
// where they are not 0, tied, experts, active, expert_inner, shared_inner,
// dense_layers, ungated, qkv_bias, qk_norm, window, window_layers, precision. The error
// names what is missing or not known.
func ReadModelYAML(data []byte) (*Model, error) {
	m := &Model{}
	if err := strict(data, m); err != nil {
		return nil, fmt.Errorf("model YAML: %w", err)
	}
	if m.KVHeads == 0 {
		m.KVHeads = m.Heads
	}
	if m.HeadDim == 0 && m.Heads > 0 {
		m.HeadDim = m.Hidden / m.Heads
	}
	if m.Source == "" {
		m.Source = user
	}
	p, err := NamePrecision(m.Precision)
	if err != nil {
		return nil, fmt.Errorf("model YAML: %w", err)
	}
	m.Precision = p
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("model YAML: %w", err)
	}
	return m, nil
}

// ReadCardYAML reads one card from YAML with the keys of the catalogue: name,
// memory_gib, bandwidth_gb_s, fp16_tflops and, where the card has them,
// fp8_tflops, int8_tops, fp4_tflops, link_gb_s, link_latency_us, no_bf16, like
// (the card of the catalogue whose kernels it shares), arch, road, host and kernels. A rate is a
// number, or {value, source, confirmed}. The error names what is missing, not
// known or impossible.
func ReadCardYAML(data []byte) (*Card, error) {
	c := &Card{}
	if err := strict(data, c); err != nil {
		return nil, fmt.Errorf("card YAML: %w", err)
	}
	for _, q := range c.quantities() {
		if q.Source == "" {
			q.Source = user
		}
	}
	if c.Host != nil && c.Host.Source == "" {
		c.Host.Source = user
	}
	c.Kernels.each(func(f *From) {
		if f.Source == "" {
			f.Source = user
		}
	})
	c.Source = c.Bandwidth.Source
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("card YAML: %w", err)
	}
	if c.Like != "" {
		s, err := FindCard(c.Like)
		if err != nil {
			return nil, fmt.Errorf("card YAML: like: %w", err)
		}
		c.Like = s.Name
	}
	return c, nil
}

// UnmarshalYAML takes a number or a mapping with value, source and confirmed.
func (q *Quantity) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&q.Value)
	}
	type plain Quantity
	return n.Decode((*plain)(q))
}

// strict reads one document of known keys.
func strict(data []byte, into any) error {
	if len(data) > maxFile {
		return fmt.Errorf("%d bytes: at most %d are read", len(data), maxFile)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("the file is empty")
		}
		return err
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return errors.New("more than one document: keep one card or model in a file")
	}
	return nil
}
