package roofline

import (
	_ "embed" // the catalogue is part of the binary
	"fmt"
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
	Name          string  `yaml:"name"`
	HostMs        float64 `yaml:"host_ms"`           // milliseconds a step
	HostSeqUs     float64 `yaml:"host_seq_us"`       // microseconds a sequence of a step
	Frontend      float64 `yaml:"frontend_ms"`       // milliseconds from a request's arrival at the socket to the scheduler
	FrontendToken float64 `yaml:"frontend_token_us"` // microseconds more a token of its prompt
	From          `yaml:",inline"`
}

// A Catalogue is models, cards, engines and the constants of their kernels.
type Catalogue struct {
	models   []*Model
	cards    []*Card
	engines  []Engine
	generic  Kernels
	arch     map[string]*Kernels // of a generation of cards
	roads    map[string]Road
	expected Expected
}

// load parses the embedded data once; it fails only on a broken build, which a
// test catches.
var load = sync.OnceValues(func() (*Catalogue, error) { return parseCatalogue(modelsYAML, cardsYAML) })

// parseCatalogue reads the two files and checks what they say.
func parseCatalogue(models, cards []byte) (*Catalogue, error) {
	c := &Catalogue{}
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
		Sources  map[string]string   `yaml:"sources"`
		Cards    []*Card             `yaml:"cards"`
		Generic  Kernels             `yaml:"generic"`
		Arch     map[string]*Kernels `yaml:"arch"`
		Roads    map[string]Road     `yaml:"roads"`
		Expected Expected            `yaml:"expected"`
		Engines  []Engine            `yaml:"engines"`
	}
	if err := yaml.Unmarshal(cards, &f); err != nil {
		return nil, fmt.Errorf("cards.yaml: %w", err)
	}
	c.cards, c.engines, c.generic, c.arch, c.roads, c.expected = f.Cards, f.Engines, f.Generic, f.Arch, f.Roads, f.Expected
	for name, a := range c.arch {
		a.resolve(f.Sources)
		if err := a.check(); err != nil {
			return nil, fmt.Errorf("cards.yaml: arch %s: %w", name, err)
		}
	}
	for name, r := range c.roads {
		r.From.resolve(f.Sources)
		c.roads[name] = r
	}
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
	k.each(func(f *From) { f.resolve(sources) })
}

// each calls do for the source of every kernel that is there.
func (k *Kernels) each(do func(*From)) {
	for _, g := range k.GEMM {
		if g != nil {
			do(&g.From)
		}
	}
	if k.Decode != nil {
		do(&k.Decode.From)
	}
	if k.Prefill != nil {
		do(&k.Prefill.From)
	}
	if k.Layer != nil {
		do(&k.Layer.From)
	}
	if k.Sampler != nil {
		do(&k.Sampler.From)
	}
	if k.AllReduce != nil {
		do(&k.AllReduce.From)
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

// CardsYAML is the text of the embedded cards, engines and constants.
func CardsYAML() []byte { return slices.Clone(cardsYAML) }

// ParseCards is the embedded catalogue with another text in place of CardsYAML.
func ParseCards(cards []byte) (*Catalogue, error) { return parseCatalogue(modelsYAML, cards) }

// An Expected is how far from a measurement a simulated number is to be expected:
// four fifths of the numbers that the constants were not fitted to were this near,
// as a share of the measured one (internal/model/fit).
type Expected struct {
	Token   float64 `yaml:"token"`   // time a token: TPOT, E2EL, the inverse of tokens a second
	TTFT    float64 `yaml:"ttft"`    // mean and median TTFT
	Speedup float64 `yaml:"speedup"` // of a precision over 16 bit
}

// ExpectedErrors are those of the embedded constants.
func ExpectedErrors() Expected {
	c, err := load()
	if err != nil {
		return Expected{}
	}
	return c.expected
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
