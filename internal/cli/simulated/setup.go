package simulated

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/model/roofline"
	"tokmeter/internal/model/setup"
)

// EngineSetup turns the flags of engineFlags and schedulerFlags into the engine
// that they name. model is the word that stands for --model, "" for none. The
// error joins all problems.
func EngineSetup(v *flags.Values, model string) (setup.Setup, error) {
	s := setup.Setup{
		Model:     v.Text("model"),
		GPU:       v.Text("gpu"),
		Async:     OptionalSwitch(v, "async-scheduling"),
		Constants: constantsNamed(v.Text("constants")),

		Blocks:           v.Integer("num-gpu-blocks-override"),
		MaxSeqs:          v.Integer("max-num-seqs"),
		MaxBatchedTokens: v.Integer("max-num-batched-tokens"),
		PrefixCaching:    OptionalSwitch(v, "enable-prefix-caching"),
		ChunkedPrefill:   OptionalSwitch(v, "enable-chunked-prefill"),
		LongPrefill:      v.Integer("long-prefill-token-threshold"),
	}
	givenOnly(v, &s)
	var problems []error
	var err error
	if s.MaxModelLen, err = maxModelLen(v); err != nil {
		problems = append(problems, err)
	}
	if s.Precision, err = precisionOf(v); err != nil {
		problems = append(problems, err)
	}
	if v.Given("host-ms") {
		ms := v.Number("host-ms")
		s.HostMs = &ms
	}
	if v.Given("host-seq-us") {
		us := v.Number("host-seq-us")
		s.HostSeqUs = &us
	}
	if name := v.Text("quantization"); slices.Contains(roofline.KernelNames(), strings.ToLower(name)) {
		s.Quantization = name
	}
	if model != "" {
		if v.Given("model") && v.Text("model") != model {
			problems = append(problems, fmt.Errorf("two models: %s and --model %s: name one", flags.Shorten(model), flags.Shorten(v.Text("model"))))
		}
		s.Model = model
	}
	s.Eager = v.Table.Named("enforce-eager") != nil && v.On("enforce-eager")
	if v.Given("max-loras") || v.Table.Named("enable-lora") != nil && v.On("enable-lora") || v.Table.Named("lora-modules") != nil && v.Given("lora-modules") {
		s.MaxAdapters = v.Integer("max-loras")
	}
	if v.Given("speculative-config") {
		if s.Acceptance, err = acceptance(v.Text("speculative-config")); err != nil {
			problems = append(problems, fmt.Errorf("--speculative-config: %w", err))
		}
	}
	return s, errors.Join(append(problems, checkEngine(v))...)
}

// givenOnly sets what stays zero where no flag gives it, so that another source
// of settings may.
func givenOnly(v *flags.Values, s *setup.Setup) {
	if v.Given("tensor-parallel-size") {
		s.TP = v.Integer("tensor-parallel-size")
	}
	if v.Given("kv-cache-dtype") {
		s.KV = KvFormat(v.Text("kv-cache-dtype"))
	}
	if v.Given("engine") {
		s.Engine = v.Text("engine")
	}
	if v.Given("gpu-memory-utilization") {
		s.MemoryUtilization = v.Number("gpu-memory-utilization")
	}
	if v.Given("block-size") {
		s.BlockSize = v.Integer("block-size")
	}
	if v.Given("scheduling-policy") {
		s.Policy = v.Text("scheduling-policy")
	}
}

// checkEngine refuses numbers that no engine has.
func checkEngine(v *flags.Values) error {
	var problems []error
	for _, name := range []string{"tensor-parallel-size", "num-gpu-blocks-override", "block-size", "max-num-seqs", "max-num-batched-tokens", "max-loras"} {
		if v.Given(name) && v.Integer(name) < 1 {
			problems = append(problems, fmt.Errorf("--%s: want at least 1, got %d", name, v.Integer(name)))
		}
	}
	if n := v.Integer("long-prefill-token-threshold"); n < 0 {
		problems = append(problems, fmt.Errorf("--long-prefill-token-threshold: want at least 0, got %d", n))
	}
	if u := v.Number("gpu-memory-utilization"); !(u > 0 && u <= 1) {
		problems = append(problems, fmt.Errorf("--gpu-memory-utilization: want more than 0 and at most 1, got %s", flags.Shorten(v.Text("gpu-memory-utilization"))))
	}
	if ms := v.Number("host-ms"); v.Given("host-ms") && !(ms >= 0 && ms <= maxHostMs) {
		problems = append(problems, fmt.Errorf("--host-ms: want 0 to %d ms, got %s", maxHostMs, flags.Shorten(v.Text("host-ms"))))
	}
	if us := v.Number("host-seq-us"); v.Given("host-seq-us") && !(us >= 0 && us <= maxHostSeqUs) {
		problems = append(problems, fmt.Errorf("--host-seq-us: want 0 to %d us, got %s", maxHostSeqUs, flags.Shorten(v.Text("host-seq-us"))))
	}
	return errors.Join(problems...)
}

// maxHostSeqUs bounds the host's time of a sequence.
const maxHostSeqUs = 1_000_000

// precisionOf is the format of the weights by any of the flags that may name it.
func precisionOf(v *flags.Values) (string, error) {
	said, by := "", ""
	for _, name := range []string{"precision", "quantization", "dtype"} {
		if !v.Given(name) || name == "dtype" && v.Given("quantization") {
			continue // a type beside a quantization is that of the activations
		}
		p, err := roofline.NamePrecision(v.Text(name))
		if err != nil {
			return "", fmt.Errorf("--%s: %w", name, err)
		}
		if said != "" && p != "" && p != said {
			return "", fmt.Errorf("--%s %s and --%s %s contradict each other", by, said, name, flags.Shorten(v.Text(name)))
		}
		if said == "" {
			said, by = p, name
		}
	}
	return said, nil
}

// maxModelLen is --max-model-len: a length, or auto and -1 for what fits, which
// is 0 here.
func maxModelLen(v *flags.Values) (int, error) {
	word := strings.TrimSpace(v.Text("max-model-len"))
	if !v.Given("max-model-len") || word == "auto" || word == "-1" {
		return 0, nil
	}
	n, err := flags.ParseInt(word, true)
	if err == nil && n < 1 {
		err = fmt.Errorf("want at least 1, or auto, got %d", n)
	}
	if err != nil {
		return 0, fmt.Errorf("--max-model-len: %w", err)
	}
	return int(n), nil
}

// maxHostMs bounds the host's time of a step.
const maxHostMs = 60_000

// OptionalSwitch is the value of a switch, nil where it was not given.
func OptionalSwitch(v *flags.Values, name string) *bool {
	if !v.Given(name) {
		return nil
	}
	on := v.On(name)
	return &on
}

// KvFormat is the setup's word for vLLM's type of the KV cache.
func KvFormat(dtype string) string {
	if strings.HasPrefix(dtype, "fp8") {
		return "fp8"
	}
	return "auto" // every model's own format has 16 bits
}

// constantsNamed finds the efficiencies by the words of --constants.
func constantsNamed(name string) roofline.Constants {
	switch name {
	case "datasheet":
		return roofline.Datasheet
	case "ideal":
		return roofline.Ideal
	}
	return roofline.Measured
}

// ConstantsText is the word of --constants.
func ConstantsText(c roofline.Constants) string {
	switch c {
	case roofline.Datasheet:
		return "datasheet"
	case roofline.Ideal:
		return "ideal"
	}
	return "measured"
}

// maxDrafts bounds the drafts of a step, as the metrics have a counter for each.
const maxDrafts = 64

// defaultAcceptance is used where a speculative configuration gives none.
const defaultAcceptance = 0.7

// speculative is what of vLLM's speculative configuration counts here.
type speculative struct {
	Drafts     int              `json:"num_speculative_tokens"`
	Acceptance *json.RawMessage `json:"acceptance"`
	Rates      []float64        `json:"synthetic_acceptance_rates"`
	Length     *float64         `json:"synthetic_acceptance_length"`
}

// acceptance reads a speculative configuration: the chance of each draft to be
// right, given the one before.
func acceptance(text string) ([]float64, error) {
	var keys map[string]json.RawMessage
	var c speculative
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		return nil, fmt.Errorf("want a JSON object, got %q", flags.Shorten(text))
	}
	known := []string{"num_speculative_tokens", "acceptance", "synthetic_acceptance_rates", "synthetic_acceptance_length"}
	// They name the drafter, which is not simulated.
	ignored := []string{"model", "method", "rejection_sample_method", "draft_tensor_parallel_size", "prompt_lookup_max", "prompt_lookup_min"}
	for key := range keys {
		if !slices.Contains(known, key) && !slices.Contains(ignored, key) {
			return nil, fmt.Errorf("unknown key %q; want %s", flags.Shorten(key), strings.Join(known, ", "))
		}
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		var bad *json.UnmarshalTypeError
		if errors.As(err, &bad) {
			return nil, fmt.Errorf("%s: a %s is no value for it", bad.Field, bad.Value)
		}
		return nil, err
	}
	if c.Drafts < 1 || c.Drafts > maxDrafts {
		return nil, fmt.Errorf("num_speculative_tokens: want 1 to %d, got %d", maxDrafts, c.Drafts)
	}
	return c.chances()
}

// chances are the conditional chances of the drafts.
func (c *speculative) chances() ([]float64, error) {
	given := 0
	for _, is := range []bool{c.Acceptance != nil, c.Rates != nil, c.Length != nil} {
		if is {
			given++
		}
	}
	if given > 1 {
		return nil, errors.New("acceptance, synthetic_acceptance_rates and synthetic_acceptance_length contradict each other: give one")
	}
	switch {
	case c.Rates != nil:
		return conditional(c.Rates, c.Drafts)
	case c.Length != nil:
		return ofLength(*c.Length, c.Drafts)
	case c.Acceptance != nil:
		return c.direct()
	}
	return slices.Repeat([]float64{defaultAcceptance}, c.Drafts), nil
}

// direct reads the key acceptance: a number, or one for each draft.
func (c *speculative) direct() ([]float64, error) {
	var one float64
	var all []float64
	if json.Unmarshal(*c.Acceptance, &one) == nil {
		all = slices.Repeat([]float64{one}, c.Drafts)
	} else if json.Unmarshal(*c.Acceptance, &all) != nil || len(all) != c.Drafts {
		return nil, fmt.Errorf("acceptance: want a number or a list of %d, got %s", c.Drafts, flags.Shorten(string(*c.Acceptance)))
	}
	return all, inUnit("acceptance", all)
}

// conditional turns vLLM's rates, each the chance of a position to be reached
// and right, into chances given the position before.
func conditional(rates []float64, drafts int) ([]float64, error) {
	const name = "synthetic_acceptance_rates"
	if len(rates) != drafts {
		return nil, fmt.Errorf("%s: want %d numbers, got %d", name, drafts, len(rates))
	}
	if err := inUnit(name, rates); err != nil {
		return nil, err
	}
	out := make([]float64, drafts)
	before := 1.0
	for i, rate := range rates {
		if rate > before {
			return nil, fmt.Errorf("%s: no rate may exceed the one before, got %v after %v", name, rate, before)
		}
		if before > 0 {
			out[i] = rate / before
		}
		before = rate
	}
	return out, nil
}

// ofLength spreads a mean number of tokens a step as vLLM does: drafts that are
// always right, one that is at times, and none.
func ofLength(length float64, drafts int) ([]float64, error) {
	if !(length >= 1 && length <= float64(drafts+1)) {
		return nil, fmt.Errorf("synthetic_acceptance_length: want 1 to %d, got %v", drafts+1, length)
	}
	rates := make([]float64, drafts)
	left := length - 1
	for i := range rates {
		rates[i] = min(left, 1)
		left -= rates[i]
	}
	return conditional(rates, drafts)
}

func inUnit(name string, all []float64) error {
	for _, x := range all {
		if !(x >= 0 && x <= 1) {
			return fmt.Errorf("%s: want 0 to 1, got %v", name, x)
		}
	}
	return nil
}
