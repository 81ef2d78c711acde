package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tokmeter/internal/record"
)

const timedOut = "HTTP/1.0 408 Request Time-out\r\nCache-Control: no-cache\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<html><body><h1>408 Request Time-out</h1></body></html>\n"

// abortive lets Close send a reset.
func abortive(c net.Conn) {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	c.(*net.TCPConn).SetLinger(0)
}

// idleEnds are the ways in which servers and proxies end an idle connection.
var idleEnds = []struct {
	why string
	end func(net.Conn)
}{
	{"closed without a word", func(net.Conn) {}},
	{"reset", abortive},
	{"408 first, as HAProxy has it", func(c net.Conn) { io.WriteString(c, timedOut) }},
	{"408 with a length, as node has it", func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	}},
	{"408 and a reset", func(c net.Conn) {
		io.WriteString(c, timedOut)
		time.Sleep(5 * time.Millisecond)
		abortive(c)
	}},
	{"400 first", func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n")
	}},
	{"408, and the connection stays open", func(c net.Conn) {
		io.WriteString(c, timedOut)
		time.Sleep(time.Second)
	}},
}

// TestIdleEnds: the end of an idle connection is no request's failure, whether
// it had carried one or was made ahead. It is replaced and counted, and the
// server gets the request once.
func TestIdleEnds(t *testing.T) {
	t.Parallel()
	pool, cert := authority(t)
	for _, secure := range []bool{false, true} {
		for _, kept := range []bool{false, true} {
			for _, row := range idleEnds {
				name := row.why
				if kept {
					name = "kept, " + name
				}
				if secure {
					name = "TLS, " + name
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					bothClients(t, func(t *testing.T, open func(Config) Client) {
						var requests atomic.Int64
						end, ended := make(chan struct{}), make(chan struct{})
						ln := listen(t, "127.0.0.1:0")
						if secure {
							ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}})
						}
						s := newRawServer(t, ln, func(c net.Conn, n int) {
							if secured, ok := c.(*tls.Conn); ok {
								secured.SetDeadline(time.Now().Add(10 * time.Second))
								if err := secured.Handshake(); err != nil {
									return
								}
							}
							if n == 0 && !kept {
								<-end
								row.end(c)
								c.Close()
								close(ended)
								return
							}
							for r := bufio.NewReader(c); ; {
								if _, _, err := readRequest(r); err != nil {
									return
								}
								requests.Add(1)
								io.WriteString(c, sized("data: x\n\n"))
								if n == 0 && requests.Load() == 2 {
									<-end
									row.end(c)
									c.Close()
									close(ended)
									return
								}
							}
						})
						url := s.url("/")
						if secure {
							url = strings.Replace(url, "http:", "https:", 1)
						}
						c := open(Config{URL: url, RootCAs: pool})
						_, isStd := c.(*std)
						if secure && isStd && !kept {
							t.Skip("net/http speaks TLS when a call comes")
						}
						if err := c.Connect(within(t, 5*time.Second), 1); err != nil {
							t.Fatal(err)
						}
						before := int64(0)
						if kept {
							for range 2 {
								if r := do(t, c, within(t, 10*time.Second), Call{}); r.err != nil {
									t.Fatal(r.err)
								}
								time.Sleep(restFor + 20*time.Millisecond)
							}
							before = 2
						}
						close(end)
						if !strings.Contains(row.why, "stays open") {
							<-ended
						}
						time.Sleep(30 * time.Millisecond)
						r := do(t, c, within(t, 10*time.Second), Call{})
						if r.err != nil || len(r.events) != 1 {
							t.Fatalf("%v, events %q", r.err, r.events)
						}
						// net/http notices the end of kept connections by itself and says nothing.
						if r.timing.Replaced != 1 && !(isStd && kept) || r.timing.Reused {
							t.Errorf("replaced %d, reused %v; want 1 on another connection", r.timing.Replaced, r.timing.Reused)
						}
						if n := requests.Load() - before; n != 1 {
							t.Errorf("the server saw the request %d times", n)
						}
					})
				})
			}
		}
	}
}

// TestSentOnce: a request that the server may have read is not sent again,
// whatever becomes of it: on a new connection, on one made ahead or on a kept one.
func TestSentOnce(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("this kernel does not say what the server took")
	}
	ends := []struct {
		why     string
		end     func(net.Conn)
		outcome record.Outcome
	}{
		{"closed at once", func(net.Conn) {}, record.Reset},
		{"reset at once", abortive, record.Reset},
		{"closed later", func(net.Conn) { time.Sleep(50 * time.Millisecond) }, record.Reset},
		{"reset later", func(c net.Conn) { time.Sleep(50 * time.Millisecond); abortive(c) }, record.Reset},
		{"a 408 is the answer", func(c net.Conn) { io.WriteString(c, timedOut) }, record.HTTPError},
		{"a 408 in the middle of a run", func(c net.Conn) { time.Sleep(30 * time.Millisecond); io.WriteString(c, timedOut) }, record.HTTPError},
	}
	for _, when := range []string{"new", "ahead", "kept"} {
		for _, row := range ends {
			t.Run(when+", "+row.why, func(t *testing.T) {
				bothClients(t, func(t *testing.T, open func(Config) Client) {
					var requests atomic.Int64
					fails := int64(1)
					if when == "kept" {
						fails = 3
					}
					s := newRawServer(t, nil, func(c net.Conn, _ int) {
						for r := bufio.NewReader(c); ; {
							if _, _, err := readRequest(r); err != nil {
								return
							}
							if requests.Add(1) >= fails {
								row.end(c)
								return
							}
							io.WriteString(c, sized("data: x\n\n"))
						}
					})
					c := open(Config{URL: s.url("/")})
					switch when {
					case "ahead":
						if err := c.Connect(within(t, 5*time.Second), 2); err != nil {
							t.Fatal(err)
						}
					case "kept":
						for range 2 {
							do(t, c, within(t, 10*time.Second), Call{})
							time.Sleep(restFor + 20*time.Millisecond)
						}
					}
					r := do(t, c, within(t, 10*time.Second), Call{})
					if r.outcome() != row.outcome || r.timing.Replaced != 0 || r.timing.Reused != (when == "kept") {
						t.Errorf("outcome %s (%v), replaced %d, reused %v; want %s", r.outcome(), r.err, r.timing.Replaced, r.timing.Reused, row.outcome)
					}
					if n := requests.Load(); n != fails {
						t.Errorf("the server took %d requests, want %d", n, fails)
					}
				})
			})
		}
	}
}

// TestHasty: a server that promises to keep a connection and closes it right
// after its answer loses no request, and every request has a connection of its
// own from then on.
func TestHasty(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why   string
		pause time.Duration // between an answer and its close
		calm  bool          // the first answer comes before Connect, as that of a probe does
	}{
		{"at once", 0, false},
		{"a moment later", 3 * time.Millisecond, false},
		{"learned before the run", 3 * time.Millisecond, true},
		{"on a busy machine", 60 * time.Millisecond, true},
	} {
		t.Run(row.why, func(t *testing.T) {
			bothClients(t, func(t *testing.T, open func(Config) Client) {
				var requests atomic.Int64
				s := newRawServer(t, nil, func(c net.Conn, _ int) {
					r := bufio.NewReader(c)
					if _, _, err := readRequest(r); err != nil {
						return
					}
					requests.Add(1)
					io.WriteString(c, sized("data: x\n\n"))
					time.Sleep(row.pause)
					// What comes meanwhile is taken and never answered.
					c.SetReadDeadline(time.Now().Add(time.Millisecond))
					io.Copy(io.Discard, r)
				})
				c := open(Config{URL: s.url("/")})
				n := int64(20)
				if row.calm {
					do(t, c, within(t, 10*time.Second), Call{})
					if err := c.Connect(within(t, 5*time.Second), 2); err != nil {
						t.Fatal(err)
					}
					n++
				}
				replaced := 0
				for i := range 20 {
					r := do(t, c, within(t, 10*time.Second), Call{})
					if r.err != nil || r.timing.Reused {
						t.Fatalf("call %d: %v, reused %v", i, r.err, r.timing.Reused)
					}
					replaced += r.timing.Replaced
					if row.pause < 10*time.Millisecond {
						time.Sleep(10 * time.Millisecond)
					}
				}
				if got := requests.Load(); got != n || row.calm && replaced > 0 {
					t.Errorf("the server saw %d requests, want %d; %d connections were replaced", got, n, replaced)
				}
			})
		})
	}
}

// TestHastyUnderRequest: a server that ends a kept connection over the next
// request loses that one, and no other.
func TestHastyUnderRequest(t *testing.T) {
	t.Parallel()
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		s := newRawServer(t, nil, func(c net.Conn, _ int) {
			r := bufio.NewReader(c)
			if _, _, err := readRequest(r); err != nil {
				return
			}
			io.WriteString(c, sized("data: x\n\n"))
			if _, _, err := readRequest(r); err == nil {
				abortive(c)
			}
		})
		c := open(Config{URL: s.url("/")})
		failed := 0
		for range 8 {
			if r := do(t, c, within(t, 10*time.Second), Call{}); r.err != nil {
				failed++
			}
			time.Sleep(restFor + 10*time.Millisecond)
		}
		if failed != 1 {
			t.Errorf("%d of 8 requests failed, want the one that told of the server's haste", failed)
		}
	})
}

// TestKeeping: once a connection was open for a moment after its answer, they
// are reused without a pause.
func TestKeeping(t *testing.T) {
	t.Parallel()
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		var conns atomic.Int64
		s := newRawServer(t, nil, func(c net.Conn, n int) {
			conns.Add(1)
			always(sized("data: x\n\n"))(c, n)
		})
		c := open(Config{URL: s.url("/")})
		do(t, c, within(t, 10*time.Second), Call{})
		if err := c.Connect(within(t, 5*time.Second), 1); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			if r := do(t, c, within(t, 10*time.Second), Call{}); r.err != nil || !r.timing.Reused {
				// net/http puts a connection back a moment after the answer.
				if _, std := c.(*std); r.err != nil || !std {
					t.Errorf("call %d: %v, reused %v", i, r.err, r.timing.Reused)
				}
			}
		}
		if n := conns.Load(); n > 2 {
			if _, std := c.(*std); !std {
				t.Errorf("%d connections", n)
			}
		}
	})
}

// TestLearnStops: waiting for a server's manners ends with its context.
func TestLearnStops(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		s := newRawServer(t, nil, always(sized("data: x\n\n")))
		c := open(Config{URL: s.url("/")})
		do(t, c, within(t, 10*time.Second), Call{})
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		var e *Error
		if err := c.Connect(ctx, 3); !errors.As(err, &e) || e.Outcome != record.Cancelled {
			t.Errorf("got %v, want cancelled", err)
		}
	})
}

// TestPunctual: a call that is due goes past a connection that must rest, on one of
// its own, and learns of the server nevertheless. A server that has a thread for one
// connection alone gets it back once the watched one has rested.
func TestPunctual(t *testing.T) {
	t.Parallel()
	for _, threads := range []int{1, 8} {
		t.Run(fmt.Sprintf("%d threads", threads), func(t *testing.T) {
			bothClients(t, func(t *testing.T, open func(Config) Client) {
				if _, std := open(Config{URL: "http://127.0.0.1:9/"}).(*std); std && threads == 1 {
					t.Skip("net/http's witness is ended by the next call alone")
				}
				free := make(chan struct{}, threads)
				s := newRawServer(t, nil, func(c net.Conn, n int) {
					free <- struct{}{}
					defer func() { <-free }()
					always(sized("data: x\n\n"))(c, n)
				})
				c := open(Config{URL: s.url("/")})
				for i := range 4 {
					r := do(t, c, within(t, 5*time.Second), Call{Punctual: true})
					if r.err != nil {
						t.Fatalf("call %d: %v", i, r.err)
					}
					if i == 1 && r.timing.Reused {
						t.Error("the second call took the connection that must rest")
					}
				}
				time.Sleep(2 * restFor)
				do(t, c, within(t, 5*time.Second), Call{Punctual: true})
				if r := do(t, c, within(t, 5*time.Second), Call{Punctual: true}); r.err != nil || !r.timing.Reused {
					if _, std := c.(*std); r.err != nil || !std {
						t.Errorf("%v, reused %v; want the server known to keep connections", r.err, r.timing.Reused)
					}
				}
			})
		})
	}
}
