package plan

import "strings"

// The HTTP clients that a plan may name.
const (
	ClientNative = "native" // our own HTTP/1.1, with the kernel's stamps
	ClientStd    = "std"    // net/http's
)

// The readers of the native client that a plan may name.
const (
	ReaderEpoll = "epoll" // few threads read what is ready, in rounds
	ReaderGo    = "go"    // a goroutine a stream
)

// A Backend is one way to speak to a server.
type Backend struct {
	Name     string
	Endpoint string // the path that belongs to it
	Suffix   string // what every other path of it must end with
}

// Backends lists what a plan may name as its backend.
func Backends() []Backend {
	return []Backend{
		{"vllm", "/v1/completions", "completions"},
		{"openai", "/v1/completions", "completions"},
		{"openai-chat", "/v1/chat/completions", "chat/completions"},
		{"openai-responses", "/v1/responses", "responses"},
	}
}

// BackendNamed finds a backend by its name.
func BackendNamed(name string) (Backend, bool) {
	for _, b := range Backends() {
		if b.Name == name {
			return b, true
		}
	}
	return Backend{}, false
}

// Speaks reports whether endpoint is a path of the backend. A path of chat
// completions is none of completions, though it ends the same way.
func (b Backend) Speaks(endpoint string) bool {
	if b.Suffix == "completions" && strings.HasSuffix(endpoint, "chat/completions") {
		return false
	}
	return strings.HasSuffix(endpoint, b.Suffix)
}

// backendFor names a backend whose paths end as endpoint does, "" if there is
// none.
func backendFor(endpoint string) string {
	for _, b := range Backends()[1:] {
		if b.Speaks(endpoint) {
			return b.Name
		}
	}
	return ""
}
