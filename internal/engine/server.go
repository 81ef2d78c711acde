// Package engine starts an inference engine, waits until it serves, keeps its
// log and takes it down with everything that it started.
//
// It promises that nothing of an engine outlives its Stop, and on Linux not the
// process that started it either, however that one ends. It tells a crash from
// slowness, names the cause where the log does, and never waits without a
// limit. An engine runs under a guard, a small process of our own program
// between the two (see Guard): when the starter is gone, the guard takes the
// engine down.
//
// What is promised where:
//
//   - Linux: every descendant, also one that left the process group, forked
//     twice, cleared its environment or changed its name, because the guard is
//     the subreaper of all of them and waits until the kernel says that it has
//     no child. Of a guard that is itself killed: the engine's first process
//     at once, and at Stop everything that is in the guard's session, carries
//     the marker in its environment, or descends from one that does. Guard and
//     starter both killed at one moment leave what the first process started.
//   - macOS and the BSDs: the engine's process group. A child that left it may
//     stay, and Stop names the port if it is still held.
//   - Windows: everything, by a job object that ends with the guard; without a
//     gentle request first.
//
// A container that a command only asks a daemon for (docker run) is no
// descendant on any system: Stop then relies on the client's own clean-up and
// says so where the port is still held.
//
// It knows no flags, prints nothing, runs no shell and never runs two engines
// at once by itself.
package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Marker is the name of the variable that every process of an engine has in its
// environment, with a value of the engine's own.
const Marker = "TOKMETER_ENGINE"

// Limits that a Spec without its own has.
const (
	DefaultLimit = 30 * time.Minute // a large model from a slow disk, with compilation
	DefaultGrace = 15 * time.Second
	maxLog       = 256 << 20 // bytes of log that are kept on disk
)

// A Spec is how an engine is started and when it counts as ready.
type Spec struct {
	Name  string // of the variant, for messages
	Model string // that is asked for a token where the engine serves several
	// Argv is the command as words: {host} and {port} are replaced, and every
	// other brace stays, as in an option with JSON.
	Argv []string
	Host string // for {host} and for asking; "" is 127.0.0.1
	Port int    // for {port}; 0 takes a free one
	Dir  string // working directory; "" is the starter's
	// Environ is the environment that the engine inherits, as os.Environ gives
	// it, and Env is what is added, NAME=value.
	Environ, Env []string
	// Guard is the command that runs Guard in a program of ours: the path of the
	// executable and what goes before the arguments that Guard knows, if
	// anything.
	Guard []string
	Log   string // file for stdout and stderr; "" keeps only the tail in memory

	Health string        // path that answers 200 when the engine is up; "" tries /health, then /v1/models
	Chat   bool          // the token is asked from /v1/chat/completions first
	Limit  time.Duration // until the engine must have given a token; 0 is DefaultLimit
	Grace  time.Duration // from the gentle request to end until force; 0 is DefaultGrace
	APIKey string        // sent as a bearer token

	// Progress is called from Start's own goroutine while the engine loads: on
	// a changed line or stage, and at least about once a second. It may be nil.
	Progress func(Progress)
	// Cards names the accelerators of the machine, one a line, as nvidia-smi -L
	// does. It may be nil, and its error only leaves the cards to the log.
	Cards func(ctx context.Context) ([]string, error)
	// HTTP asks the engine; nil takes one of its own that goes through no proxy.
	HTTP *http.Client
}

// Progress is how far a start has come.
type Progress struct {
	Name    string
	Seconds float64 // since the start
	Stage   Stage
	Percent float64 // of the stage; -1 where it is not known
	Line    string  // the log's last line, without a time stamp or colours
}

// Validate returns every problem of the spec at once, or nil.
func (s Spec) Validate() error {
	var all []error
	bad := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if _, err := s.argv(1); err != nil {
		all = append(all, err)
	}
	if s.Port < 0 || s.Port > 65535 {
		bad("port %d: take 0 for a free one, or one of 1 to 65535", s.Port)
	}
	if s.Limit < 0 || s.Grace < 0 {
		bad("limit %v, grace %v: times are not negative", s.Limit, s.Grace)
	}
	if s.Health != "" && !strings.HasPrefix(s.Health, "/") {
		bad("health %q: write a path that begins with /", s.Health)
	}
	if len(s.Guard) == 0 {
		bad("no guard: give the command of a program that calls server.Guard")
	}
	for _, v := range slices.Concat(s.Environ, s.Env) {
		if strings.ContainsRune(v, 0) {
			bad("environment %q: a variable has no zero byte", v)
		}
	}
	for _, v := range s.Env {
		if i := strings.IndexByte(v, '='); i <= 0 {
			bad("environment %q: write NAME=value", v)
		}
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("engine %s: %w", s.label(), err)
	}
	return nil
}

func (s Spec) label() string {
	switch {
	case s.Name != "":
		return s.Name
	case s.Model != "":
		return s.Model
	}
	return "without a name"
}

func (s Spec) host() string {
	if s.Host == "" {
		return "127.0.0.1"
	}
	return s.Host
}

// asked is the host that a client reaches an engine on, which listens on host.
func asked(host string) string {
	switch host {
	case "0.0.0.0", "":
		return "127.0.0.1"
	case "::":
		return "::1"
	}
	return host
}

// freePort finds a port that nothing holds, or checks the one that is asked for.
func freePort(ctx context.Context, host string, port int) (int, error) {
	if port != 0 && answers(ctx, asked(host), port) {
		return 0, errTaken
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		if port != 0 {
			return 0, errTaken
		}
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

var errTaken = errors.New("the port is taken")

// answers reports whether something takes connections there.
func answers(ctx context.Context, host string, port int) bool {
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	c.Close()
	return true
}
