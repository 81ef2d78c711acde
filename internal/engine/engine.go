package engine

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tokmeter/internal/origin"
)

// An Engine is one that was started. Its methods may be called from any
// goroutine.
type Engine struct {
	spec   Spec
	port   int
	marker string
	began  time.Time
	book   *logbook
	file   *os.File
	client *http.Client
	guard  *exec.Cmd
	in     io.WriteCloser // to the guard

	started chan word     // the guard's first word
	ended   chan struct{} // closed when the engine's first process is gone, or the guard
	over    chan struct{} // closed when the guard is gone and the log is whole

	mu       sync.Mutex
	first    int // the engine's first process
	exit     *Exit
	left     []Process // that the guard could not end
	done     bool      // the guard said its last word
	ready    bool
	stopping bool
	died     *Failure
	facts    Facts
	config   Facts // from the model's files, where nothing else tells
	environ  []string

	stop  sync.Once
	after Left
	err   error
}

// Start starts an engine and returns when it has given a token. On an error,
// which is a *Failure where the spec itself is right, nothing of it is left: it
// has been stopped. The caller calls Stop in every case of success, also after
// the engine has ended by itself.
func Start(ctx context.Context, s Spec) (*Engine, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if s.Limit == 0 {
		s.Limit = DefaultLimit
	}
	if s.Grace == 0 {
		s.Grace = DefaultGrace
	}
	e := &Engine{
		spec: s, marker: rand.Text(), began: time.Now(), client: s.HTTP, book: newLogbook(nil, nil),
		started: make(chan word, 1), ended: make(chan struct{}), over: make(chan struct{}),
	}
	if e.client == nil {
		// Of its own, and without a proxy: the engine is here.
		e.client = origin.Keep(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}})
	}
	if err := e.launch(ctx); err != nil {
		return nil, err
	}
	err := e.await(ctx)
	if err == nil {
		return e, nil
	}
	if _, stopErr := e.Stop(context.WithoutCancel(ctx)); stopErr != nil {
		return nil, fmt.Errorf("%w; and %w", err, stopErr)
	}
	return nil, err
}

// launch runs the guard and waits until the engine's process exists.
func (e *Engine) launch(ctx context.Context) error {
	s := e.spec
	not := func(c Cause, err error) error {
		return &Failure{Name: s.label(), Ending: NotStarted, Reason: err, Cause: c, Seconds: time.Since(e.began).Seconds()}
	}
	port, err := freePort(ctx, s.host(), s.Port)
	if err != nil {
		if err == errTaken {
			return not(Cause{PortTaken, "", hintPort}, fmt.Errorf("port %d of %s is taken", s.Port, s.host()))
		}
		return not(Cause{}, fmt.Errorf("no free port on %s: %w", s.host(), err))
	}
	e.port = port
	c, err := s.argv(port)
	if err != nil {
		return err
	}
	// Of a name that comes twice many programs take the first: only the last is passed on.
	env := (&exec.Cmd{Env: slices.Concat(s.Environ, c.env, s.Env, []string{Marker + "=" + e.marker})}).Environ()
	e.environ = env
	path, err := lookPath(c.argv[0], env, s.Dir)
	if err != nil {
		return not(Cause{NoProgram, "", hintProgram}, err)
	}
	if s.Dir != "" {
		if st, err := os.Stat(s.Dir); err != nil || !st.IsDir() {
			return not(Cause{}, fmt.Errorf("working directory %s: no such folder", s.Dir))
		}
	}
	shown, secrets := hideArgs(c.argv)
	shownEnv, more := hideEnv(env)
	secrets = append(secrets, more...)
	secrets = slices.DeleteFunc(append(secrets, s.APIKey), func(v string) bool { return len(v) < 6 })
	e.facts = Facts{Args: shown, Env: shownEnv, Dir: s.Dir}
	var file io.Writer
	if s.Log != "" {
		if e.file, err = os.Create(s.Log); err != nil {
			return not(Cause{}, fmt.Errorf("log: %w", err))
		}
		file = e.file
	}
	e.book = newLogbook(file, secrets)
	o := order{
		Argv: append([]string{path}, c.argv[1:]...), Env: env, Dir: s.Dir,
		Marker: e.marker, Grace: s.Grace, Parent: os.Getpid(),
	}
	cmd, in, out, err := spawn(s, o, e.book)
	if err != nil {
		e.closeLog()
		return not(Cause{}, fmt.Errorf("guard %s: %w", s.Guard[0], err))
	}
	e.guard, e.in = cmd, in
	go e.hear(out)
	select {
	case w := <-e.started:
		if w.Failed == "" {
			return nil
		}
		<-e.over
		return not(Cause{}, fmt.Errorf("%s: %s", path, w.Failed))
	case <-e.over:
		return not(Cause{}, fmt.Errorf("guard %s: it ended at once: it must call server.Guard", s.Guard[0]))
	case <-time.After(30 * time.Second):
		err := fmt.Errorf("guard %s: no word from it: it must call server.Guard", s.Guard[0])
		if _, stopErr := e.Stop(ctx); stopErr != nil {
			err = fmt.Errorf("%w; and %w", err, stopErr)
		}
		return not(Cause{}, err)
	}
}

func (e *Engine) closeLog() {
	e.book.close()
	if e.file != nil {
		e.file.Close()
	}
}

// hear takes the guard's words until it is gone.
func (e *Engine) hear(out io.Reader) {
	defer close(e.over)
	end := sync.OnceFunc(func() { close(e.ended) })
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var w word
		if json.Unmarshal(line, &w) != nil {
			continue
		}
		e.mu.Lock()
		switch {
		case w.Exit != nil:
			e.exit = w.Exit
		case w.Done:
			e.done, e.left = true, w.Left
		default:
			e.first = w.Pid
			select {
			case e.started <- w:
			default:
			}
		}
		e.mu.Unlock()
		if w.Exit != nil {
			// The last lines may still be on their way when the exit is known.
			e.settle()
			e.fell()
			end()
		}
	}
	_ = e.guard.Wait()
	e.closeLog()
	e.fell()
	end()
}

// fell notes that a ready engine ended by itself.
func (e *Engine) fell() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.ready || e.stopping || e.died != nil {
		return
	}
	if e.exit != nil {
		e.died = e.failure(Died, *e.exit, nil)
	} else {
		e.died = e.failure(Lost, Exit{}, nil)
	}
}

// settle waits until no more lines come, at most half a second.
func (e *Engine) settle() {
	seen := -1
	for range 10 {
		e.book.mu.Lock()
		n := e.book.seen
		e.book.mu.Unlock()
		if n == seen {
			return
		}
		seen = n
		time.Sleep(50 * time.Millisecond)
	}
}

// URL is the engine's address, without a path.
func (e *Engine) URL() string {
	return "http://" + net.JoinHostPort(asked(e.spec.host()), strconv.Itoa(e.port))
}

// Port is the port that the engine was given.
func (e *Engine) Port() int { return e.port }

// PID is the engine's first process on the machine; 0 before it exists.
func (e *Engine) PID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.first
}

// Done is closed when the engine's first process has ended, by itself or by
// Stop.
func (e *Engine) Done() <-chan struct{} { return e.ended }

// Err says why the engine ended by itself after it was ready, a *Failure; nil
// while it runs and after an end that Stop brought.
func (e *Engine) Err() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.died == nil {
		return nil
	}
	return e.died
}

// newsOfEnd is how long the news of an end may take after the last answer.
const newsOfEnd = 2 * time.Second

// Ended is Err for who saw a request fail: it waits a moment for the news of an
// end, which comes after the connections that are refused.
func (e *Engine) Ended(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, newsOfEnd)
	defer cancel()
	select {
	case <-e.Done():
	case <-ctx.Done():
	}
	return e.Err()
}

// Tail is the last n lines of the log, at most 2,000, oldest first, without
// colours; of a progress bar the last state.
func (e *Engine) Tail(n int) []string { return e.book.tail(n) }

// Facts is what is known of the engine so far.
func (e *Engine) Facts() Facts {
	log, _ := e.book.read()
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.facts.merge(log).merge(e.config)
}

// Left is what remains of an engine after Stop; its zero value says: nothing.
type Left struct {
	Processes []Process `json:"processes,omitempty"`
	Port      int       `json:"port,omitempty"` // that is still held
}

// Nothing reports whether nothing is left.
func (l Left) Nothing() bool { return len(l.Processes) == 0 && l.Port == 0 }

// String is what is left, in words.
func (l Left) String() string {
	var parts []string
	for _, p := range l.Processes {
		parts = append(parts, "process "+p.String())
	}
	if l.Port != 0 {
		parts = append(parts, fmt.Sprintf("port %d is held", l.Port))
	}
	if len(parts) == 0 {
		return "nothing is left"
	}
	return strings.Join(parts, ", ")
}

// Stop ends the engine with everything that it started: it asks, waits for the
// grace, and uses force. It returns when nothing is left, having looked for its
// processes and at its port, or what is left with an error. The end of ctx
// leaves the grace out and nothing else, so that Stop may be called with a
// context that has ended. Further calls wait for the first and return the same.
func (e *Engine) Stop(ctx context.Context) (Left, error) {
	e.stop.Do(func() { e.after, e.err = e.takeDown(ctx) })
	return e.after, e.err
}

func (e *Engine) takeDown(ctx context.Context) (Left, error) {
	e.mu.Lock()
	e.stopping = true
	e.mu.Unlock()
	e.client.CloseIdleConnections()
	_, _ = io.WriteString(e.in, "stop\n")
	limit := time.NewTimer(e.spec.Grace + killLimit + 5*time.Second)
	defer limit.Stop()
	select {
	case <-e.over:
	case <-ctx.Done():
		_, _ = io.WriteString(e.in, "kill\n")
		limit.Reset(killLimit + 5*time.Second)
		select {
		case <-e.over:
		case <-limit.C:
		}
	case <-limit.C:
	}
	_ = e.in.Close()
	_ = e.guard.Process.Kill()
	select {
	case <-e.over:
	case <-time.After(5 * time.Second):
	}
	e.mu.Lock()
	told := e.left
	e.mu.Unlock()
	var left Left
	end := time.Now().Add(killLimit)
	left.Processes = sweep(e.marker, e.guard.Process.Pid, func() bool { return time.Now().After(end) })
	for _, p := range told {
		if !slices.ContainsFunc(left.Processes, func(q Process) bool { return q.PID == p.PID }) {
			left.Processes = append(left.Processes, p)
		}
	}
	for i := range left.Processes {
		left.Processes[i].Command = e.book.hide.Replace(left.Processes[i].Command)
	}
	if e.portHeld() {
		left.Port = e.port
	}
	if left.Nothing() {
		return left, nil
	}
	return left, fmt.Errorf("engine %s: not all of it could be stopped: %v: end that by hand", e.spec.label(), left)
}

// portHeld reports whether something still takes connections on the port. A
// socket that was closed is free at once, so a short wait is enough.
func (e *Engine) portHeld() bool {
	for range 20 {
		if !answers(context.Background(), asked(e.spec.host()), e.port) {
			return false
		}
		pause()
	}
	return true
}

func pause() { time.Sleep(5 * pollEvery) }
