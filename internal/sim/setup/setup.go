// Package setup turns names — a model, a card, a precision, an engine — and
// vLLM's settings into a scheduler's configuration and a machine. Server,
// replay and speed of light are all made through it, so that one name means one
// thing.
package setup

import (
	"tokmeter/internal/sim/roofline"
	"tokmeter/internal/sim/sched"
)

// A Setup names an engine. A zero or nil field takes the engine's default,
// which follows vLLM's rules for the card.
type Setup struct {
	Model     string // name of the catalogue or of Hugging Face, or a path: a folder with config.json, or a YAML file
	GPU       string // name of the catalogue, or a path to a YAML file
	Precision string // default: the model's own, else fp16
	KV        string // --kv-cache-dtype: auto, fp8
	TP        int
	Engine    string // vllm-v1 (default), vllm-v0-2024
	Async     *bool
	Constants roofline.Constants
	HostMs    *float64 // host time of a step in ms, in place of the engine's

	MemoryUtilization   float64 // --gpu-memory-utilization, default 0.9
	Blocks              int     // --num-gpu-blocks-override; counts the null block, as vLLM's does
	BlockSize           int
	MaxModelLen         int
	MaxSeqs             int
	MaxBatchedTokens    int
	PrefixCaching       *bool
	ChunkedPrefill      *bool
	Policy              string // fcfs, priority
	LongPrefill         int
	LongPrefillAdaptive bool
	Watermark           float64
	MaxAdapters         int
	Acceptance          []float64 // speculative decoding: chance that each draft is accepted, given the one before
}

// Built is what an engine runs on.
type Built struct {
	Setup    Setup // with every default filled in
	Sched    sched.Config
	Machine  *roofline.Machine
	Frontend float64  // seconds from a request's arrival at the socket to the scheduler: HTTP, tokenization
	Notes    []string // what the user should know: unconfirmed constants, what was cut
}

// Build finds the names and fills in the defaults. Errors name the setting.
func (s Setup) Build() (*Built, error) { return &Built{Setup: s, Sched: sched.DefaultConfig()}, nil }
