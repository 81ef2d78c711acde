package plan

import (
	"strings"

	"tokmeter/internal/protocol"
)

// The HTTP clients that a plan may name.
const (
	ClientNative = "native" // our own HTTP/1.1, with the kernel's stamps
	ClientStd    = "std"    // net/http's
)

// The readers of the native client that a plan may name.
const (
	ReaderUring = "uring" // few threads take what io_uring has received for them, in rounds
	ReaderEpoll = "epoll" // few threads read what is ready, in rounds
	ReaderGo    = "go"    // a goroutine a stream
)

// speaks reports whether endpoint is a path of the backend; its query is the
// server's affair. A path of chat completions is none of completions, though it
// ends the same way.
func speaks(b protocol.Backend, endpoint string) bool {
	path, _, _ := strings.Cut(endpoint, "?")
	if b.Suffix == "completions" && strings.HasSuffix(path, "chat/completions") {
		return false
	}
	return strings.HasSuffix(path, b.Suffix)
}

// backendFor names a backend whose paths end as endpoint does, "" if there is
// none.
func backendFor(endpoint string) string {
	for _, b := range protocol.Backends()[1:] {
		if speaks(b, endpoint) {
			return b.Name
		}
	}
	return ""
}

// backendNames are all that a plan may name.
func backendNames() []string {
	var names []string
	for _, b := range protocol.Backends() {
		names = append(names, b.Name)
	}
	return names
}
