package wire

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/record"
)

// TestStopReading: what follows the event that ended the reading is ignored.
func TestStopReading(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why, response string
		framed        bool
	}{
		{"the end is framed", chunksOf("data: one\n\n", "data: [DONE]\n\n", "data: {\n\n"), true},
		{"broken behind it", streamHead + "Transfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\nzz\r\n", false},
		{"left open behind it", streamHead + "Transfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n", false},
	} {
		t.Run(row.why, func(t *testing.T) {
			bothClients(t, func(t *testing.T, open func(Config) Client) {
				s := newRawServer(t, nil, always(row.response))
				c := open(Config{URL: s.url("/")})
				n := 0
				timing, err := c.Do(within(t, 10*time.Second), Call{}, func(Event) bool { n++; return false })
				if err != nil || n != 1 || timing.Framed != row.framed {
					t.Errorf("error %v, %d events, Framed %v; want none, 1, %v", err, n, timing.Framed, row.framed)
				}
			})
		})
	}
}

// TestEnds: the request's limit and the user's stop cover every phase.
func TestEnds(t *testing.T) {
	t.Parallel()
	phases := []struct {
		name  string
		serve func(net.Conn, int)
		body  int
	}{
		{name: "no answer", serve: func(c net.Conn, _ int) { io.Copy(io.Discard, c) }},
		{name: "server does not read", serve: func(c net.Conn, _ int) { time.Sleep(300 * time.Millisecond) }, body: 20 << 20},
		{name: "in the headers", serve: func(c net.Conn, _ int) {
			readRequest(bufio.NewReader(c))
			io.WriteString(c, streamHead)
			io.Copy(io.Discard, c)
		}},
		{name: "tokens flow", serve: func(c net.Conn, _ int) {
			readRequest(bufio.NewReader(c))
			io.WriteString(c, streamHead+"\r\n")
			for {
				if _, err := io.WriteString(c, "data: x\n\n"); err != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}},
	}
	for _, phase := range phases {
		for _, want := range []record.Outcome{record.Timeout, record.Cancelled} {
			t.Run(phase.name+" "+string(want), func(t *testing.T) {
				bothClients(t, func(t *testing.T, open func(Config) Client) {
					s := newRawServer(t, nil, phase.serve)
					c := open(Config{URL: s.url("/")})
					ctx, cancel := context.WithTimeout(context.Background(), 60*time.Millisecond)
					if want == record.Cancelled {
						cancel()
						var stop context.CancelCauseFunc
						ctx, stop = context.WithCancelCause(context.Background())
						time.AfterFunc(60*time.Millisecond, func() { stop(errors.New("interrupted")) })
					}
					defer cancel()
					began := time.Now()
					r := do(t, c, ctx, Call{Body: bytes.Repeat([]byte("x"), phase.body)})
					if r.outcome() != want {
						t.Fatalf("outcome %s (%v), want %s", r.outcome(), r.err, want)
					}
					if took := time.Since(began); took > 1500*time.Millisecond {
						t.Errorf("took %v after 60 ms", took)
					}
					if want == record.Cancelled && r.err.Error() != "interrupted" {
						t.Errorf("words %q, want the cause", r.err)
					}
				})
			})
		}
	}
}

func TestOverBeforeItBegan(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		c := open(Config{URL: "http://127.0.0.1:1/"})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if r := do(t, c, ctx, Call{}); r.outcome() != record.Cancelled {
			t.Errorf("outcome %s, want cancelled", r.outcome())
		}
		if r := do(t, c, context.Background(), Call{}); r.outcome() != record.Refused {
			t.Errorf("outcome %s (%v), want refused: nobody listens", r.outcome(), r.err)
		} else if r.timing.Done == 0 || r.timing.Sent != 0 {
			t.Errorf("timing %+v, want an end and nothing sent", r.timing)
		}
		var e *Error
		if err := c.Connect(within(t, 5*time.Second), 100); !errors.As(err, &e) || e.Outcome != record.Refused {
			t.Errorf("Connect gave %v, want refused", err)
		}
	})
}

func TestUnknownName(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		c := open(Config{URL: "http://no-such-host.invalid:8000/"})
		if r := do(t, c, within(t, 20*time.Second), Call{}); r.outcome() != record.Refused || !strings.Contains(r.err.Error(), "no-such-host.invalid") {
			t.Errorf("outcome %s (%v), want refused with the name", r.outcome(), r.err)
		}
	})
}

// TestClose ends calls under way and lets no other begin.
func TestClose(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		s := newRawServer(t, nil, func(c net.Conn, _ int) { io.Copy(io.Discard, c) })
		c := open(Config{URL: s.url("/")})
		ended := make(chan error, 1)
		go func() {
			_, err := c.Do(context.Background(), Call{}, func(Event) bool { return true })
			ended <- err
		}()
		time.Sleep(20 * time.Millisecond)
		c.Close()
		var e *Error
		if err := <-ended; !errors.As(err, &e) || e.Outcome != record.Cancelled {
			t.Errorf("the call ended with %v, want cancelled", err)
		}
		if r := do(t, c, context.Background(), Call{}); r.outcome() != record.Cancelled {
			t.Errorf("after Close: %s", r.outcome())
		}
		c.Close()
	})
}

// TestEarlyAnswer: the answer counts that comes before the request is written,
// whether the server closes or only stops reading.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	answer := "HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large"
	for _, row := range []struct {
		why   string
		serve func(net.Conn, int)
	}{
		{"stops reading", func(c net.Conn, _ int) {
			c.Read(make([]byte, 100))
			io.WriteString(c, answer)
			time.Sleep(400 * time.Millisecond)
		}},
		{"reads on after answering", func(c net.Conn, _ int) {
			c.Read(make([]byte, 100))
			io.WriteString(c, answer)
			io.Copy(io.Discard, c)
		}},
	} {
		t.Run(row.why, func(t *testing.T) {
			bothClients(t, func(t *testing.T, open func(Config) Client) {
				s := newRawServer(t, nil, row.serve)
				c := open(Config{URL: s.url("/")})
				r := do(t, c, within(t, 10*time.Second), Call{Body: bytes.Repeat([]byte("x"), 16<<20)})
				if r.outcome() != record.HTTPError || string(r.err.Body) != "too large" {
					t.Errorf("outcome %s (%v), want the server's 413", r.outcome(), r.err)
				}
			})
		})
	}
}
