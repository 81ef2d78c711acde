package engine

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tokmeter/internal/model/sched"
	"tokmeter/internal/model/setup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A sink counts what it is given.
type sink struct {
	mu      sync.Mutex
	tokens  int
	dues    []time.Time
	last    sched.Finish
	dropped error
	until   int // tokens after which it wants no more; 0: all
	done    chan struct{}
}

func newSink() *sink { return &sink{done: make(chan struct{})} }

func (s *sink) Sample(r *Request) (int, bool) { return len(r.Seq.Output), false }

func (s *sink) Emit(r *Request, n int, due time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens += n
	s.dues = append(s.dues, due)
	s.last = r.Seq.Finish
	more := s.until == 0 || s.tokens < s.until
	if !more || s.last != sched.Unfinished {
		close(s.done)
	}
	return more
}

func (s *sink) Drop(_ *Request, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = why
	close(s.done)
}

// An observer counts what it is told.
type observer struct {
	mu     sync.Mutex
	steps  int
	tokens int
	drafts int
	right  int
	ended  map[sched.Finish]int
	ttft   []float64
	queue  []float64
}

func (o *observer) Step(s *StepStats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.steps++
	o.drafts += s.DraftTokens
	o.right += s.Accepted
}

func (o *observer) Token(_ *Request, n int, _ float64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tokens += n
}

func (o *observer) Finished(r *Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended == nil {
		o.ended = map[sched.Finish]int{}
	}
	o.ended[r.Ended]++
	o.ttft = append(o.ttft, r.Times.TTFT())
	o.queue = append(o.queue, r.Times.Queue())
}

// start starts an engine whose steps last some 0.3 ms.
func start(t *testing.T, change func(*setup.Setup), o ...Observer) Engine {
	t.Helper()
	host := 0.1
	s := setup.Setup{Model: "qwen2.5-0.5b", GPU: "h200", HostMs: &host}
	if change != nil {
		change(&s)
	}
	b, err := s.Build()
	if err != nil {
		t.Fatal(err)
	}
	e, err := Start(Config{Sched: b.Sched, Machine: b.Machine, Acceptance: b.Setup.Acceptance, Seed: 1}, o...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func request(s *sink, prompt, output int) *Request {
	ids := make([]int, prompt)
	for i := range ids {
		ids[i] = i + 1
	}
	now := time.Now()
	return &Request{Sink: s, Arrived: now, Ready: now, N: 1, Max: output, Seq: sched.Request{ID: fmt.Sprintf("%p", s), Prompt: ids, MaxOutput: output}}
}

func submit(t *testing.T, e Engine, r *Request) {
	t.Helper()
	if err := e.Submit(r); err != nil {
		t.Fatal(err)
	}
}

// settled waits until nothing is on and every block is free.
func settled(t *testing.T, e Engine) Snapshot {
	t.Helper()
	var x Snapshot
	for range 1000 {
		if x = e.Snapshot(); x.Running+x.Waiting == 0 && x.Free == x.Blocks {
			return x
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("the engine is not empty: %+v", x)
	return x
}

func TestEveryTokenOnce(t *testing.T) {
	for _, async := range []bool{false, true} {
		o := &observer{}
		e := start(t, func(s *setup.Setup) { s.Async = &async }, o)
		var sinks []*sink
		want := 0
		for i := range 30 {
			s := newSink()
			sinks = append(sinks, s)
			submit(t, e, request(s, 5+i, 1+i))
			want += 1 + i
		}
		for i, s := range sinks {
			<-s.done
			if s.tokens != 1+i || s.last != sched.Length {
				t.Fatalf("async %v: request %d got %d tokens, %v", async, i, s.tokens, s.last)
			}
			for k := 1; k < len(s.dues); k++ {
				if !s.dues[k].After(s.dues[k-1]) {
					t.Fatalf("async %v: tokens %d and %d are due at one time", async, k-1, k)
				}
			}
		}
		if x := settled(t, e); x.Output != int64(want) || x.Finished != 30 {
			t.Fatalf("async %v: got %+v, want %d tokens", async, x, want)
		}
		o.mu.Lock()
		if o.tokens != want || o.ended[sched.Length] != 30 || o.steps == 0 {
			t.Fatalf("async %v: the observer saw %d tokens, %v", async, o.tokens, o.ended)
		}
		for i, x := range o.ttft {
			if x <= 0 || o.queue[i] < 0 {
				t.Fatalf("async %v: TTFT %v s, queue %v s", async, x, o.queue[i])
			}
		}
		o.mu.Unlock()
	}
}

func TestSinkThatWantsNoMore(t *testing.T) {
	o := &observer{}
	e := start(t, nil, o)
	s := newSink()
	s.until = 3
	submit(t, e, request(s, 10, 1000))
	<-s.done
	x := settled(t, e)
	if s.tokens != 3 || x.Finished != 1 || x.Aborted != 0 {
		t.Fatalf("got %d tokens, %+v", s.tokens, x)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended[sched.Stopped] != 1 {
		t.Fatalf("it ended as %v, want stopped", o.ended)
	}
}

func TestAbort(t *testing.T) {
	o := &observer{}
	e := start(t, nil, o)
	s := newSink()
	r := request(s, 100, 20000)
	submit(t, e, r)
	late := newSink() // not to be seen for an hour
	q := request(late, 10, 10)
	q.Ready = q.Ready.Add(time.Hour)
	submit(t, e, q)
	for e.Snapshot().Output < 5 {
		time.Sleep(time.Millisecond)
	}
	e.Abort(r)
	e.Abort(q)
	e.Abort(r)
	x := settled(t, e)
	s.mu.Lock()
	n := s.tokens
	s.mu.Unlock()
	time.Sleep(10 * time.Millisecond)
	if s.tokens != n || x.Aborted != 2 || x.Finished != 0 || late.tokens != 0 {
		t.Fatalf("got %d, later %d tokens, %+v", n, s.tokens, x)
	}
}

func TestPauseAndSleep(t *testing.T) {
	e := start(t, nil)
	long := newSink()
	submit(t, e, request(long, 10, 20000))
	for e.Snapshot().Output < 5 {
		time.Sleep(time.Millisecond)
	}
	if err := e.Pause(PauseKeep); err != nil {
		t.Fatal(err)
	}
	before := e.Snapshot()
	waits := newSink()
	submit(t, e, request(waits, 10, 3))
	time.Sleep(20 * time.Millisecond)
	if x := e.Snapshot(); x.Output != before.Output || !x.Paused || x.Running != 1 || x.Waiting != 1 {
		t.Fatalf("paused: got %+v, before %+v", x, before)
	}
	if err := e.Resume(); err != nil {
		t.Fatal(err)
	}
	<-waits.done
	if waits.tokens != 3 {
		t.Fatalf("got %d tokens after the pause", waits.tokens)
	}
	if err := e.Sleep(1, PauseAbort); err != nil {
		t.Fatal(err)
	}
	<-long.done
	if x := e.Snapshot(); long.dropped == nil || x.Sleep != 1 || x.Running != 0 || x.Free != x.Blocks {
		t.Fatalf("asleep: dropped %v, %+v", long.dropped, x)
	}
	if err := e.Wake(); err != nil {
		t.Fatal(err)
	}
	after := newSink()
	submit(t, e, request(after, 10, 40))
	if err := e.Pause(PauseWait); err != nil {
		t.Fatal(err)
	}
	if x := e.Snapshot(); x.Running != 0 || !x.Paused {
		t.Fatalf("after a pause that waits: %+v", x)
	}
	if err := e.Resume(); err != nil {
		t.Fatal(err)
	}
	<-after.done
}

func TestResetPrefixCache(t *testing.T) {
	e := start(t, nil)
	s := newSink()
	r := request(s, 100, 3000)
	submit(t, e, r)
	for e.Snapshot().Output < 5 {
		time.Sleep(time.Millisecond)
	}
	if ok, err := e.ResetPrefixCache(false); ok || err != nil {
		t.Fatalf("with blocks in use: got %v, %v", ok, err)
	}
	if ok, err := e.ResetPrefixCache(true); !ok || err != nil {
		t.Fatalf("with running requests preempted: got %v, %v", ok, err)
	}
	<-s.done
	if x := settled(t, e); s.tokens != 3000 || x.Preemptions != 1 {
		t.Fatalf("got %d tokens, %+v", s.tokens, x)
	}
}

func TestSpeculation(t *testing.T) {
	o := &observer{}
	e := start(t, func(s *setup.Setup) { s.Acceptance = []float64{0.8, 0.5} }, o)
	s := newSink()
	submit(t, e, request(s, 10, 300))
	<-s.done
	settled(t, e)
	o.mu.Lock()
	defer o.mu.Unlock()
	// a step gives 1 + 0.8 + 0.4 tokens
	if steps := len(s.dues); s.tokens != 300 || steps > 200 || steps < 100 || o.right == 0 || o.right >= o.drafts {
		t.Fatalf("got %d tokens in %d steps, %d of %d drafts right", s.tokens, steps, o.right, o.drafts)
	}
}

func TestRefusals(t *testing.T) {
	e := start(t, func(s *setup.Setup) { s.Blocks, s.MaxModelLen = 40, 512 })
	if err := e.Submit(request(newSink(), 600, 10)); !errors.Is(err, sched.ErrTooLong) {
		t.Fatalf("beyond the context: got %v", err)
	}
	if err := e.Submit(request(newSink(), 10, 0)); err == nil {
		t.Fatal("a request for no token was taken")
	}
	e.Close()
	if err := e.Submit(request(newSink(), 10, 10)); !errors.Is(err, errClosed) {
		t.Fatalf("closed: got %v", err)
	}
	if err := e.Resume(); !errors.Is(err, errClosed) {
		t.Fatalf("closed: got %v", err)
	}
}

func TestCloseDropsWhatIsOn(t *testing.T) {
	fixed, err := StartFixed(FixedConfig{TTFT: time.Hour, ITL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]Engine{"scheduled": start(t, nil), "fixed": fixed} {
		s := newSink()
		submit(t, e, request(s, 10, 20000))
		e.Close()
		<-s.done
		if !errors.Is(s.dropped, errClosed) {
			t.Errorf("%s: dropped with %v", name, s.dropped)
		}
	}
}

// TestFixedTimes: equal requests get equal gaps, whatever came between, and
// another seed gives others.
func TestFixedTimes(t *testing.T) {
	gaps := func(seed uint64) string {
		f, err := StartFixed(FixedConfig{TTFT: 3 * time.Millisecond, ITL: 2 * time.Millisecond, Jitter: 0.3, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		other := newSink()
		submit(t, f, request(other, 7, 5))
		s := newSink()
		r := request(s, 5, 4)
		submit(t, f, r)
		<-s.done
		<-other.done
		out := ""
		for _, d := range s.dues {
			out += d.Sub(r.Arrived).String() + " "
		}
		return out
	}
	a, b, c := gaps(5), gaps(5), gaps(6)
	if a != b || a == c {
		t.Fatalf("seed 5: %s and %s, seed 6: %s", a, b, c)
	}
}

func TestFixedAbort(t *testing.T) {
	o := &observer{}
	f, err := StartFixed(FixedConfig{TTFT: time.Hour, ITL: time.Hour}, o)
	if err != nil {
		t.Fatal(err)
	}
	s := newSink()
	r := request(s, 5, 4)
	submit(t, f, r)
	f.Abort(r)
	for f.Snapshot().Aborted == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := f.Pause(PauseKeep); !errors.Is(err, ErrFixed) {
		t.Fatalf("a pause of set times: got %v", err)
	}
	f.Close()
	if s.tokens != 0 || o.ended[sched.Aborted] != 1 {
		t.Fatalf("got %d tokens, %v", s.tokens, o.ended)
	}
}

func TestTally(t *testing.T) {
	var c tally
	for i := 1; i <= 1000; i++ {
		c.add(time.Duration(i) * time.Microsecond)
	}
	q := c.quantiles()
	if q.P50 < 500e-6 || q.P50 > 500e-6*1.13 || q.P99 < 990e-6 || q.P99 > 1000e-6 || q.Max != 1000e-6 {
		t.Fatalf("got %+v", q)
	}
	for v := uint64(0); v < 1<<20; v = v*9/8 + 1 {
		if s := slot(v); upper(s) < v || s > 0 && upper(s-1) >= v {
			t.Fatalf("%d went to slot %d, which ends at %d, the one before at %d", v, s, upper(s), upper(s-1))
		}
	}
}
