package sim

import (
	"fmt"
	"slices"
	"strings"

	"tokmeter/internal/model/roofline"
)

// ParseSimulate reads what --simulate is given: an engine to simulate as
// parseTarget has it, or fixed times as ParseSpec has them.
func ParseSimulate(text string) (Options, error) {
	first, _, _ := strings.Cut(text, ",")
	if strings.Contains(first, "/") && !strings.Contains(first, "=") {
		return parseTarget(text)
	}
	spec, err := ParseSpec(text)
	if err != nil {
		return Options{}, err
	}
	return Options{Fixed: &spec, Seed: spec.Seed, DevMode: true}, nil
}

const targetHelp = "want GPU/MODEL[/PRECISION][,key=value…], such as a10g/llama-3-8b/int4,tp=2"

// parseTarget reads an engine to simulate: gpu/model or gpu/model/precision,
// then settings as key=value behind commas: engine, tp, kv, seed, eos, host_ms,
// constants and vLLM's own names of its settings, such as max_num_seqs=64. A
// model that has a slash in its name is taken whole: the last part is the
// precision if it is the name of one.
func parseTarget(text string) (Options, error) {
	o := Options{DevMode: true}
	head, rest, _ := strings.Cut(text, ",")
	gpu, model, ok := strings.Cut(strings.TrimSpace(head), "/")
	if i := strings.LastIndexByte(model, '/'); i >= 0 && slices.Contains(precisions(), strings.ToLower(model[i+1:])) {
		o.Setup.Precision = strings.ToLower(model[i+1:])
		model = model[:i]
	}
	if !ok || gpu == "" || model == "" {
		return Options{}, fmt.Errorf("simulate %q: %s", text, targetHelp)
	}
	o.Setup.GPU, o.Setup.Model = gpu, model
	if rest == "" {
		return o, nil
	}
	for _, part := range strings.Split(rest, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return Options{}, fmt.Errorf("simulate %q: %q is no key=value: %s", text, part, targetHelp)
		}
		if err := set(&o, strings.ReplaceAll(key, "-", "_"), value); err != nil {
			return Options{}, fmt.Errorf("simulate %q: %s: %w", text, key, err)
		}
	}
	return o, nil
}

func precisions() []string {
	return []string{"fp16", "bf16", "fp8", "int8", "w8a8", "int4", "mxfp4", "nvfp4"}
}

// set takes one setting of a target.
func set(o *Options, key, value string) error {
	s := &o.Setup
	for _, f := range []struct {
		key string
		p   any
	}{
		{"engine", &s.Engine}, {"tp", &s.TP}, {"tensor_parallel_size", &s.TP}, {"dp", &s.DP}, {"data_parallel_size", &s.DP}, {"enforce_eager", &s.Eager},
		{"quantization", &s.Quantization}, {"kernel", &s.Quantization}, {"host_step_ms", &s.HostMs}, {"host_seq_us", &s.HostSeqUs},
		{"kv", &s.KV}, {"kv_cache_dtype", &s.KV}, {"precision", &s.Precision}, {"async", &s.Async}, {"async_scheduling", &s.Async},
		{"host_ms", &s.HostMs}, {"host", &s.HostProfile}, {"gpu_memory_utilization", &s.MemoryUtilization},
		{"num_gpu_blocks_override", &s.Blocks}, {"blocks", &s.Blocks}, {"block_size", &s.BlockSize},
		{"max_model_len", &s.MaxModelLen}, {"max_num_seqs", &s.MaxSeqs}, {"max_num_batched_tokens", &s.MaxBatchedTokens},
		{"enable_prefix_caching", &s.PrefixCaching}, {"enable_chunked_prefill", &s.ChunkedPrefill},
		{"scheduling_policy", &s.Policy}, {"policy", &s.Policy}, {"long_prefill_token_threshold", &s.LongPrefill},
		{"watermark", &s.Watermark}, {"max_loras", &s.MaxAdapters}, {"acceptance", &s.Acceptance},
		{"seed", &o.Seed}, {"eos", &o.EOS}, {"dev", &o.DevMode}, {"dev_mode", &o.DevMode},
	} {
		if f.key == key {
			return assign(f.p, value)
		}
	}
	if key == "name" || key == "served_model_name" {
		o.Names = append(o.Names, value)
		return nil
	}
	if key == "constants" {
		return setConstants(&s.Constants, value)
	}
	return fmt.Errorf("unknown setting: %s", targetHelp)
}

func setConstants(c *roofline.Constants, value string) error {
	switch value {
	case "measured":
		*c = roofline.Measured
	case "datasheet":
		*c = roofline.Datasheet
	case "ideal":
		*c = roofline.Ideal
	default:
		return fmt.Errorf("%q is none of measured, datasheet, ideal", value)
	}
	return nil
}
