package load

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tokmeter/internal/record"
	"tokmeter/internal/wire"
	"tokmeter/internal/workload"
)

// A holder is a server that answers nobody's last token before all streams
// are there. It shares no code with wire.
type holder struct {
	ln    net.Listener
	all   int64
	there atomic.Int64
	full  chan struct{} // closed when all streams are there
	conns sync.WaitGroup
}

func hold(t testing.TB, all int) *holder {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &holder{ln: ln, all: int64(all), full: make(chan struct{})}
	h.conns.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			h.conns.Go(func() { h.serve(c) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		h.conns.Wait()
	})
	return h
}

func (h *holder) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReaderSize(c, 512)
	length := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if n, ok := strings.CutPrefix(strings.ToLower(line), "content-length: "); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(n))
		}
		if line == "\r\n" {
			break
		}
	}
	if _, err := io.CopyN(io.Discard, in, int64(length)); err != nil {
		return
	}
	chunk := func(data string) {
		data = "data: " + data + "\n\n"
		fmt.Fprintf(c, "%x\r\n%s\r\n", len(data), data)
	}
	token := `{"id":"cmpl-0","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":" word","logprobs":null,"finish_reason":null}],"usage":null}`
	io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
	chunk(token)
	if h.there.Add(1) == h.all {
		close(h.full)
	}
	select {
	case <-h.full:
	case <-time.After(time.Minute):
		return
	}
	for range 5 {
		time.Sleep(400 * time.Millisecond)
		chunk(token)
	}
	chunk(strings.Replace(token, `"finish_reason":null`, `"finish_reason":"length"`, 1))
	chunk("[DONE]")
	io.WriteString(c, "0\r\n\r\n")
	io.Copy(io.Discard, in) // until the client closes
}

// prompts is a source of requests of 4 kB each, as long as a ShareGPT prompt of
// a thousand tokens.
type prompts struct{ requests }

func (p *prompts) Next() (workload.Request, bool) {
	req, ok := p.requests.Next()
	req.Body, req.WantOutput = bytes.Repeat([]byte("word "), 800), 200
	return req, ok
}

// Five thousand streams are held at once, server and client in one process, in
// less memory than 400 MB; each ends well.
func TestHoldFiveThousand(t *testing.T) {
	n := 5000
	if testing.Short() || underRace {
		n = 300
	}
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil || lim.Cur < uint64(2*n+100) {
		t.Skipf("%d open files are allowed, %d streams need two each", lim.Cur, n)
	}
	h := hold(t, n)
	clock := wire.NewClock()
	client, err := wire.NewNative(wire.Config{URL: "http://" + h.ln.Addr().String() + "/v1/completions", Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	j, _, sink := newJob(make([]time.Duration, n)...)
	j.Source = &prompts{requests{n: n}}
	j.Client, j.Clock, j.wait = client, clock, nil
	var peak int64
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-h.full:
			peak = resident(t)
		case <-time.After(time.Minute):
		}
	}()
	if _, err := Run(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	<-watched
	outcomes := make(map[record.Outcome]int)
	for _, r := range sink.Records() {
		outcomes[r.Outcome]++
		if r.Outcome == record.OK && (len(r.Events) != 7 || r.Timing.Dialed == 0 || r.Connected > r.Due) {
			t.Fatalf("request %d: %d tokens, dialled %d, connected %d, due %d", r.Index, len(r.Events), r.Dialed, r.Connected, r.Due)
		}
	}
	if outcomes[record.OK] != n {
		t.Fatalf("got %v, want %d ok", outcomes, n)
	}
	t.Logf("%d streams at once: %d MB resident, server's side included", n, peak>>20)
	if peak > 400<<20 && !underRace {
		t.Errorf("%d MB resident, want under 400", peak>>20)
	}
	runtime.KeepAlive(sink)
}

// resident is the memory that the process has at the moment, in bytes.
func resident(t *testing.T) int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Error(err)
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
			if err != nil {
				t.Error(err)
			}
			return kb << 10
		}
	}
	return 0
}
