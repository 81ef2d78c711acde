package engine

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Facts are what is known of an engine: what it was told, what it says of
// itself and what its log names. "" and 0 stand for what is not known.
type Facts struct {
	Engine  string   `json:"engine,omitempty"` // vllm, sglang, tensorrt-llm, llama.cpp, tokmeter
	Version string   `json:"version,omitempty"`
	Args    []string `json:"args,omitempty"` // as run, without secrets
	Env     []string `json:"env,omitempty"`  // NAME=value of those that change what an engine does, without secrets
	Dir     string   `json:"dir,omitempty"`
	Model   string   `json:"model,omitempty"` // by which it is asked

	// Config is the model's config.json, where its folder or the hub's cache has
	// one on this machine and it has at most 64 KiB.
	Config json.RawMessage `json:"config,omitempty"`

	Architecture string  `json:"architecture,omitempty"`
	DType        string  `json:"dtype,omitempty"`        // of the activations
	Quantization string  `json:"quantization,omitempty"` // of the weights
	KVDType      string  `json:"kv_dtype,omitempty"`
	WeightBytes  float64 `json:"weight_bytes,omitempty"` // that loading the model took on one device

	Kernel    string   `json:"kernel,omitempty"`    // of the weights' products: Kernels in one line
	Kernels   []string `json:"kernels,omitempty"`   // as the log names them, in its order
	Attention string   `json:"attention,omitempty"` // backend
	Eager     bool     `json:"eager,omitempty"`     // no CUDA graphs

	MaxModelLen int      `json:"max_model_len,omitempty"` // tokens
	KVTokens    int      `json:"kv_tokens,omitempty"`     // that the cache holds
	KVBlocks    int      `json:"kv_blocks,omitempty"`
	BlockSize   int      `json:"block_size,omitempty"` // tokens
	Parallel    int      `json:"parallel,omitempty"`   // devices that one copy of the model is split over
	Card        string   `json:"card,omitempty"`       // the first of Cards, without its number
	Cards       []string `json:"cards,omitempty"`

	Doubts       []string `json:"doubts,omitempty"` // lines of the log that say that it will be slow
	ReadySeconds float64  `json:"ready_seconds,omitempty"`
}

// readLog takes the facts from the lines of a log.
func readLog(lines []string) Facts {
	var r reader
	for _, l := range lines {
		r.line(Plain(l))
	}
	return r.facts()
}

// A reader gathers facts line by line.
type reader struct {
	f Facts
}

func (r *reader) line(line string) {
	line = cut(line, lineBytes)
	for _, k := range factRules {
		if !strings.Contains(line, k.has) {
			continue
		}
		if m := k.re.FindStringSubmatch(line); m != nil {
			k.take(&r.f, m)
		}
	}
}

func (r *reader) facts() Facts {
	f := r.f
	f.Kernels, f.Cards, f.Doubts = slices.Clone(f.Kernels), slices.Clone(f.Cards), slices.Clone(f.Doubts)
	return f.finish()
}

// finish fills in what follows from the rest.
func (f Facts) finish() Facts {
	f.Kernel = strings.Join(f.Kernels, ", ")
	if f.KVTokens == 0 && f.KVBlocks > 0 && f.BlockSize > 0 {
		f.KVTokens = f.KVBlocks * f.BlockSize
	}
	if f.Card == "" && len(f.Cards) > 0 {
		f.Card = cardName(f.Cards[0])
	}
	return f
}

var cardRE = regexp.MustCompile(`^(?:GPU )?\d+: (.+?)(?: \(UUID: [^)]*\))?$`)

// cardName is the product's name in a line of nvidia-smi -L.
func cardName(line string) string {
	line = strings.TrimSpace(line)
	if m := cardRE.FindStringSubmatch(line); m != nil {
		return m[1]
	}
	return line
}

// A factRule takes a fact from a line that has a text in it and fits an expression.
type factRule struct {
	has  string
	re   *regexp.Regexp
	take func(f *Facts, m []string)
}

func rule(has, re string, take func(f *Facts, m []string)) factRule {
	return factRule{has, regexp.MustCompile(re), take}
}

// The most of anything that is a list, so that a log can't fill the memory.
const maxList = 32

func add(list *[]string, s string) {
	s = cut(strings.TrimSpace(s), 200)
	if s != "" && len(*list) < maxList && !slices.Contains(*list, s) {
		*list = append(*list, s)
	}
}

// number reads digits with thousands' commas; 0 where it is none.
func number(s string) int {
	n, err := strconv.ParseInt(strings.ReplaceAll(s, ",", ""), 10, 64)
	if err != nil || n < 0 || n > 1<<52 {
		return 0
	}
	return int(n)
}

func bytesOf(value, unit string) float64 {
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || v < 0 {
		return 0
	}
	switch strings.ToLower(unit) {
	case "kib":
		return v * (1 << 10)
	case "mib", "mb": // llama.cpp and SGLang mean the binary units
		return v * (1 << 20)
	case "gib", "gb":
		return v * (1 << 30)
	}
	return v
}

// set keeps the first value: an engine's main process logs first.
func set(dst *string, v string) {
	v = strings.Trim(v, `'"`)
	if *dst == "" && v != "None" && v != "null" {
		*dst = cut(v, 200)
	}
}

func setN(dst *int, n int) {
	if n > 0 {
		*dst = n
	}
}

// secretName fits the names of variables and options whose values are hidden.
var secretName = regexp.MustCompile(`(?i)(^|[-_])(api[-_]?keys?|.*_?token|token|secret|passw(or)?d|credentials?|private[-_]?key|access[-_]?key([-_]id)?)($|[-_])`)

// notSecret fits names that only sound like secrets.
var notSecret = regexp.MustCompile(`(?i)(max|min|num|batched|per|total|eos|bos|pad|skip|special|prefill|stop|return|usage|page)[-_]?.*token|tokens($|[-_])|tokeniz`)

// secretValue fits values that are keys wherever they stand.
var secretValue = regexp.MustCompile(`^(hf_|sk-|nvapi-|ghp_|glpat-)[A-Za-z0-9_-]{8,}$`)

const hidden = "(hidden)"

func isSecretName(name string) bool {
	return secretName.MatchString(name) && !notSecret.MatchString(name)
}

// hideArgs is the arguments without the values of keys, and those values.
func hideArgs(argv []string) (shown, secrets []string) {
	next := false
	for _, a := range argv {
		name, value, ok := strings.Cut(a, "=")
		switch {
		case next && !strings.HasPrefix(a, "--"):
			secrets, a = append(secrets, a), hidden
		case secretValue.MatchString(a):
			secrets, a = append(secrets, a), hidden
		case ok && isSecretName(strings.TrimLeft(name, "-")):
			secrets, a = append(secrets, value), name+"="+hidden
		}
		next = strings.HasPrefix(a, "-") && !ok && isSecretName(strings.TrimLeft(a, "-"))
		shown = append(shown, a)
	}
	return shown, secrets
}

// envPrefixes are of the variables that change what an engine does.
func envPrefixes() []string {
	return []string{
		"VLLM_", "SGLANG_", "SGL_", "TRTLLM_", "TLLM_", "GGML_", "LLAMA_", "TOKMETER_SIM_",
		"CUDA_", "NVIDIA_", "HIP_", "ROCR_", "ROCM_", "HSA_", "NCCL_", "GLOO_", "XPU_", "ZE_",
		"HF_", "HUGGING", "TRANSFORMERS_", "TORCH", "PYTORCH_", "TRITON_", "FLASHINFER_", "TOKENIZERS_",
		"OMP_", "KMP_", "MKL_", "OPENBLAS_", "GOMP_", "LD_PRELOAD", "MALLOC_",
	}
}

// hideEnv is the variables that matter, the last value of each, without the
// values of keys; secrets is every value that looks like a key.
func hideEnv(env []string) (shown, secrets []string) {
	last := map[string]string{}
	for _, v := range env {
		if name, value, ok := strings.Cut(v, "="); ok && name != "" {
			last[name] = value
		}
	}
	for name, value := range last {
		secret := isSecretName(name) || secretValue.MatchString(value)
		if secret && len(value) >= 8 {
			secrets = append(secrets, value)
		}
		if !slices.ContainsFunc(envPrefixes(), func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		if secret {
			value = hidden
		}
		shown = append(shown, name+"="+value)
	}
	slices.Sort(shown)
	slices.Sort(secrets)
	return shown, secrets
}
