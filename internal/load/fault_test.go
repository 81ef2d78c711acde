package load

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/protocol"
	"tokmeter/internal/record"
	"tokmeter/internal/wire"
)

// TestFaults plays each stream to both clients, in every way that the native one
// reads: framed by chunks in one piece and byte by byte, and delimited by the end
// of the connection.
func TestFaults(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	type way struct {
		name   string
		client func(wire.Config) (wire.Client, error)
		frame  func(body string) string
		step   int
	}
	ways := []way{
		{"go", by(wire.MethodGo), chunk, 1 << 20},
		{"go bytewise", by(wire.MethodGo), chunk, 1},
		{"go to the end", by(wire.MethodGo), func(body string) string { return head + "\r\n" + body }, 1 << 20},
		{"auto", by(wire.MethodAuto), chunk, 1 << 20},
		{"auto bytewise", by(wire.MethodAuto), chunk, 1},
		{"auto to the end", by(wire.MethodAuto), func(body string) string { return head + "\r\n" + body }, 1 << 20},
		{"epoll", by(wire.MethodEpoll), chunk, 1 << 20},
		{"epoll bytewise", by(wire.MethodEpoll), chunk, 1},
		{"uring", by(wire.MethodUring), chunk, 1 << 20},
		{"uring bytewise", by(wire.MethodUring), chunk, 1},
		{"std", wire.NewStd, chunk, 1 << 20},
		{"std bytewise", wire.NewStd, chunk, 1},
		{"std to the end", wire.NewStd, func(body string) string { return head + "\r\n" + body }, 7},
	}
	ways = slices.DeleteFunc(ways, func(w way) bool {
		c, err := w.client(wire.Config{URL: "http://127.0.0.1:1", Clock: wire.NewClock()})
		if err != nil { // this system or container does not have it
			t.Logf("%s is left out: %v", w.name, err)
			return true
		}
		c.Close()
		return false
	})
	for _, want := range faults {
		for _, way := range ways {
			t.Run(want.why+"/"+way.name, func(t *testing.T) {
				url := serve(t, []byte(way.frame(want.body)), func(c net.Conn, b []byte) {
					for len(b) > 0 {
						n := min(way.step, len(b))
						c.Write(b[:n])
						b = b[n:]
					}
				})
				api := want.api
				if api == "" {
					api = "openai-chat"
				}
				d, err := protocol.New(api)
				if err != nil {
					t.Fatal(err)
				}
				c, err := way.client(wire.Config{URL: url, Clock: wire.NewClock()})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				rec := record.Record{WantPrompt: 5, WantOutput: 8}
				var tl tally
				tl.begin(&rec, d)
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				timing, err := c.Do(ctx, wire.Call{Body: []byte("{}")}, tl.event)
				tl.finish(&timing, err)
				want.check(t, &rec)
			})
		}
	}
}

// chunk frames a body as one chunk.
func chunk(body string) string {
	var b strings.Builder
	b.WriteString("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
	b.WriteString(strings.ToUpper(hex(len(body))) + "\r\n" + body + "\r\n0\r\n\r\n")
	return b.String()
}

func hex(n int) string {
	const digits = "0123456789abcdef"
	if n < 16 {
		return digits[n : n+1]
	}
	return hex(n/16) + digits[n%16:n%16+1]
}

func (want fault) check(t *testing.T, rec *record.Record) {
	t.Helper()
	if want.outcome == "" {
		want.outcome = record.OK
	}
	if rec.Outcome != want.outcome {
		t.Errorf("outcome %s (%s), want %s", rec.Outcome, rec.Err, want.outcome)
	}
	for _, w := range want.words {
		if !strings.Contains(rec.Err, w) {
			t.Errorf("the error %q lacks %q", rec.Err, w)
		}
	}
	if rec.OutputTokens != want.output || len(rec.Events) != want.events {
		t.Errorf("output %+v in %d events, want %+v in %d", rec.OutputTokens, len(rec.Events), want.output, want.events)
	}
	if rec.Unstreamed != want.hidden || rec.Said != want.said || rec.Unprefixed != want.strange {
		t.Errorf("never sent %d, said %d, without a prefix %d; want %d, %d, %d", rec.Unstreamed, rec.Said, rec.Unprefixed, want.hidden, want.said, want.strange)
	}
	carried := 0
	for _, n := range rec.PerEvent {
		carried += int(n)
	}
	if carried > rec.OutputTokens.N-rec.Unstreamed {
		t.Errorf("the events carry %d tokens, and %d of %d came", carried, rec.OutputTokens.N-rec.Unstreamed, rec.OutputTokens.N)
	}
}
