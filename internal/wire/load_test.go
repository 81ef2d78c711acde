package wire

import (
	"bufio"
	"context"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestNoAllocation: an answer of many events costs no more allocations than
// one of few, through a real socket.
func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const many = 2000
	event := "data: {\"choices\":[{\"index\":0,\"text\":\" word\"}]}\n\n"
	var n atomic.Int64
	s := newRawServer(t, nil, func(c net.Conn, _ int) {
		chunk := []byte("30\r\n" + event + "\r\n")
		r := bufio.NewReader(c)
		buf := make([]byte, 1024)
		for {
			// Reads and writes of the server must not allocate either.
			got, err := r.Read(buf)
			if err != nil {
				return
			}
			if !strings.HasSuffix(string(buf[:got]), "{}") {
				continue
			}
			io.WriteString(c, streamHead+"Transfer-Encoding: chunked\r\n\r\n")
			for range n.Load() {
				c.Write(chunk)
			}
			io.WriteString(c, "0\r\n\r\n")
		}
	})
	if len(event) != 0x30 {
		t.Fatalf("the event has %d bytes", len(event))
	}
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		c := open(Config{URL: s.url("/")})
		if _, ok := c.(*std); ok {
			t.Skip("net/http allocates")
		}
		var got int
		count := func(Event) bool { got++; return true }
		body := []byte("{}")
		call := func() {
			if _, err := c.Do(context.Background(), Call{Body: body}, count); err != nil {
				t.Fatal(err)
			}
		}
		n.Store(1)
		few := testing.AllocsPerRun(20, call)
		n.Store(many)
		got = 0
		lots := testing.AllocsPerRun(20, call)
		if got != 21*many {
			t.Fatalf("%d events, want %d", got, 21*many)
		}
		// The read buffer may grow a few times; a hundredth of an allocation an
		// event would show.
		if lots-few > many/100 {
			t.Errorf("%v allocations for %d events, %v for 1", lots, many, few)
		}
	})
}

// TestManyStreams holds 5,000 streams at once and looks at what they cost.
// Both ends live in this process, so the file limit may allow only fewer; the
// memory is then judged by stream.
func TestManyStreams(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("takes thousands of connections")
	}
	streams := min(5000, (openFiles()-500)/2)
	if streams < 500 {
		t.Skipf("the limit of open files allows %d streams", streams)
	}
	release := make(chan struct{})
	s := newRawServer(t, nil, func(c net.Conn, _ int) {
		buf := make([]byte, 512)
		c.Read(buf)
		io.WriteString(c, streamHead+"Transfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n")
		<-release
		io.WriteString(c, "b\r\ndata: two\n\n\r\n0\r\n\r\n")
	})
	c, err := NewNative(Config{URL: s.url("/"), Clock: NewClock()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := within(t, 60*time.Second)
	if err := c.Connect(ctx, streams); err != nil {
		t.Fatal(err)
	}
	var first, second, failed atomic.Int64
	var wg sync.WaitGroup
	for range streams {
		wg.Go(func() {
			n := 0
			_, err := c.Do(ctx, Call{Body: []byte("{}")}, func(Event) bool {
				if n++; n == 1 {
					first.Add(1)
				} else {
					second.Add(1)
				}
				return true
			})
			if err != nil {
				failed.Add(1)
			}
		})
	}
	waitFor(t, func() bool { return first.Load()+failed.Load() == int64(streams) })
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	close(release)
	wg.Wait()
	if failed.Load() > 0 || second.Load() != int64(streams) {
		t.Errorf("%d of %d streams failed", failed.Load(), streams)
	}
	// Of the whole process, the server's half included.
	each := m.Sys / uint64(streams)
	t.Logf("%d streams held: %d MB from the system, %d kB each with the server's side", streams, m.Sys>>20, each>>10)
	if each > 80<<10 {
		t.Errorf("%d kB a stream; 5,000 must stay under 400 MB", each>>10)
	}
}

// BenchmarkAccuracy runs streams against a server in this process that keeps
// the truth: the moment before each write. It reports how far the stamps of
// the events and the reader's own times lie behind.
func BenchmarkAccuracy(b *testing.B) {
	for _, streams := range []int{1, 64, 512} {
		b.Run(itoa(streams), func(b *testing.B) {
			clock := NewClock()
			const events, every = 25, 20 * time.Millisecond
			var mu sync.Mutex
			var stamps, lags []time.Duration
			for b.Loop() {
				truth := make([][]int64, streams)
				s := newRawServer(b, nil, func(c net.Conn, _ int) {
					req, body, err := readRequest(bufio.NewReader(c))
					if err != nil || req == nil {
						return
					}
					mine := truth[len(body)]
					io.WriteString(c, streamHead+"\r\n")
					time.Sleep(every * time.Duration(len(body)) / time.Duration(streams))
					for i := range mine {
						mine[i] = int64(clock.Now())
						io.WriteString(c, "data: x\n\n")
						time.Sleep(every)
					}
				})
				for i := range truth {
					truth[i] = make([]int64, events)
				}
				c, err := NewNative(Config{URL: s.url("/"), Clock: clock})
				if err != nil {
					b.Fatal(err)
				}
				if err := c.Connect(context.Background(), streams); err != nil {
					b.Fatal(err)
				}
				body := make([]byte, streams)
				got := make([][]Event, streams)
				var wg sync.WaitGroup
				for i := range streams {
					wg.Go(func() {
						timing, err := c.Do(context.Background(), Call{Body: body[:i]}, func(e Event) bool {
							got[i] = append(got[i], Event{At: e.At})
							return true
						})
						if err != nil {
							b.Error(err)
						}
						mu.Lock()
						lags = append(lags, timing.Lag)
						mu.Unlock()
					})
				}
				wg.Wait()
				for i := range got {
					for j, e := range got[i] {
						stamps = append(stamps, time.Duration(int64(e.At)-truth[i][j]))
					}
				}
				c.Close()
			}
			slices.Sort(stamps)
			slices.Sort(lags)
			b.ReportMetric(micros(stamps, 0.5), "stamp-p50-µs")
			b.ReportMetric(micros(stamps, 0.99), "stamp-p99-µs")
			b.ReportMetric(micros(lags, 0.5), "worst-lag-p50-µs")
			b.ReportMetric(micros(lags, 0.99), "worst-lag-p99-µs")
		})
	}
}

func micros(sorted []time.Duration, q float64) float64 {
	return float64(sorted[int(q*float64(len(sorted)-1))]) / 1e3
}
