package setup

import (
	"fmt"
	"strconv"
	"strings"
)

// vLLM's versions at which an engine changed its manners: V1 became the default
// with 0.8, and scheduling a step ahead of the one that runs with 0.14.
const (
	firstLate  = 6 // use_async_output_proc, on by default until V1
	firstV1    = 8
	firstAsync = 14
)

// A generation is what follows from an engine's name: the profile whose rules it
// follows, and how it schedules and tells.
type generation struct {
	profile string
	async   bool
	late    bool // a token is told when the step after its own ends: V0's asynchronous output processing
}

// generationOf reads the name of an engine: vllm for the one of today, a profile,
// or vllm-0.MINOR with or without a patch, such as vllm-0.7.3.
func generationOf(name string) (generation, error) {
	switch name {
	case "", "vllm", EngineV1:
		return generation{profile: EngineV1, async: true}, nil
	case EngineV02024:
		return generation{profile: EngineV02024}, nil
	}
	unknown := fmt.Errorf("%q: want one of %s, %s, vllm, or a version such as vllm-0.7 or vllm-0.19.1", name, EngineV1, EngineV02024)
	text, ok := strings.CutPrefix(name, "vllm-")
	if !ok {
		return generation{}, unknown
	}
	parts := strings.Split(strings.TrimPrefix(text, "v"), ".")
	if len(parts) < 2 || len(parts) > 4 || parts[0] != "0" {
		return generation{}, unknown
	}
	minor, err := strconv.Atoi(parts[1])
	switch {
	case err != nil || minor < 0 || minor > 999:
		return generation{}, unknown
	case minor < 5:
		return generation{}, fmt.Errorf("%q: versions before 0.5 are not known: want vllm-0.5 or later", name)
	case minor < firstV1:
		return generation{profile: EngineV02024, late: minor >= firstLate}, nil
	}
	return generation{profile: EngineV1, async: minor >= firstAsync}, nil
}
