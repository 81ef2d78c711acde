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
	Arch    string   `yaml:"arch"` // generation of its kernels: turing, ampere, ada, hopper, blackwell, …; "" for the sibling's

	Memory    Quantity `yaml:"memory_gib"`     // GiB that the runtime reports as total
	Bandwidth Quantity `yaml:"bandwidth_gb_s"` // GB/s of device memory
	FP16      Quantity `yaml:"fp16_tflops"`    // TFLOPS, accumulated in 32 bit
	FP8       Quantity `yaml:"fp8_tflops"`     // TFLOPS
	Int8      Quantity `yaml:"int8_tops"`      // TOPS
	FP4       Quantity `yaml:"fp4_tflops"`     // TFLOPS
	Link      Quantity `yaml:"link_gb_s"`      // GB/s one way to another card
	Latency   Quantity `yaml:"link_latency_us"`
	Road      string   `yaml:"road"`    // of the link: nvlink, pcie or pcie-host, where cards cannot read each other's memory; "" by the rate
	Host      *Host    `yaml:"host"`    // of the machine that the card is in; nil for the engine's usual one
	NoBF16    bool     `yaml:"no_bf16"` // the tensor cores know 16-bit floats as fp16 alone

	Kernels Kernels `yaml:"kernels"` // measured; what is nil is inherited from Like, else generic
}

// A Host is what a machine's processor takes for an engine's steps and requests,
// in place of the catalogue's for the engine.
type Host struct {
	Step          float64 `yaml:"step_ms"`           // milliseconds a step
	Seq           float64 `yaml:"seq_us"`            // microseconds a sequence of a step
	Frontend      float64 `yaml:"frontend_ms"`       // milliseconds a request before it is scheduled
	FrontendToken float64 `yaml:"frontend_token_us"` // microseconds more a token of its prompt
	From          `yaml:",inline"`
}

// Kernels are the efficiencies of a card's kernels; nil ones are not measured.
type Kernels struct {
	GEMM      map[string]*GEMM `yaml:"gemm"` // by kernel: bf16, fp8, w8a16, fp8w16 (fp8 weights, 16-bit arithmetic), w4a16, w8a8, mxfp4, gptq, awq, moe; head where logits differ from bf16
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
// operations over Flops times peak. Above 16 rows, the height of a tensor core's
// tile, kernels with larger tiles take over and Wide of the bandwidth is lost.
// A weight-only kernel that unpacks weights for Tile rows at once passes over
// them again for the next ones (Marlin: 64; vllm csrc/quantization/marlin). One
// that writes them out in 16 bit above Unpack rows and multiplies with the card's
// own kernel (GPTQ and AWQ without Marlin: 50 and 256; vllm
// csrc/quantization/gptq/q_gemm.cu, layers/quantization/awq.py) moves 4 bytes a
// weight more.
type GEMM struct {
	Bytes     float64 `yaml:"bytes"`     // share of the bandwidth
	Flops     float64 `yaml:"flops"`     // share of the format's peak
	Sharpness float64 `yaml:"sharpness"` // q of smax
	Floor     float64 `yaml:"floor_us"`  // microseconds
	Wide      float64 `yaml:"wide"`      // share of Bytes lost above 16 rows
	Tile      float64 `yaml:"tile"`      // rows that one pass over the weights multiplies; 0 for all of them
	Again     float64 `yaml:"again"`     // share of the weights' bytes that each further pass reads again
	Unpack    float64 `yaml:"unpack"`    // rows above which the weights are written out in 16 bit first; 0 for never
	Relative  bool    `yaml:"relative"`  // Bytes and Flops are multiples of the card's bf16 kernel's
	From      `yaml:",inline"`
}

// A Decode is the time of attention, a layer, for sequences that compute few
// tokens. In a step of such alone, with n sequences of mean context c:
//
//	b = n·c·bytes/(Bytes·bandwidth)
//	Floor + b·(1 + Tail·(longest−c)/(n·c)) + 1/((n+FillSeqs)/(Fill·n) + 1/(FillShare·b))
//
// The last term is what the split of each sequence over the processors and its
// merging cost, of which short contexts have less; Tail is how many sequences as
// long as the longest the card waits for while nothing else is left to do. In a step that also has prompts, kernels of
// the FlashAttention-2 kind neither split sequences nor share a KV head's
// entries between its query heads:
//
//	max(n·MixedSeq·heads/32 + n·c·bytes/(Mixed·4·kv heads/heads·bandwidth), Serial·longest)
//
// on top of what the prompts take, and no less than alone. Where Mixed is 0 such
// steps are as the others.
type Decode struct {
	Floor     float64 `yaml:"floor_us"`     // microseconds
	Bytes     float64 `yaml:"bytes"`        // share of the bandwidth at many tokens of context
	Fill      float64 `yaml:"fill_us"`      // microseconds at many sequences of long context
	FillSeqs  float64 `yaml:"fill_seqs"`    // sequences at which half of it is reached
	FillShare float64 `yaml:"fill_share"`   // of the bytes' time, which it does not exceed
	Tail      float64 `yaml:"tail"`         // sequences
	Mixed     float64 `yaml:"mixed"`        // share of the bandwidth beside prompts, with 4 query heads a KV head
	MixedSeq  float64 `yaml:"mixed_seq_us"` // microseconds a sequence beside prompts, with 32 query heads
	Serial    float64 `yaml:"serial_ns"`    // nanoseconds a token of the longest context, which nothing splits beside prompts
	From      `yaml:",inline"`
}

// A Prefill is the time of attention of prompts, a layer: its floor and, a
// prompt, operations over Flops·k/(k+Half) of the 16-bit peak, k being the mean
// number of tokens that one of its tokens looks at.
type Prefill struct {
	Floor float64 `yaml:"floor_us"` // microseconds
	Flops float64 `yaml:"flops"`    // share of the peak at many tokens
	Half  float64 `yaml:"half"`     // tokens looked at for half of it
	From  `yaml:",inline"`
}

// A Layer is what is neither matrix multiplication nor attention, a layer: norms,
// rotary embedding, activation, residual. It takes the longer of Floor and the
// bytes over Bytes of the bandwidth, which is above 1 where the cache holds some.
type Layer struct {
	Floor  float64 `yaml:"floor_us"`   // microseconds
	Bytes  float64 `yaml:"bytes"`      // share of the bandwidth
	QKNorm float64 `yaml:"qk_norm_us"` // microseconds more where queries and keys are normed
	From   `yaml:",inline"`
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

// A Road is how cards reach each other where no table of measured times says it:
// a ring of p cards has Share·(2/p)^Fall of the link's rate, for all of its links
// share switches, roots and the memory of the host, and Latency a hop.
type Road struct {
	Share   float64 `yaml:"share"`
	Fall    float64 `yaml:"fall"`
	Latency float64 `yaml:"latency_us"` // microseconds
	From    `yaml:",inline"`
}

// An AllReduce is a table of measured times: Bytes ascending, and for each number
// of cards the microseconds. Between its points times are interpolated in
// logarithms; outside, the last slope goes on.
type AllReduce struct {
	Bytes []float64         `yaml:"bytes"`
	Times map[int][]float64 `yaml:"times_us"`
	From  `yaml:",inline"`
}
