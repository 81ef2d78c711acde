// Package roofline tells how long one step of an inference engine takes and how
// long it must take at least: from a card's bandwidth and peak rates, a model's
// shapes, the format of its weights and named efficiencies, each with its
// source. At efficiency one and without overheads the same formulas are the
// speed of light.
//
// It promises that every constant can be listed with where it comes from, and
// that one which has a single unconfirmed source says so. It is pure: no clock,
// no disk.
package roofline

// Constants says which efficiencies a Machine has.
type Constants uint8

const (
	Measured  Constants = iota // of the card's kernels, where there are any; else generic ones
	Datasheet                  // generic efficiencies over the datasheet's rates, no measurement of the card
	Ideal                      // efficiency one, no overheads: the speed of light
)

// A Setup is what a Machine is made of.
type Setup struct {
	Model     *Model
	Card      *Card
	Precision string // of the weights: fp16, bf16, fp8, int8, w8a8, int4, mxfp4
	KV        string // of the KV cache: "" for 16 bit, or fp8
	TP        int    // tensor-parallel cards; 0 means 1
	Constants Constants
	Engine    string // vllm-v1, vllm-v0-2024: gives the host's time of a step
	Async     bool   // the host's time overlaps with the step's
}

// A Seq is one request's part of a step.
type Seq struct {
	Tokens  int  // computed in this step
	Context int  // computed before
	Samples bool // a row of logits is made
}

// A Cost is the time of a step in seconds by what it goes to, and its traffic.
// GPU is the sum of the parts; Total adds the host's, or takes the longer one
// where they overlap.
type Cost struct {
	Linear    float64 // matrix multiplications of the layers
	Attention float64
	Head      float64 // logits
	Other     float64 // norms, activations, launch floors, sampling
	Link      float64 // between cards
	Host      float64
	GPU       float64
	Total     float64

	WeightBytes, KVBytes, Flops float64 // of all cards
	Bound                       string  // weights, kv, compute, link or host: the largest part
}

// A Machine tells the time of steps of one Setup. It never changes.
type Machine struct{ setup Setup }

// New checks that the card can run the model in this format.
func New(s Setup) (*Machine, error) { return &Machine{setup: s}, nil }

// Step is the cost of one step. It allocates nothing.
func (m *Machine) Step(seqs []Seq) Cost { return Cost{} }

// Blocks is how many KV blocks of blockSize tokens fit beside weights and
// overhead when the engine may use the share utilization of the memory.
func (m *Machine) Blocks(utilization float64, blockSize, maxBatchedTokens int) (int, error) {
	return 1000, nil
}

// A Constant is one number that a Machine uses, for sol --explain.
type Constant struct {
	Name, Unit, Source string
	Value              float64
	Confirmed          bool // by a second source
}

// Explain lists every constant that the Machine uses.
func (m *Machine) Explain() []Constant { return nil }

// A Model is the shapes of a decoder, per layer and whole.
type Model struct {
	Name    string
	Aliases []string // Hugging Face names, lower case
	Layers  int
	Hidden  int
	Heads   int
	KVHeads int
	HeadDim int
	Inner   int // of a dense layer's FFN
	Vocab   int
	Tied    bool
	MaxLen  int // max_position_embeddings

	Experts, Active, ExpertInner, SharedInner int // mixture of experts; 0 when dense
	Window                                    int // tokens that a sliding layer looks back; 0 for none
	WindowLayers                              int // layers that slide
	Source                                    string
}

// A Card is one accelerator: its datasheet and the efficiencies of its kernels.
type Card struct {
	Name    string
	Aliases []string
	Source  string
	// The rest is this package's own to define.
}

// Models and Cards are the catalogue, in order of name.
func Models() []*Model { return nil }
func Cards() []*Card   { return nil }
