package roofline

// A Quantity is one number of the catalogue with where it comes from.
type Quantity struct {
	Value     float64 `yaml:"value"`
	Source    string  `yaml:"source"`
	Confirmed bool    `yaml:"confirmed"` // by a second source
}

// A Card is one accelerator: its datasheet and the efficiencies of its kernels.
// Rates are dense, without sparsity; 0 says that the card has no such unit.
type Card struct {
	Name    string   `yaml:"name"`
	Title   string   `yaml:"title"` // as the vendor's tools name it
	Aliases []string `yaml:"aliases"`
	Source  string   `yaml:"-"` // of the datasheet's numbers, in a few words
	Like    string   `yaml:"like"`

	Memory    Quantity `yaml:"memory_gib"`     // GiB that the runtime reports as total
	Bandwidth Quantity `yaml:"bandwidth_gb_s"` // GB/s of device memory
	FP16      Quantity `yaml:"fp16_tflops"`    // TFLOPS, accumulated in 32 bit
	FP8       Quantity `yaml:"fp8_tflops"`     // TFLOPS
	Int8      Quantity `yaml:"int8_tops"`      // TOPS
	FP4       Quantity `yaml:"fp4_tflops"`     // TFLOPS
	Link      Quantity `yaml:"link_gb_s"`      // GB/s one way to another card
	Latency   Quantity `yaml:"link_latency_us"`
	NoBF16    bool     `yaml:"no_bf16"` // the tensor cores know 16-bit floats as fp16 alone

	Kernels Kernels `yaml:"kernels"` // measured; what is nil is inherited from Like, else generic
}

// Kernels are the efficiencies of a card's kernels; nil ones are not measured.
type Kernels struct {
	GEMM      map[string]*GEMM `yaml:"gemm"` // by kernel: bf16, fp8, w8a16, w4a16, w8a8, mxfp4, moe
	Decode    *Decode          `yaml:"decode"`
	Prefill   *Prefill         `yaml:"prefill"`
	Layer     *Layer           `yaml:"layer"`
	Sampler   *Sampler         `yaml:"sampler"`
	AllReduce *AllReduce       `yaml:"all_reduce"`
}

// From is where the constants of one kernel come from.
type From struct {
	Source    string `yaml:"source"`
	Confirmed bool   `yaml:"confirmed"`
}

// A GEMM is the time of a matrix multiplication: its floor and the smooth
// maximum, of exponent Sharpness, of bytes over Bytes times bandwidth and of
// operations over Flops times peak.
type GEMM struct {
	Bytes     float64 `yaml:"bytes"`     // share of the bandwidth
	Flops     float64 `yaml:"flops"`     // share of the format's peak
	Sharpness float64 `yaml:"sharpness"` // q of smax
	Floor     float64 `yaml:"floor_us"`  // microseconds
	Tile      float64 `yaml:"tile"`      // rows by which the arithmetic grows; 0 for 1
	Relative  bool    `yaml:"relative"`  // Bytes and Flops are multiples of the card's bf16 kernel's
	From      `yaml:",inline"`
}

// A Decode is the time of attention for sequences that compute few tokens, a
// layer: its floor and the bytes of their KV entries over a share of the
// bandwidth, which is Bytes where all contexts are equal and falls by Skew where
// one is far longer than the rest.
type Decode struct {
	Floor float64 `yaml:"floor_us"` // microseconds
	Bytes float64 `yaml:"bytes"`    // share of the bandwidth at many tokens of context
	Skew  float64 `yaml:"skew"`     // share lost where the longest context is far above the mean
	From  `yaml:",inline"`
}

// A Prefill is the time of attention of prompts, a layer: its floor and, a
// prompt, operations over Flops·n/(n+Half) of the 16-bit peak, n being its
// tokens in this step.
type Prefill struct {
	Floor float64 `yaml:"floor_us"` // microseconds
	Flops float64 `yaml:"flops"`    // share of the peak at many tokens
	Half  float64 `yaml:"half"`     // tokens at which half of it is reached
	From  `yaml:",inline"`
}

// A Layer is what is neither matrix multiplication nor attention, a layer: norms,
// rotary embedding, activation, residual, KV write. It takes the longer of Floor
// and the bytes over Bytes of the bandwidth.
type Layer struct {
	Floor float64 `yaml:"floor_us"` // microseconds
	Bytes float64 `yaml:"bytes"`    // share of the bandwidth
	From  `yaml:",inline"`
}

// A Sampler is what a step takes beside its layers: Floor, Row for every row of
// logits and Spill more for each above Rows, which the cache does not hold.
type Sampler struct {
	Floor float64 `yaml:"floor_us"` // microseconds
	Row   float64 `yaml:"row_us"`   // microseconds a row
	Rows  float64 `yaml:"rows"`     // rows that the cache holds
	Spill float64 `yaml:"spill_us"` // microseconds a row above Rows
	From  `yaml:",inline"`
}

// An AllReduce is a table of measured times: Bytes ascending, and for each number
// of cards the microseconds. Between its points times are interpolated in
// logarithms; outside, the last slope goes on.
type AllReduce struct {
	Bytes []float64         `yaml:"bytes"`
	Times map[int][]float64 `yaml:"times_us"`
	From  `yaml:",inline"`
}
