// Package roofline tells how long one step of an inference engine takes and how
// long it must take at least: from a card's bandwidth and peak rates, a model's
// shapes, the format of its weights and named efficiencies, each with its
// source. At efficiency one and without overheads the same formulas are the
// speed of light.
//
// It promises that every constant can be listed with where it comes from, and
// that one which has a single unconfirmed source says so. It refuses a model
// whose shapes it does not know, a format that a card cannot run and a model
// that does not fit. It is pure: no clock, no disk.
package roofline

// Constants says which efficiencies a Machine has.
type Constants uint8

const (
	Measured  Constants = iota // of the card's kernels, where there are any; else those of a sibling or generic ones
	Datasheet                  // generic efficiencies over the datasheet's rates, no measurement of the card
	Ideal                      // efficiency one, no overheads: the speed of light
)

// String is the name of the set: measured, datasheet or ideal.
func (c Constants) String() string {
	switch c {
	case Datasheet:
		return "datasheet"
	case Ideal:
		return "ideal"
	}
	return "measured"
}

// A Setup is what a Machine is made of.
type Setup struct {
	Model     *Model
	Card      *Card
	Catalogue *Catalogue // of constants; nil for the embedded one
	Precision string     // of the weights: fp16, bf16, fp8, int8, w8a8, int4, mxfp4, nvfp4; "" for the model's own, else fp16
	KV        string     // of the KV cache: "" or auto for 16 bit, or fp8
	TP        int        // tensor-parallel cards; 0 means 1
	DP        int        // groups of TP cards, each with requests of its own; experts are shared by all of them (data-parallel attention, expert parallel); 0 means 1
	Eager     bool       // kernels are launched one by one, without CUDA graphs
	Constants Constants
	Engine    string   // vllm-v1 or "", vllm-v0-2024: gives the host's time of a step
	Async     bool     // the host's time overlaps with the step's
	Host      *float64 // seconds of the host a step, in place of the engine's; nil for those
	HostSeq   *float64 // seconds of the host a sequence of a step, likewise
	// HostFactor multiplies the host's times that no pointer above gives; 0 is 1.
	HostFactor float64
	Kernel     string // of weight-only matrices: marlin or "", machete, gptq, awq
	MaxSeqs    int    // sequences that the engine samples at once: part of its memory; 0 means 256
}

// Frontend is the seconds that a request spends between socket and scheduler, and
// those that each token of its prompt adds.
func (m *Machine) Frontend() (request, token float64) { return m.frontend, m.frontendToken }

// A Seq is one request's part of a step.
type Seq struct {
	Tokens  int  // computed in this step
	Context int  // computed before
	Samples bool // a row of logits is made
}

// A Cost is the time of a step in seconds by what it goes to, and its traffic.
// GPU is the sum of the parts; Total adds the host's, or takes the longer one
// where they overlap. With Ideal constants the parts overlap perfectly: GPU is
// the longest of memory, arithmetic and links, and the parts are its shares.
type Cost struct {
	Linear    float64 // matrix multiplications of the layers
	Attention float64
	Head      float64 // logits
	Other     float64 // norms, activations, launch floors, sampling
	Link      float64 // between cards
	Host      float64
	GPU       float64
	Total     float64

	// With Ideal constants alone: the seconds of all arithmetic by itself, each
	// operation at the peak of its format, and of all that the cards exchange.
	Arithmetic, Exchange float64

	WeightBytes, KVBytes, Flops float64 // of all cards
	Bound                       string  // weights, kv, compute, link or host: the largest part
}

// A Constant is one number that a Machine uses, for sol --explain.
type Constant struct {
	Name, Unit, Source string
	Value              float64
	Confirmed          bool // by a second source
}
