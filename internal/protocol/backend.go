package protocol

import (
	"fmt"
	"slices"
	"strings"
)

// A Backend is one way to speak to a server: a dialect under a name that users
// know.
type Backend struct {
	Name    string
	Dialect Dialect
	Suffix  string // what every path of it must end with
	Chat    bool   // the server makes a prompt of messages by itself
}

// Backends is the table of all backends, in the order in which help shows them:
// vLLM's names first, then engines by theirs, each with what it understands.
func Backends() []Backend {
	const (
		completionsPath = "completions"
		chatPath        = "chat/completions"
	)
	old := chat{limit: "max_tokens"} // for servers that ignore or refuse max_completion_tokens
	return []Backend{
		{"vllm", completions{}, completionsPath, false},
		{"openai", completions{}, completionsPath, false},
		{"openai-chat", chat{}, chatPath, true},
		{"openai-responses", responses{}, "responses", true},
		{"sglang", completions{}, completionsPath, false},
		{"trtllm", completions{}, completionsPath, false},
		{"llama.cpp", completions{}, completionsPath, false},
		{"tgi", old, chatPath, true},
		{"ollama", old, chatPath, true},
		{"lmdeploy", old, chatPath, true},
	}
}

// Named finds a backend by its name.
func Named(name string) (Backend, bool) {
	all := Backends()
	i := slices.IndexFunc(all, func(b Backend) bool { return b.Name == name })
	if i < 0 {
		return Backend{}, false
	}
	return all[i], true
}

// New returns the dialect of a backend.
func New(backend string) (Dialect, error) {
	b, ok := Named(backend)
	if !ok {
		var names []string
		for _, b := range Backends() {
			names = append(names, b.Name)
		}
		return nil, fmt.Errorf("backend %q is not known: use one of %s", backend, strings.Join(names, ", "))
	}
	return b.Dialect, nil
}

// completions is the API of /v1/completions.
type completions struct{}

func (completions) Path() string { return "/v1/completions" }

// chat is the API of /v1/chat/completions.
type chat struct {
	limit string // the member that limits the answer; "" means max_completion_tokens
}

func (chat) Path() string { return "/v1/chat/completions" }

// responses is the API of /v1/responses.
type responses struct{}

func (responses) Path() string { return "/v1/responses" }
