package load

import (
	"context"
	"slices"
	"testing"
	"time"

	"tokmeter/internal/record"
	"tokmeter/internal/wire"
)

// The thread that sleeps until the next due time hears a Ctrl-C.
func TestOnThreadStopsAtOnce(t *testing.T) {
	clock := wire.NewClock()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	began := time.Now()
	var reached bool
	err := onThread(ctx, clock, func(w waiter) {
		reached = w.until(ctx, clock.Now()+record.Stamp(time.Hour))
	})
	if err != nil || reached {
		t.Fatalf("got %v, %v", reached, err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Fatalf("returned after %v", took)
	}
}

func TestOnThreadIsNeverEarly(t *testing.T) {
	clock := wire.NewClock()
	err := onThread(t.Context(), clock, func(w waiter) {
		for i := range 20 {
			until := clock.Now() + record.Stamp(time.Duration(i)*100*time.Microsecond)
			if !w.until(t.Context(), until) {
				t.Error("stopped by nobody")
			}
			if now := clock.Now(); now < until {
				t.Errorf("returned %v early", until.Sub(now))
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The real dispatcher keeps the order of the three moments.
func TestRunOnThread(t *testing.T) {
	j, client, sink := newJob(every(2*time.Millisecond, 50)...)
	j.wait = nil
	client.takes = func(string) time.Duration { return 3 * time.Millisecond }
	end, err := Run(t.Context(), j)
	if err != nil || end.Sent != 50 || end.Reason != record.AllSent {
		t.Fatalf("got %+v, %v", end, err)
	}
	for _, r := range sink.Records() {
		if r.Released < r.Due || r.Sent < r.Released || r.Outcome != record.OK {
			t.Fatalf("request %d: due %d, released %d, sent %d, %s", r.Index, r.Due, r.Released, r.Sent, r.Outcome)
		}
	}
}

// BenchmarkLateness sends 1,000 requests a second and reports how late the
// dispatcher let them go and how late their goroutines began to send.
func BenchmarkLateness(b *testing.B) {
	j, client, sink := newJob(every(time.Millisecond, b.N)...)
	j.wait = nil
	client.takes = func(string) time.Duration { return time.Millisecond }
	if _, err := Run(b.Context(), j); err != nil {
		b.Fatal(err)
	}
	var released, sent []float64
	for _, r := range sink.Records() {
		released = append(released, float64(r.Released.Sub(r.Due).Nanoseconds())/1e3)
		sent = append(sent, float64(r.Sent.Sub(r.Due).Nanoseconds())/1e3)
	}
	report := func(v []float64, unit string) {
		slices.Sort(v)
		b.ReportMetric(v[len(v)/2], "p50-"+unit)
		b.ReportMetric(v[len(v)*99/100], "p99-"+unit)
	}
	report(released, "released-µs")
	report(sent, "sent-µs")
}

// BenchmarkEvent is the work of load for one event, the tally's included.
func BenchmarkEvent(b *testing.B) {
	j, _, _ := newJob(0)
	req, _ := j.Source.Next()
	s := newStream(&j, req)
	s.tally.begin(s.rec, j.Dialect)
	e := wire.Event{At: 1, Data: []byte(`{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":" word","logprobs":null,"finish_reason":null}],"usage":null}`)}
	b.ReportAllocs()
	for b.Loop() {
		s.event(e)
	}
}

func TestEventAllocatesNothing(t *testing.T) {
	j, _, _ := newJob(0)
	req, _ := j.Source.Next()
	req.WantOutput = 1000
	s := newStream(&j, req)
	s.tally.begin(s.rec, j.Dialect)
	e := wire.Event{At: 1, Data: []byte(`{"choices":[{"index":0,"text":" word","logprobs":null,"finish_reason":null}],"usage":null}`)}
	if got := testing.AllocsPerRun(500, func() { s.event(e) }); got != 0 {
		t.Fatalf("one event allocates %v times", got)
	}
	if j.Progress.Tokens.Load() != 501 {
		t.Fatalf("got %d tokens in the progress, want 501", j.Progress.Tokens.Load())
	}
}
