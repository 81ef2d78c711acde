package experiment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"tokmeter/internal/compare"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world stands in for processes, requests and files. What it gives follows
// from the job alone, as records do.
type world struct {
	mu       sync.Mutex
	log      []string // what was asked of it, in order
	up       map[string]int
	most     int // engines up at once
	starts   int
	resets   int
	badStart map[string]bool
	badStop  map[string]bool
	dead     map[int]bool // engines by their start, once it has run something
	dies     func(Job) bool
	silent   func(Job) bool
	badRun   func(Job) bool
	badReset bool
	badAsk   map[string]bool
	holds    func(Job) bool // of a search; nil: rates up to 10
	warm     func(Job) float64
	version  func(start int) string
	at       func(what string) // told before each step, to stop the experiment there
}

func newWorld() *world { return &world{up: map[string]int{}} }

func (w *world) did(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	w.mu.Lock()
	w.log = append(w.log, what)
	w.mu.Unlock()
	if w.at != nil {
		w.at(what)
	}
}

// said is the log without what begins with one of the words.
func (w *world) said(without ...string) string {
	var out []string
next:
	for _, s := range w.log {
		for _, x := range without {
			if strings.HasPrefix(s, x) {
				continue next
			}
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

type engine struct {
	w     *world
	name  string
	start int
}

func (e *engine) URL() string { return "http://" + e.name }
func (e *engine) Facts() Facts {
	f := Facts{Version: "1", Card: "c"}
	if e.w.version != nil {
		f.Version = e.w.version(e.start)
	}
	return f
}

func (e *engine) Err() error {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if e.w.dead[e.start] {
		return errors.New("out of memory")
	}
	return nil
}

func (e *engine) Ended(context.Context) error { return e.Err() }

func (e *engine) Stop(ctx context.Context) error {
	e.w.did("stop %s", e.name)
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	e.w.up[e.name]--
	if e.w.badStop[e.name] {
		return errors.New("a child is left")
	}
	return context.Cause(ctx)
}

func (w *world) Start(ctx context.Context, v Variant) (Server, error) {
	w.did("start %s", v.Name)
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if w.badStart[v.Name] {
		return nil, errors.New("out of memory\nlast lines of the log")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.starts++
	w.up[v.Name]++
	n := 0
	for _, k := range w.up {
		n += k
	}
	w.most = max(w.most, n)
	return &engine{w, v.Name, w.starts}, nil
}

func loadName(l compare.Load) string {
	if l.Concurrency > 0 {
		return fmt.Sprintf("c%d", l.Concurrency)
	}
	return fmt.Sprintf("r%g", l.Rate)
}

func (w *world) Run(ctx context.Context, j Job) (Outcome, error) {
	w.did("%s %s %d %s%s", j.Kind, j.Variant.Name, j.Round, loadName(j.Load), map[bool]string{true: " " + j.Salt}[j.Salt != ""])
	w.mu.Lock()
	up := w.up[j.Variant.Name]
	w.mu.Unlock()
	if up != 1 {
		return Outcome{}, fmt.Errorf("%d engines of %s are up, want 1", up, j.Variant.Name)
	}
	if err := context.Cause(ctx); err != nil {
		return Outcome{}, err
	}
	if w.dies != nil && w.dies(j) {
		w.mu.Lock()
		w.dead = map[int]bool{w.starts: true}
		w.mu.Unlock()
	}
	if w.badRun != nil && w.badRun(j) {
		return Outcome{}, errors.New("connection refused")
	}
	o := w.outcome(j)
	for i := range o.Run.Requests {
		o.Run.Requests[i].OK = w.silent == nil || !w.silent(j)
	}
	return o, nil
}

func (w *world) Load(_ context.Context, j Job, dir string) (Outcome, error) {
	o := w.outcome(j)
	if o.Dir != dir {
		return o, fmt.Errorf("%s: no such run, want %s", dir, o.Dir)
	}
	return o, nil
}

func (w *world) outcome(j Job) Outcome {
	ttft := 10.0
	switch {
	case j.Kind == Warm && w.warm != nil:
		ttft = w.warm(j)
	case j.Kind == Try && w.holds != nil && !w.holds(j), j.Kind == Try && w.holds == nil && j.Load.Rate > 10:
		ttft = 1e6
	}
	run := compare.Run{Variant: j.Variant.Name, Round: j.Round, Load: j.Load, Seconds: 1}
	for i := range 2 {
		run.Requests = append(run.Requests, compare.Request{Index: i, OK: true, Output: 1, TTFT: ttft, TPOT: math.NaN(), E2EL: ttft})
	}
	return Outcome{Run: run, Dir: fmt.Sprintf("%s-%s-%d-%s-%d-%s", j.Kind, j.Variant.Name, j.Round, loadName(j.Load), j.Number, j.Salt), Prompts: "h"}
}

func (w *world) Reset(_ context.Context, v Variant, url string) error {
	w.did("reset %s", v.Name)
	w.resets++
	if w.badReset {
		return errors.New("404")
	}
	return nil
}

func (w *world) Ask(_ context.Context, v Variant, url string, n int) (string, error) {
	w.did("ask %s", v.Name)
	if w.badAsk[v.Name] {
		return "", errors.New("no answers")
	}
	return fmt.Sprintf("%s-%d", v.Name, n), nil
}

// A memory is a Store that keeps what JSON keeps. After so many saves the
// process counts as killed: nothing is kept any more.
type memory struct {
	mu    sync.Mutex
	text  []byte
	saves int
	kill  int // 0: never
}

var errKilled = errors.New("killed")

func (m *memory) Load() (*State, error) {
	if m.text == nil {
		return nil, nil
	}
	return readState(m.text)
}

func (m *memory) Save(s *State) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saves++
	if m.kill > 0 && m.saves > m.kill {
		return errKilled
	}
	text, err := json.Marshal(s)
	m.text = text
	return err
}

func (w *world) deps(s Store) Deps {
	return Deps{Starter: w, Runner: w, Resetter: w, Asker: w, Store: s, Nonce: "n"}
}

// named makes variants that need no warm-up, at one request a second.
func named(names ...string) Spec {
	s := Spec{Warm: WarmRule{Most: -1}, Loads: []compare.Load{{Rate: 1}}}
	for _, n := range names {
		s.Variants = append(s.Variants, Variant{Name: n})
	}
	return s
}

func mustRun(t testing.TB, s Spec, d Deps) *Result {
	t.Helper()
	r, err := Run(context.Background(), s, d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
