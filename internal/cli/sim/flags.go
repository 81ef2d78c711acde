package sim

import (
	"strings"

	"tokmeter/internal/cli/flags"
	"tokmeter/internal/cli/simulated"
	"tokmeter/internal/sim/fault"
)

// simTable is the flags of sim.
func simTable() flags.Table {
	t := append(simulated.EngineFlags(), simulated.SchedulerFlags()...)
	t.Named("model").Help += " May stand without --model, as the first word."
	t.Named("model").Default, t.Named("gpu").Default = "llama-3-8b", "a10g"
	g := flags.GroupServer
	t = append(t, flags.Table{
		{Name: "host", Group: g, Default: "127.0.0.1", Help: "Address to serve on."},
		{Name: "port", Group: g, Kind: flags.Integer, Default: "8000", Help: "Port to serve on; 0 takes a free one."},
		{Name: "uds", Group: g, Meta: "PATH", Refused: "the simulator serves on TCP alone", Help: "Unix socket to serve on."},
		{Name: "served-model-name", Group: g, Kind: flags.Words1, Meta: "NAME", Help: "Names of the model in requests, the first one in answers. Where it is not given, what --model says."},
		{Name: "tokenizer", Group: g, Meta: "PATH", Help: "tokenizer.json, its folder, or a model of the Hugging Face cache or hub. Where it is not given, the folder of --model if it has one, else the small tokenizer inside."},
		{Name: "lora-modules", Group: g, Kind: flags.Words1, Meta: "NAME=PATH", Help: "LoRA adapters that requests may name; paths are not read."},
		{Name: "enable-lora", Group: g, Kind: flags.ToggleNo, Help: "Keep room for --max-loras adapters, which may be loaded later too."},
		{Name: "enforce-eager", Group: g, Kind: flags.ToggleNo, Help: "Launch the kernels of a step one by one, without CUDA graphs: each layer costs the host 0.25 ms more."},
		{Name: "chat-template", Group: g, Meta: "FILE", Help: "Chat template in place of the tokenizer's: a file, or the template itself in a line."},
		{Name: "tool-call-parser", Group: g, Choices: toolParsers(), Meta: "NAME", Help: "Name of the form in which a model says its tool calls. Whatever it is, they are said in that of Hermes."},
		{Name: "ssl-certfile", Group: g, Kind: flags.File, Help: "Serve HTTPS with this certificate, in PEM form."},
		{Name: "ssl-keyfile", Group: g, Kind: flags.File, Help: "Key of --ssl-certfile. Where it is not given, that file holds it too."},
		{Name: "api-key", Group: g, Kind: flags.Words1, Meta: "KEY", Help: "Keys of which each request must carry one."},
		{Name: "enable-server-load-tracking", Group: g, Kind: flags.Toggle, Help: "Count requests under way for /load."},
		{Name: "enable-mfu-metrics", Group: g, Kind: flags.Toggle, Help: "Count flops and bytes in /metrics."},
		{Name: "metrics-compat", Group: g, Origin: flags.Own, Choices: []string{"v0"}, Help: "Show the names that vLLM's metrics had in 2024 too."},
		{Name: "dev-mode", Group: g, Kind: flags.ToggleNo, Origin: flags.Own, Help: "Serve what vLLM serves with VLLM_SERVER_DEV_MODE=1: cache resets, sleep, pause, loading of adapters. On where it is not given."},
		{Name: "eos", Group: g, Kind: flags.Number, Origin: flags.Own, Meta: "P", Default: "0", Help: "Chance of each token to end its answer, unless the request has ignore_eos."},
		{Name: "tool-calls", Group: g, Kind: flags.Number, Origin: flags.Own, Meta: "P", Default: "1", Help: "Chance that a tool is called where the request leaves it to the model (tool_choice auto)."},
		{Name: "seed", Group: g, Kind: flags.Integer, Default: "0", Help: "Seed of everything random: text, ends, drafts, faults."},
	}...)
	return append(t, append(flags.Table{
		{Name: "fault", Group: simulated.GroupFaults, Kind: flags.Words1, Origin: flags.Own, Meta: "SPEC", Help: faultHelp()},
		{Name: "fixed", Group: simulated.GroupFixed, Origin: flags.Own, Meta: "SPEC", Help: "Serve at set times in place of an engine's: a list such as ttft=50ms,itl=20ms,jitter=0.1."},
		{Name: "config", Group: flags.GroupServer, Kind: flags.File, Help: "YAML file of flags, one name: value a line. Flags on the command line win."},
	}, TakenFlags()...)...)
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
func replayTable() flags.Table {
	own := flags.Table{
		{Name: "requests", Group: groupReplay, Meta: "FILE", Origin: flags.Own, Help: "Arrivals and lengths: JSON lines, - for standard input, or the folder of a run."},
		{Name: "json", Group: groupReplay, Kind: flags.Toggle, Origin: flags.Own, Help: "Print one JSON object."},
		{Name: "seed", Group: groupReplay, Kind: flags.Integer, Default: "0", Origin: flags.Own, Help: "Seed of drafts that are accepted."},
	}
	return append(append(own, simulated.EngineFlags()...), simulated.SchedulerFlags()...)
}

// groupReplay is the group of what sim replay alone has.
const groupReplay = "replay options"

// stepsTable is the flags of sim steps.
func stepsTable() flags.Table {
	return flags.Table{
		{Name: "cases", Group: "options", Kind: flags.File, Origin: flags.Own, Help: "Settings and requests, as JSON; - for standard input."},
		{Name: "output", Group: "options", Kind: flags.File, Origin: flags.Own, Help: "Where to write the steps. Where it is not given: standard output."},
	}
}
