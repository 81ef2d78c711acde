package wire

import "fmt"

// A Method is the way in which a client learns that bytes have come and takes
// them. What they mean and when they came does not depend on it.
type Method uint8

const (
	// MethodAuto is the best that the system allows.
	MethodAuto Method = iota
	// MethodGo has a goroutine a stream read through Go's poller: on every system,
	// and always with TLS.
	MethodGo
	// MethodEpoll has few threads read what is ready, in rounds. Linux only.
	MethodEpoll
	// MethodUring has few threads take, in rounds, what the kernel has received
	// for them by io_uring. Linux from 6.1 on, where the container allows it.
	MethodUring
)

// methodNames are the words of ParseMethod.
var methodNames = [...]string{MethodAuto: "auto", MethodGo: "go", MethodEpoll: "epoll", MethodUring: "uring"}

// ParseMethod reads a method's name.
func ParseMethod(s string) (Method, error) {
	for m, name := range methodNames {
		if s == name {
			return Method(m), nil
		}
	}
	return 0, fmt.Errorf("%q is no way to read: auto, uring, epoll and go are", s)
}

func (m Method) String() string { return methodNames[m] }
