package alarm

import (
	"runtime"
	"testing"
	"time"
)

func TestWait(t *testing.T) {
	tests := []struct {
		why  string
		in   time.Duration
		wake time.Duration // 0: never
		want bool
	}{
		{why: "the past returns at once", in: -time.Second, want: true},
		{why: "never before the moment", in: 3 * time.Millisecond, want: true},
		{why: "a wake ends a long wait", in: time.Hour, wake: 5 * time.Millisecond, want: false},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			a, err := New()
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			done := make(chan struct{})
			if tt.wake > 0 {
				go func() { defer close(done); time.Sleep(tt.wake); a.Wake() }()
			} else {
				close(done)
			}
			until := time.Now().Add(tt.in)
			got := a.Wait(until)
			<-done
			if got != tt.want {
				t.Fatalf("got %v, want %v", got, tt.want)
			}
			if got && time.Now().Before(until) {
				t.Fatalf("returned %v early", time.Until(until))
			}
		})
	}
}

func TestWakeBeforeWait(t *testing.T) {
	a, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.Wake()
	if a.Wait(time.Now().Add(time.Hour)) {
		t.Fatal("a wake that came first was lost")
	}
}

// BenchmarkLateness reports how late a wait of 1.3 ms returns.
func BenchmarkLateness(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	a, err := New()
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	a.Sharpen()
	var late time.Duration
	for b.Loop() {
		until := time.Now().Add(1300 * time.Microsecond)
		a.Wait(until)
		late += time.Since(until)
	}
	b.ReportMetric(float64(late.Microseconds())/float64(b.N), "late-µs/op")
}
