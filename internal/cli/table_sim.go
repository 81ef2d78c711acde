package cli

import (
	"strings"

	"tokmeter/internal/model/roofline"
	"tokmeter/internal/sim/fault"
)

// The groups of the help of the simulator's commands.
const (
	groupEngine    = "engine options"
	groupScheduler = "scheduler and cache options"
	groupFaults    = "fault options"
	groupFixed     = "fixed times"
)

// engineFlags say which engine is simulated: what sim, sim replay and sol share.
func engineFlags() table {
	g := groupEngine
	return table{
		{Name: "model", Group: g, Help: "Model: a name of tokmeter sim models or of Hugging Face, a folder with config.json, or a YAML file."},
		{Name: "gpu", Group: g, Origin: own, Meta: "CARD", Help: "Card: a name of tokmeter sim hardware, or a YAML file."},
		{Name: "precision", Group: g, Origin: own, Choices: precisions(), Meta: "FORMAT", Help: "Format of the weights. Where it is not given, the model's own."},
		{Name: "dtype", Group: g, Default: "auto", Choices: []string{"auto", "half", "float16", "bfloat16"}, Meta: "TYPE", Help: "Type of weights of 16 bit; another way to say --precision."},
		{Name: "quantization", Short: "q", Group: g, Meta: "METHOD", Help: "vLLM's word for a format of weights, such as gptq, awq, fp8; another way to say --precision."},
		{Name: "kv-cache-dtype", Group: g, Default: "auto", Choices: []string{"auto", "float16", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"}, Meta: "TYPE", Help: "Format of the KV cache."},
		{Name: "tensor-parallel-size", Short: "tp", Group: g, Kind: integer, Default: "1", Help: "Cards that a layer is cut over."},
		{Name: "engine", Group: g, Origin: own, Default: "vllm-v1", Choices: []string{"vllm-v1", "vllm-v0-2024"}, Help: "Generation of vLLM whose rules are followed."},
		{Name: "async-scheduling", Group: g, Kind: toggleNo, Help: "Decide on the next step while one is computed. Where it is not given, as the engine does."},
		{Name: "constants", Group: g, Origin: own, Default: "measured", Choices: []string{"measured", "datasheet", "ideal"}, Help: "Efficiencies: measured are those of the card's kernels where there are any, datasheet generic ones, ideal none: the speed of light."},
		{Name: "host-ms", Group: g, Kind: number, Origin: own, Meta: "MS", Help: "The host's time of a step, in place of the engine's."},
		{Name: "speculative-config", Group: g, Kind: object, Help: `Speculative decoding, such as '{"num_speculative_tokens": 3, "acceptance": 0.7}': acceptance is the chance that a draft is right given the one before, one number or one for each; synthetic_acceptance_rates and synthetic_acceptance_length mean what they mean to vLLM.`},
	}
}

// precisions are the formats of weights.
func precisions() []string { return roofline.Precisions() }

// schedulerFlags are vLLM's settings of the scheduler and of the cache.
func schedulerFlags() table {
	g := groupScheduler
	return table{
		{Name: "max-model-len", Group: g, Meta: "N", Help: "Tokens of a request, prompt and answer. Where it is not given, or auto: the model's, or what the cache holds."},
		{Name: "max-num-seqs", Group: g, Kind: human, Help: "Requests that run at once. Where it is not given, by the card, as in vLLM."},
		{Name: "max-num-batched-tokens", Group: g, Kind: human, Help: "Tokens of a step. Where it is not given, by the card, as in vLLM."},
		{Name: "gpu-memory-utilization", Group: g, Kind: number, Default: "0.9", Help: "Share of the card's memory that the engine may use."},
		{Name: "num-gpu-blocks-override", Group: g, Kind: integer, Help: "Blocks of the KV cache, in place of what fits; one of them is never used, as in vLLM."},
		{Name: "block-size", Group: g, Kind: integer, Default: "16", Help: "Tokens of a block."},
		{Name: "enable-prefix-caching", Group: g, Kind: toggleNo, Help: "Keep blocks of earlier prompts. Where it is not given, as the engine does."},
		{Name: "enable-chunked-prefill", Group: g, Kind: toggleNo, Help: "Cut prompts that exceed a step's tokens. Where it is not given, as the engine does."},
		{Name: "scheduling-policy", Group: g, Default: "fcfs", Choices: []string{"fcfs", "priority"}, Help: "Order in which waiting requests are served."},
		{Name: "long-prefill-token-threshold", Group: g, Kind: human, Default: "0", Help: "Most tokens of one prompt in a step while others are there; 0 for no limit."},
		{Name: "max-loras", Group: g, Kind: integer, Default: "1", Help: "LoRA adapters in one step, where there are any."},
	}
}

// simTable is the flags of sim.
func simTable() table {
	t := append(engineFlags(), schedulerFlags()...)
	t.named("model").Help += " May stand without --model, as the first word."
	t.named("model").Default, t.named("gpu").Default = "llama-3-8b", "a10g"
	g := groupServer
	t = append(t, table{
		{Name: "host", Group: g, Default: "127.0.0.1", Help: "Address to serve on."},
		{Name: "port", Group: g, Kind: integer, Default: "8000", Help: "Port to serve on; 0 takes a free one."},
		{Name: "uds", Group: g, Meta: "PATH", Refused: "the simulator serves on TCP alone", Help: "Unix socket to serve on."},
		{Name: "served-model-name", Group: g, Kind: words1, Meta: "NAME", Help: "Names of the model in requests, the first one in answers. Where it is not given, what --model says."},
		{Name: "tokenizer", Group: g, Meta: "PATH", Help: "tokenizer.json, its folder, or a model of the Hugging Face cache or hub. Where it is not given, the folder of --model if it has one, else the small tokenizer inside."},
		{Name: "lora-modules", Group: g, Kind: words1, Meta: "NAME=PATH", Help: "LoRA adapters that requests may name; paths are not read."},
		{Name: "enable-lora", Group: g, Kind: toggleNo, Help: "Keep room for --max-loras adapters, which may be loaded later too."},
		{Name: "enforce-eager", Group: g, Kind: toggleNo, Help: "Launch the kernels of a step one by one, without CUDA graphs: each layer costs the host 0.25 ms more."},
		{Name: "chat-template", Group: g, Meta: "FILE", Help: "Chat template in place of the tokenizer's: a file, or the template itself in a line."},
		{Name: "tool-call-parser", Group: g, Choices: toolParsers(), Meta: "NAME", Help: "Name of the form in which a model says its tool calls. Whatever it is, they are said in that of Hermes."},
		{Name: "ssl-certfile", Group: g, Kind: file, Help: "Serve HTTPS with this certificate, in PEM form."},
		{Name: "ssl-keyfile", Group: g, Kind: file, Help: "Key of --ssl-certfile. Where it is not given, that file holds it too."},
		{Name: "api-key", Group: g, Kind: words1, Meta: "KEY", Help: "Keys of which each request must carry one."},
		{Name: "enable-server-load-tracking", Group: g, Kind: toggle, Help: "Count requests under way for /load."},
		{Name: "enable-mfu-metrics", Group: g, Kind: toggle, Help: "Count flops and bytes in /metrics."},
		{Name: "metrics-compat", Group: g, Origin: own, Choices: []string{"v0"}, Help: "Show the names that vLLM's metrics had in 2024 too."},
		{Name: "dev-mode", Group: g, Kind: toggleNo, Origin: own, Help: "Serve what vLLM serves with VLLM_SERVER_DEV_MODE=1: cache resets, sleep, pause, loading of adapters. On where it is not given."},
		{Name: "eos", Group: g, Kind: number, Origin: own, Meta: "P", Default: "0", Help: "Chance of each token to end its answer, unless the request has ignore_eos."},
		{Name: "tool-calls", Group: g, Kind: number, Origin: own, Meta: "P", Default: "1", Help: "Chance that a tool is called where the request leaves it to the model (tool_choice auto)."},
		{Name: "seed", Group: g, Kind: integer, Default: "0", Help: "Seed of everything random: text, ends, drafts, faults."},
	}...)
	return append(t, append(table{
		{Name: "fault", Group: groupFaults, Kind: words1, Origin: own, Meta: "SPEC", Help: faultHelp()},
		{Name: "fixed", Group: groupFixed, Origin: own, Meta: "SPEC", Help: "Serve at set times in place of an engine's: a list such as ttft=50ms,itl=20ms,jitter=0.1."},
		{Name: "config", Group: groupServer, Kind: file, Help: "YAML file of flags, one name: value a line. Flags on the command line win."},
	}, takenFlags()...)...)
}

// faultHelp lists the faults.
func faultHelp() string {
	var names []string
	for _, f := range fault.Help() {
		names = append(names, f[0])
	}
	return "Faults of answers, each KIND[=VALUE][:CHANCE][,key=value…], such as 429:0.05 or stall=2s,after=5; a request asks for its own with the header " +
		fault.Header + ". With their defaults: " + strings.Join(names, "; ") + "."
}

// replayTable is the flags of sim replay.
func replayTable() table {
	own := table{
		{Name: "requests", Group: groupReplay, Meta: "FILE", Origin: own, Help: "Arrivals and lengths: JSON lines, - for standard input, or the folder of a run."},
		{Name: "json", Group: groupReplay, Kind: toggle, Origin: own, Help: "Print one JSON object."},
		{Name: "seed", Group: groupReplay, Kind: integer, Default: "0", Origin: own, Help: "Seed of drafts that are accepted."},
	}
	return append(append(own, engineFlags()...), schedulerFlags()...)
}

// groupReplay is the group of what sim replay alone has.
const groupReplay = "replay options"

// stepsTable is the flags of sim steps.
func stepsTable() table {
	return table{
		{Name: "cases", Group: "options", Kind: file, Origin: own, Help: "Settings and requests, as JSON; - for standard input."},
		{Name: "output", Group: "options", Kind: file, Origin: own, Help: "Where to write the steps. Where it is not given: standard output."},
	}
}
