package instance

import (
	"crypto/tls"
	"time"

	"tokmeter/internal/template"

	"tokmeter/internal/model/setup"
	"tokmeter/internal/sim/fault"
	"tokmeter/internal/tokenize"
)

// Options say what a server is. The zero value of a field is its default.
type Options struct {
	Addr string // host:port; port 0 takes a free one; "" is 127.0.0.1:0

	// Setup names the engine that is simulated. Fixed, where it is not nil,
	// takes its place: set times and no scheduler.
	Setup setup.Setup
	Fixed *Spec

	TLS *tls.Config // serve HTTPS; nil: HTTP

	Names    []string  // under which the model is served, first the one that answers carry; default: the model's own
	Adapters []Adapter // LoRA adapters that are there from the start
	APIKeys  []string  // one of which every request under /v1 must carry; none: no key

	Tokenizer     *tokenize.Tokenizer // default: the built-in one
	TokenizerName string              // what /tokenizer_info and errors call it
	Template      *template.Template  // of chats; default: a declared simple one

	Seed       uint64
	EOS        float64   // chance that the model ends an answer at a token, in [0,1); 0: answers run to max_tokens
	Prose      float64   // chance that the model answers in prose where it may call a tool, in [0,1]
	Faults     fault.Set // of every request; a request's header adds its own
	DevMode    bool      // serve the paths that vLLM has in its development mode
	ServerLoad bool      // count requests for /load
	MFU        bool      // count flops and bytes in /metrics
	MetricsV0  bool      // show the names that metrics had in 2024 too
}

// An Adapter is one LoRA adapter.
type Adapter struct{ Name, Path string }

// A Spec says how the server answers.
type Spec struct {
	TTFT   time.Duration // from the arrival of a request to its first token
	ITL    time.Duration // between tokens
	Jitter float64       // standard deviation of TTFT and of each gap, relative to its length; in [0,1)
	Seed   uint64
	Model  string // the model's name
	// Adapters are further names that requests may ask for.
	Adapters []string
}
