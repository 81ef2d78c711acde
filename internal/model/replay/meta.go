package replay

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"tokmeter/internal/model/setup"
)

// MetaName is the file beside a trace that says which engine it was measured on.
const MetaName = "meta.json"

const maxMeta = 16 << 20 // bytes

// A Meta is what the meta.json beside a trace says of its engine, as
// LLMServingSim's benchmark writes it. Zero fields are not said.
type Meta struct {
	Model string `json:"model"`
	Vllm  string `json:"vllm_version"`
	Args  struct {
		TP       int    `json:"tensor_parallel_size"`
		DP       int    `json:"data_parallel_size"`
		MaxSeqs  int    `json:"max_num_seqs"`
		MaxBatch int    `json:"max_num_batched_tokens"`
		MaxLen   int    `json:"max_model_len"`
		DType    string `json:"dtype"`
		KV       string `json:"kv_cache_dtype"`
	} `json:"engine_kwargs"`
	Cache struct {
		Blocks      int     `json:"num_gpu_blocks"`
		BlockSize   int     `json:"block_size"`
		Utilization float64 `json:"gpu_memory_utilization"`
		Prefix      *bool   `json:"enable_prefix_caching"`
	} `json:"kv_cache"`
	Hardware struct {
		Name string `json:"device_name"`
	} `json:"hardware"`
	Resolved struct {
		Scheduler struct {
			Async    *bool  `json:"async_scheduling"`
			Chunked  *bool  `json:"enable_chunked_prefill"`
			Policy   string `json:"policy"`
			MaxSeqs  int    `json:"max_num_seqs"`
			MaxBatch int    `json:"max_num_batched_tokens"`
		} `json:"scheduler_config"`
		Model struct {
			MaxLen       int    `json:"max_model_len"`
			Quantization string `json:"quantization"`
		} `json:"model_config"`
	} `json:"resolved_config"`
}

// ReadMeta reads the meta.json of a trace.
func ReadMeta(r io.Reader) (*Meta, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxMeta+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", MetaName, err)
	}
	if len(text) > maxMeta {
		return nil, fmt.Errorf("%s: longer than %d MiB: move it away from beside the trace", MetaName, maxMeta>>20)
	}
	m := &Meta{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %v: move it away from beside the trace, or fetch it again", MetaName, err)
	}
	return m, nil
}

// Fill sets the fields of s that are not set, so that flags win, and returns a
// sentence for the user: what was taken, or "" for nothing.
func (m *Meta) Fill(s *setup.Setup) (note string) {
	var took []string
	number := func(to *int, flag string, from ...int) {
		for _, v := range from {
			if *to == 0 && v > 0 {
				*to = v
				took = append(took, fmt.Sprintf("%s %d", flag, v))
			}
		}
	}
	text := func(to *string, flag, v string) {
		if *to == "" && v != "" {
			*to = v
			took = append(took, flag+" "+v)
		}
	}
	toggle := func(to **bool, flag string, v *bool) {
		if *to == nil && v != nil {
			*to = v
			took = append(took, fmt.Sprintf("%s %v", flag, *v))
		}
	}
	text(&s.Model, "model", m.Model)
	text(&s.GPU, "card", m.Hardware.Name)
	text(&s.Precision, "precision", m.precision())
	if m.Args.KV != "auto" {
		text(&s.KV, "kv_cache_dtype", m.Args.KV)
	}
	if s.TP == 0 && m.Args.TP > 1 {
		number(&s.TP, "tensor_parallel_size", m.Args.TP)
	}
	own := s.Blocks == 0 && (s.MemoryUtilization == 0 || s.MemoryUtilization == m.Cache.Utilization) // the cache is the trace's
	if own {
		number(&s.Blocks, "num_gpu_blocks", m.Cache.Blocks)
		number(&s.BlockSize, "block_size", m.Cache.BlockSize)
	}
	number(&s.MaxSeqs, "max_num_seqs", m.Args.MaxSeqs, m.Resolved.Scheduler.MaxSeqs)
	number(&s.MaxBatchedTokens, "max_num_batched_tokens", m.Args.MaxBatch, m.Resolved.Scheduler.MaxBatch)
	if own {
		number(&s.MaxModelLen, "max_model_len", m.Args.MaxLen, m.Resolved.Model.MaxLen)
	}
	if s.Engine != setup.EngineV02024 {
		toggle(&s.PrefixCaching, "prefix caching", m.Cache.Prefix)
		toggle(&s.ChunkedPrefill, "chunked prefill", m.Resolved.Scheduler.Chunked)
		toggle(&s.Async, "asynchronous scheduling", m.Resolved.Scheduler.Async)
		text(&s.Policy, "policy", m.Resolved.Scheduler.Policy)
	}
	if m.Args.DP > 1 {
		took = append(took, fmt.Sprintf("but not its %d engines: one is simulated", m.Args.DP))
	}
	if len(took) == 0 {
		return ""
	}
	return fmt.Sprintf("settings from %s beside the file, where no flag sets them: %s", MetaName, strings.Join(took, ", "))
}

// precision is the format of the weights.
func (m *Meta) precision() string {
	switch q := m.Resolved.Model.Quantization; q {
	case "":
	case "fp8", "fbgemm_fp8":
		return "fp8"
	case "mxfp4":
		return "mxfp4"
	case "awq", "awq_marlin", "gptq", "gptq_marlin":
		return "int4"
	}
	switch m.Args.DType {
	case "bfloat16":
		return "bf16"
	case "float16", "half":
		return "fp16"
	}
	return ""
}
