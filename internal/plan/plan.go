// Package plan describes a run as data. A Plan is everything that decides what
// a run does: equal plans give equal request sequences. It knows no flags, no
// files and no clock.
package plan

import (
	"encoding/json"
	"time"
)

// Version is the format version written into Plan.Version.
const Version = 1

// A Plan is everything that decides what a run does.
type Plan struct {
	Version  int      `json:"version"`
	Seed     int64    `json:"seed"`
	Compat   string   `json:"compat,omitempty"` // "" or "vllm"
	Target   Target   `json:"target"`
	Workload Workload `json:"workload"`
	Load     Load     `json:"load"`
	Goals    []Goal   `json:"goals,omitempty"`
	SLOs     []SLO    `json:"slos,omitempty"`
	Light    Light    `json:"light,omitzero"`
	Output   Output   `json:"output"`
}

// CompatVLLM reports whether vLLM's defects Q1–Q25 are to be reproduced.
func (p *Plan) CompatVLLM() bool { return p.Compat == "vllm" }

// Target is the server and how it is spoken to.
type Target struct {
	Backend   string `json:"backend"`          // of the table in protocol
	BaseURL   string `json:"base_url"`         // scheme://host:port, without the endpoint
	Endpoint  string `json:"endpoint"`         // path, such as /v1/completions, perhaps with a query
	Client    string `json:"client"`           // native or std
	Reader    string `json:"reader,omitempty"` // how the native client reads: uring, epoll or go; "" leaves the choice to it
	Insecure  bool   `json:"insecure,omitempty"`
	CAFile    string `json:"ca_file,omitempty"`
	Simulate  string `json:"simulate,omitempty"` // spec of the server inside, "" for a real one
	Simulated bool   `json:"simulated,omitempty"`
	Virtual   bool   `json:"virtual,omitempty"` // the engine inside is replayed on a virtual clock: nothing is sent and no time passes

	Headers []Header `json:"headers,omitempty"`
	APIKey  string   `json:"-"` // bearer token; never written into a file

	Model       string `json:"model"`        // names tokenizer and files; "" until asked of the server
	ServedModel string `json:"served_model"` // the name in requests; "" means Model

	LoRAModules    []string `json:"lora_modules,omitempty"`
	LoRAAssignment string   `json:"lora_assignment,omitempty"` // random or round-robin

	IgnoreEOS       bool            `json:"ignore_eos"`
	PlainContent    bool            `json:"plain_content,omitempty"` // content of chat messages as a string
	ResetCache      bool            `json:"reset_cache,omitempty"`   // the prefix cache is emptied before the measured part
	NoProbe         bool            `json:"no_probe,omitempty"`      // a name that the server does not list is not tried
	Logprobs        *int            `json:"logprobs,omitempty"`
	ExtraBody       json.RawMessage `json:"extra_body,omitempty"` // JSON object: sampling flags, then --extra-body
	RequestIDPrefix string          `json:"request_id_prefix"`
	RequestTimeout  time.Duration   `json:"request_timeout_ns"` // whole request; 0 means none

	ReadyTimeout time.Duration `json:"ready_timeout_ns"` // 0 skips the ready check
	Warmups      int           `json:"warmups"`
	Profile      bool          `json:"profile,omitempty"`
}

// ModelName is the name that requests carry.
func (t *Target) ModelName() string {
	if t.ServedModel != "" {
		return t.ServedModel
	}
	return t.Model
}

// URL is where requests go.
func (t *Target) URL() string { return t.BaseURL + t.Endpoint }

// Workload says which prompts are sent and how long they and the answers are.
// Lengths are in tokens.
type Workload struct {
	Dataset     string `json:"dataset"` // random, sharegpt, burstgpt, custom, prefix_repetition, sonnet, timed_trace, requests
	Path        string `json:"path,omitempty"`
	NumPrompts  int    `json:"num_prompts"`
	NoOversamp  bool   `json:"no_oversample,omitempty"`
	NoShuffle   bool   `json:"disable_shuffle,omitempty"`
	SkipChat    bool   `json:"skip_chat_template,omitempty"`
	ChatKwargs  string `json:"chat_template_kwargs,omitempty"` // JSON object
	MaxModelLen int    `json:"max_model_len,omitempty"`        // drop requests whose prompt + output exceed it; 0 means no limit
	AsTokenIDs  bool   `json:"prompt_token_ids,omitempty"`     // send token ids instead of text

	Tokenizer     string `json:"tokenizer,omitempty"` // name or path; "" means the model's
	SkipTokenizer bool   `json:"skip_tokenizer_init,omitempty"`

	// Salt is put in front of every prompt, behind the prompt's number, so that no
	// two prompts of a run begin alike; "" leaves the prompts as they are.
	Salt string `json:"salt,omitempty"`

	Random   Random   `json:"random"`
	ShareGPT ShareGPT `json:"sharegpt"`
	Custom   Custom   `json:"custom"`
	Prefix   Prefix   `json:"prefix_repetition"`
	Sonnet   Sonnet   `json:"sonnet"`
	Trace    Trace    `json:"timed_trace"`
}

// Random describes the dataset "random".
type Random struct {
	InputLen    int     `json:"input_len"`
	OutputLen   int     `json:"output_len"`
	InputRange  float64 `json:"input_range_ratio"`  // in [0,1)
	OutputRange float64 `json:"output_range_ratio"` // in [0,1)
	PrefixLen   int     `json:"prefix_len"`
	BatchSize   int     `json:"batch_size"`
}

// ShareGPT describes the dataset "sharegpt".
type ShareGPT struct {
	OutputLen int `json:"output_len,omitempty"` // 0 means the length of the recorded answer
}

// Custom describes the dataset "custom".
type Custom struct {
	OutputLen int `json:"output_len"` // −1 means each line's output_tokens
}

// Prefix describes the dataset "prefix_repetition".
type Prefix struct {
	PrefixLen   int `json:"prefix_len"`
	SuffixLen   int `json:"suffix_len"`
	NumPrefixes int `json:"num_prefixes"`
	OutputLen   int `json:"output_len"`
}

// Sonnet describes the dataset "sonnet".
type Sonnet struct {
	InputLen  int `json:"input_len"`
	OutputLen int `json:"output_len"`
	PrefixLen int `json:"prefix_len"`
}

// Trace describes the dataset "timed_trace".
type Trace struct {
	ChunkSize   int     `json:"chunk_hash_size"`
	Multiplier  float64 `json:"sec_multiplier"` // seconds per unit of the timestamp
	Timestamp   string  `json:"label_timestamp"`
	InputLength string  `json:"label_input_length"`
	OutputLen   string  `json:"label_output_length"`
	HashIDs     string  `json:"label_hash_ids"`
	// The user gave these: what the form of the file suggests is not followed.
	ChunkSizeGiven  bool `json:"chunk_hash_size_given,omitempty"`
	MultiplierGiven bool `json:"sec_multiplier_given,omitempty"`
}

// A Goal is a limit on one latency of a request, for goodput.
type Goal struct {
	Metric  string  `json:"metric"` // of SLOLatencies
	LimitMs float64 `json:"limit_ms"`
}

// Light names the card and the model whose speed of light a run is compared
// with. The zero value leaves both to what is known of the server.
type Light struct {
	GPU       string `json:"gpu,omitempty"`            // name or file of the card; "" means that of a simulated engine
	Model     string `json:"model_config,omitempty"`   // name, folder or file with the model's shapes; "" means Target.Model
	Precision string `json:"precision,omitempty"`      // format of the weights; "" means the model's own
	KVCache   string `json:"kv_cache_dtype,omitempty"` // format of the KV cache; "" means auto
	TP        int    `json:"tensor_parallel_size,omitempty"`
}

// Output says what is computed and written.
type Output struct {
	Label         string     `json:"label,omitempty"`
	Metrics       []string   `json:"percentile_metrics"` // of ttft,tpot,itl,e2el,client_queue_time,e2el_including_client_queue
	Percentiles   []float64  `json:"metric_percentiles"`
	Metadata      []KeyValue `json:"metadata,omitempty"`
	SaveResult    bool       `json:"save_result,omitempty"`
	SaveDetailed  bool       `json:"save_detailed,omitempty"`
	AppendResult  bool       `json:"append_result,omitempty"`
	ResultDir     string     `json:"result_dir,omitempty"`
	ResultFile    string     `json:"result_filename,omitempty"`
	RecordDir     string     `json:"record_dir,omitempty"`
	NoRecord      bool       `json:"no_record,omitempty"`
	SaveRequests  string     `json:"save_requests,omitempty"` // file that the workload is written to
	PyTorchFormat bool       `json:"pytorch_format,omitempty"`
}

// A KeyValue is one --metadata entry.
type KeyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}
