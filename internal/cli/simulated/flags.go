package simulated

import (
	"tokmeter/internal/cli/flags"
	"tokmeter/internal/model/roofline"
)

// The groups of the help of the simulator's commands.
const (
	groupEngine    = "engine options"
	groupScheduler = "scheduler and cache options"
	GroupFaults    = "fault options"
	GroupFixed     = "fixed times"
)

// EngineFlags say which engine is simulated: what sim, sim replay and sol share.
func EngineFlags() flags.Table {
	g := groupEngine
	return flags.Table{
		{Name: "model", Group: g, Help: "Model: a name of tokmeter sim models or of Hugging Face, a folder with config.json, or a YAML file."},
		{Name: "gpu", Group: g, Origin: flags.Own, Meta: "CARD", Help: "Card: a name of tokmeter sim hardware, or a YAML file."},
		{Name: "precision", Group: g, Origin: flags.Own, Choices: Precisions(), Meta: "FORMAT", Help: "Format of the weights. Where it is not given, the model's own."},
		{Name: "dtype", Group: g, Default: "auto", Choices: []string{"auto", "half", "float16", "bfloat16"}, Meta: "TYPE", Help: "Type of weights of 16 bit; another way to say --precision."},
		{Name: "quantization", Short: "q", Group: g, Meta: "METHOD", Help: "vLLM's word for a format of weights and its kernel, such as gptq_marlin, gptq, awq, fp8; another way to say --precision."},
		{Name: "kv-cache-dtype", Group: g, Default: "auto", Choices: []string{"auto", "float16", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"}, Meta: "TYPE", Help: "Format of the KV cache."},
		{Name: "tensor-parallel-size", Short: "tp", Group: g, Kind: flags.Integer, Default: "1", Help: "Cards that a layer is cut over."},
		{Name: "engine", Group: g, Origin: flags.Own, Default: "vllm-v1", Meta: "NAME", Help: "Generation of vLLM whose rules are followed: vllm-v1 (of today), vllm-v0-2024, or a version such as vllm-0.7 or vllm-0.19."},
		{Name: "async-scheduling", Group: g, Kind: flags.ToggleNo, Help: "Decide on the next step while one is computed. Where it is not given, as the engine does."},
		{Name: "constants", Group: g, Origin: flags.Own, Default: "measured", Choices: []string{"measured", "datasheet", "ideal"}, Help: "Efficiencies: measured are those of the card's kernels where there are any, datasheet generic ones, ideal none: the speed of light."},
		{Name: "host-seq-us", Group: g, Kind: flags.Number, Origin: flags.Own, Meta: "US", Help: "The host's time of a sequence in a step, in place of the engine's."},
		{Name: "host-ms", Group: g, Kind: flags.Number, Origin: flags.Own, Meta: "MS", Help: "The host's time of a step, in place of the engine's."},
		{Name: "speculative-config", Group: g, Kind: flags.Object, Help: `Speculative decoding, such as '{"num_speculative_tokens": 3, "acceptance": 0.7}': acceptance is the chance that a draft is right given the one before, one number or one for each; synthetic_acceptance_rates and synthetic_acceptance_length mean what they mean to vLLM.`},
	}
}

// Precisions are the formats of weights.
func Precisions() []string { return roofline.Precisions() }

// SchedulerFlags are vLLM's settings of the scheduler and of the cache.
func SchedulerFlags() flags.Table {
	g := groupScheduler
	return flags.Table{
		{Name: "max-model-len", Group: g, Meta: "N", Help: "Tokens of a request, prompt and answer. Where it is not given, or auto: the model's, or what the cache holds."},
		{Name: "max-num-seqs", Group: g, Kind: flags.Human, Help: "Requests that run at once. Where it is not given, by the card, as in vLLM."},
		{Name: "max-num-batched-tokens", Group: g, Kind: flags.Human, Help: "Tokens of a step. Where it is not given, by the card, as in vLLM."},
		{Name: "gpu-memory-utilization", Group: g, Kind: flags.Number, Default: "0.9", Help: "Share of the card's memory that the engine may use."},
		{Name: "num-gpu-blocks-override", Group: g, Kind: flags.Integer, Help: "Blocks of the KV cache, in place of what fits; one of them is never used, as in vLLM."},
		{Name: "block-size", Group: g, Kind: flags.Integer, Default: "16", Help: "Tokens of a block."},
		{Name: "enable-prefix-caching", Group: g, Kind: flags.ToggleNo, Help: "Keep blocks of earlier prompts. Where it is not given, as the engine does."},
		{Name: "enable-chunked-prefill", Group: g, Kind: flags.ToggleNo, Help: "Cut prompts that exceed a step's tokens. Where it is not given, as the engine does."},
		{Name: "scheduling-policy", Group: g, Default: "fcfs", Choices: []string{"fcfs", "priority"}, Help: "Order in which waiting requests are served."},
		{Name: "long-prefill-token-threshold", Group: g, Kind: flags.Human, Default: "0", Help: "Most tokens of one prompt in a step while others are there; 0 for no limit."},
		{Name: "max-loras", Group: g, Kind: flags.Integer, Default: "1", Help: "LoRA adapters in one step, where there are any."},
	}
}
