package roofline

import (
	_ "embed" // the catalogue is part of the binary
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed models.yaml
var modelsYAML []byte

//go:embed cards.yaml
var cardsYAML []byte

// An Engine is what a generation of the engine spends on the host.
type Engine struct {
	Name      string  `yaml:"name"`
	HostMs    float64 `yaml:"host_ms"`     // milliseconds a step
	HostSeqUs float64 `yaml:"host_seq_us"` // microseconds a sequence of a step
	From      `yaml:",inline"`
}

// A catalogue is the embedded data.
type catalogue struct {
	models  []*Model
	cards   []*Card
	engines []Engine
	generic Kernels
}

// load parses the embedded data once; it fails only on a broken build, which a
// test catches.
var load = sync.OnceValues(func() (*catalogue, error) { return parseCatalogue(modelsYAML, cardsYAML) })

// parseCatalogue reads the two files and checks what they say.
func parseCatalogue(models, cards []byte) (*catalogue, error) {
	c := &catalogue{}
	if err := yaml.Unmarshal(models, &c.models); err != nil {
		return nil, fmt.Errorf("models.yaml: %w", err)
	}
	for _, m := range c.models {
		if m.Source == "" {
			m.Source = "config.json of " + m.Aliases[0]
		}
		if err := m.check(); err != nil {
			return nil, fmt.Errorf("models.yaml: %w", err)
		}
	}
	var f struct {
		Sources map[string]string `yaml:"sources"`
		Cards   []*Card           `yaml:"cards"`
		Generic Kernels           `yaml:"generic"`
		Engines []Engine          `yaml:"engines"`
	}
	if err := yaml.Unmarshal(cards, &f); err != nil {
		return nil, fmt.Errorf("cards.yaml: %w", err)
	}
	c.cards, c.engines, c.generic = f.Cards, f.Engines, f.Generic
	for i := range c.engines {
		c.engines[i].resolve(f.Sources)
	}
	c.generic.resolve(f.Sources)
	for _, card := range c.cards {
		card.resolve(f.Sources)
		if err := card.check(); err != nil {
			return nil, fmt.Errorf("cards.yaml: %w", err)
		}
	}
	slices.SortFunc(c.models, func(a, b *Model) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(c.cards, func(a, b *Card) int { return strings.Compare(a.Name, b.Name) })
	return c, nil
}

// resolve replaces the short name of a source by its text.
func (f *From) resolve(sources map[string]string) {
	if s, ok := sources[f.Source]; ok {
		f.Source = s
	}
}

func (q *Quantity) resolve(sources map[string]string) {
	if s, ok := sources[q.Source]; ok {
		q.Source = s
	}
}

func (k *Kernels) resolve(sources map[string]string) {
	for _, g := range k.GEMM {
		g.resolve(sources)
	}
	if k.Decode != nil {
		k.Decode.resolve(sources)
	}
	if k.Prefill != nil {
		k.Prefill.resolve(sources)
	}
	if k.Layer != nil {
		k.Layer.resolve(sources)
	}
	if k.Sampler != nil {
		k.Sampler.resolve(sources)
	}
	if k.AllReduce != nil {
		k.AllReduce.resolve(sources)
	}
}

func (c *Card) resolve(sources map[string]string) {
	for _, q := range c.quantities() {
		q.resolve(sources)
	}
	c.Kernels.resolve(sources)
	c.Source = c.Bandwidth.Source
}

func (c *Card) quantities() []*Quantity {
	return []*Quantity{&c.Memory, &c.Bandwidth, &c.FP16, &c.FP8, &c.Int8, &c.FP4, &c.Link, &c.Latency}
}

// check tells what is missing or impossible.
func (c *Card) check() error {
	if c.Name == "" {
		return fmt.Errorf("a card has no name: give it one")
	}
	for i, q := range c.quantities() {
		names := []string{"memory_gib", "bandwidth_gb_s", "fp16_tflops", "fp8_tflops", "int8_tops", "fp4_tflops", "link_gb_s", "link_latency_us"}
		if math.IsNaN(q.Value) || math.IsInf(q.Value, 0) || q.Value < 0 || q.Value > 1e9 {
			return fmt.Errorf("card %s: %s: %v is no possible value", c.Name, names[i], q.Value)
		}
		if i < 3 && q.Value == 0 {
			return fmt.Errorf("card %s: %s is missing: give {value: …, source: …}", c.Name, names[i])
		}
	}
	return nil
}

// check tells which shapes are missing or impossible.
func (m *Model) check() error {
	if m.Name == "" {
		return fmt.Errorf("a model has no name: give it one")
	}
	need := []struct {
		name string
		v    int
	}{
		{"layers", m.Layers}, {"hidden", m.Hidden}, {"heads", m.Heads}, {"kv_heads", m.KVHeads},
		{"head_dim", m.HeadDim}, {"vocab", m.Vocab},
	}
	var missing []string
	for _, n := range need {
		if n.v <= 0 {
			missing = append(missing, n.name)
		}
		if n.v > 1<<24 {
			return fmt.Errorf("model %s: %s: %d is no possible width", m.Name, n.name, n.v)
		}
	}
	if m.Experts == 0 && m.Inner <= 0 {
		missing = append(missing, "inner")
	}
	if m.Experts > 0 && (m.ExpertInner <= 0 || m.Active <= 0) {
		missing = append(missing, "expert_inner", "active")
	}
	if len(missing) > 0 {
		return fmt.Errorf("model %s: missing %s", m.Name, strings.Join(missing, ", "))
	}
	for _, v := range []int{m.Inner, m.MaxLen, m.Experts, m.Active, m.ExpertInner, m.SharedInner, m.DenseLayers, m.Window, m.WindowLayers} {
		if v < 0 || v > 1<<30 {
			return fmt.Errorf("model %s: %d is no possible width or count", m.Name, v)
		}
	}
	if m.Active > m.Experts || m.DenseLayers > m.Layers || m.WindowLayers > m.Layers {
		return fmt.Errorf("model %s: more active experts, dense or sliding layers than there are", m.Name)
	}
	return nil
}

// Models is the catalogue of models, in order of name.
func Models() []*Model {
	c, err := load()
	if err != nil {
		return nil
	}
	return c.models
}

// Cards is the catalogue of cards, in order of name.
func Cards() []*Card {
	c, err := load()
	if err != nil {
		return nil
	}
	return c.cards
}

// Engines is what the catalogue knows of engines, in order of the file.
func Engines() []Engine {
	c, err := load()
	if err != nil {
		return nil
	}
	return c.engines
}
