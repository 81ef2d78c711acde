package exposition

import (
	"strconv"

	"tokmeter/internal/python"
)

// A Config is what the set of series and their fixed labels depend on.
type Config struct {
	Model       string  // the served name, label model_name
	MaxModelLen int     // tokens; ends the buckets of token counts
	Created     float64 // when the server began, in seconds since 1970
	Cache       Cache
	Drafts      int  // speculative tokens a step; 0 is without speculation and its series
	MaxAdapters int  // LoRA slots; 0 is without LoRA and its series
	OldNames    bool // also the names of vLLM 0.6: --metrics-compat v0
}

// A Cache is what vllm:cache_config_info says of the KV cache.
type Cache struct {
	BlockSize     int // tokens
	Blocks        int // with the null block
	Overridden    bool
	OwnBlockSize  bool // set by the user
	PrefixCaching bool
	Utilization   float64 // share of the card's memory
	Dtype         string  // auto, fp8, ...
}

// labels are those of vLLM's CacheConfig, with None where the simulator has
// nothing of the kind.
func (c Cache) labels(maxModelLen int) []Label {
	override := "None"
	if c.Overridden {
		override = strconv.Itoa(c.Blocks)
	}
	tokens := c.Blocks * c.BlockSize
	concurrency := "None"
	if maxModelLen > 0 {
		concurrency = python.Float(float64(tokens) / float64(maxModelLen))
	}
	set := map[string]string{
		"_block_size_resolved":           "True",
		"block_size":                     strconv.Itoa(c.BlockSize),
		"cache_dtype":                    c.Dtype,
		"effective_attention_block_size": strconv.Itoa(c.BlockSize),
		"enable_prefix_caching":          python.Bool(c.PrefixCaching),
		"gpu_memory_utilization":         python.Float(c.Utilization),
		"kv_cache_max_concurrency":       concurrency,
		"kv_cache_size_tokens":           strconv.Itoa(tokens),
		"num_gpu_blocks":                 strconv.Itoa(c.Blocks),
		"num_gpu_blocks_override":        override,
		"user_specified_block_size":      python.Bool(c.OwnBlockSize),
	}
	labels := []Label{{"engine", "0"}}
	for _, l := range cacheDefaults {
		if own, ok := set[l.Name]; ok {
			l.Value = own
		}
		labels = append(labels, l)
	}
	return labels
}

// cacheDefaults are the fields of vLLM 0.32's CacheConfig with the values that
// a dense decoder on a GPU has.
var cacheDefaults = [...]Label{
	{"_block_size_resolved", "True"},
	{"block_size", "16"},
	{"cache_dtype", "auto"},
	{"cache_hit_alignment_tokens", "None"},
	{"effective_attention_block_size", "16"},
	{"enable_mamba_shared_prefix_checkpoint", "False"},
	{"enable_prefix_caching", "True"},
	{"gpu_memory_utilization", "0.92"},
	{"hash_block_size", "None"},
	{"is_attention_free", "False"},
	{"kv_cache_dtype_skip_layers", "[]"},
	{"kv_cache_layout", "None"},
	{"kv_cache_max_concurrency", "None"},
	{"kv_cache_memory_bytes", "None"},
	{"kv_cache_size_tokens", "None"},
	{"kv_offloading_backend", "native"},
	{"kv_offloading_size", "None"},
	{"kv_sharing_fast_prefill", "False"},
	{"mamba_block_size", "None"},
	{"mamba_cache_dtype", "auto"},
	{"mamba_cache_mode", "none"},
	{"mamba_page_size_padded", "None"},
	{"mamba_ssm_cache_dtype", "auto"},
	{"num_cpu_blocks", "None"},
	{"num_gpu_blocks", "None"},
	{"num_gpu_blocks_override", "None"},
	{"prefix_cache_retention_interval", "0"},
	{"prefix_caching_hash_algo", "sha256"},
	{"prefix_match_unit", "None"},
	{"replayssm_buffer_len", "16"},
	{"skip_page_size_padded", "None"},
	{"sliding_window", "None"},
	{"swa_bounded_replay", "True"},
	{"use_kda_recoverssm", "False"},
	{"use_replayssm", "False"},
	{"user_specified_block_size", "False"},
}
