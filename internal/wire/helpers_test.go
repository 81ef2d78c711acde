package wire

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"flag"
	"io"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tokmeter/internal/record"
)

// Tests wait for timeouts and closes most of their time, so that two cores carry
// eight of them.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		if err := flag.Set(f.Name, "8"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// A rawServer answers with bytes: serve is called once for each connection,
// with the number of the connection from 0.
type rawServer struct {
	ln    net.Listener
	wg    sync.WaitGroup
	mu    sync.Mutex
	conns []net.Conn
}

func newRawServer(t testing.TB, ln net.Listener, serve func(c net.Conn, n int)) *rawServer {
	t.Helper()
	if ln == nil {
		ln = listen(t, "127.0.0.1:0")
	}
	s := &rawServer{ln: ln}
	s.wg.Go(func() {
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			s.wg.Go(func() {
				defer c.Close()
				serve(c, n)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.wg.Wait()
	})
	return s
}

func listen(t testing.TB, addr string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("cannot listen on %s: %v", addr, err)
	}
	return ln
}

func (s *rawServer) url(path string) string { return "http://" + s.ln.Addr().String() + path }

// readRequest reads one request and gives its body as well.
func readRequest(r *bufio.Reader) (*http.Request, string, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(req.Body)
	return req, string(body), err
}

// always serves each connection the same bytes for every request on it.
func always(response string) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		for r := bufio.NewReader(c); ; {
			if _, _, err := readRequest(r); err != nil {
				return
			}
			if _, err := io.WriteString(c, response); err != nil {
				return
			}
		}
	}
}

// once answers one request with the bytes and closes.
func once(response string) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		if _, _, err := readRequest(bufio.NewReader(c)); err == nil {
			io.WriteString(c, response)
		}
	}
}

const streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

// sized is a stream with a Content-Length.
func sized(body string) string {
	return streamHead + "Content-Length: " + itoa(len(body)) + "\r\n\r\n" + body
}

func itoa(n int) string { return big.NewInt(int64(n)).String() }

// chunksOf is a stream in one chunk a piece, with the last chunk.
func chunksOf(pieces ...string) string {
	var b strings.Builder
	b.WriteString(streamHead + "Transfer-Encoding: chunked\r\n\r\n")
	for _, p := range pieces {
		b.WriteString(big.NewInt(int64(len(p))).Text(16) + "\r\n" + p + "\r\n")
	}
	b.WriteString("0\r\n\r\n")
	return b.String()
}

// bothClients runs a test with each client.
func bothClients(t *testing.T, test func(t *testing.T, open func(Config) Client)) {
	for _, kind := range []struct {
		name string
		make func(Config) (Client, error)
	}{{"go", newGo}, {"epoll", newEpollAtOnce}, {"epoll in rounds", newEpollRounds}, {"uring", newUringAtOnce}, {"uring in rounds", newUringRounds}, {"std", NewStd}} {
		if strings.Contains(kind.name, "epoll") && runtime.GOOS != "linux" || strings.Contains(kind.name, "uring") && !hasUring(t) {
			continue
		}
		t.Run(kind.name, func(t *testing.T) {
			test(t, func(cfg Config) Client {
				t.Helper()
				if cfg.Clock == nil {
					cfg.Clock = NewClock()
				}
				c, err := kind.make(cfg)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				return c
			})
		})
	}
}

// newGo is the native client with a goroutine a stream.
func newGo(cfg Config) (Client, error) {
	cfg.Method = MethodGo
	return NewNative(cfg)
}

// newEpollAtOnce is the native client with reader threads, which few streams
// have read each event as it comes.
func newEpollAtOnce(cfg Config) (Client, error) {
	cfg.Method = MethodEpoll
	return NewNative(cfg)
}

// newEpollRounds is the same that reads in rounds.
func newEpollRounds(cfg Config) (Client, error) {
	cfg.rounds = 300 * time.Microsecond
	return newEpollAtOnce(cfg)
}

func newUringAtOnce(cfg Config) (Client, error) {
	cfg.Method = MethodUring
	return NewNative(cfg)
}

func newUringRounds(cfg Config) (Client, error) {
	cfg.rounds = 300 * time.Microsecond
	return newUringAtOnce(cfg)
}

// hasUring reports whether this kernel and container have io_uring.
func hasUring(t testing.TB) bool {
	c, err := newUringAtOnce(Config{URL: "http://127.0.0.1:1", Clock: NewClock()})
	if err != nil {
		t.Logf("left out: %v", err)
		return false
	}
	c.Close()
	return true
}

// A result is what one call came to.
type result struct {
	events []string // "name|data", or the data alone
	at     []record.Stamp
	timing record.Timing
	err    *Error
}

func (r result) outcome() record.Outcome {
	if r.err == nil {
		return record.OK
	}
	return r.err.Outcome
}

func do(t testing.TB, c Client, ctx context.Context, call Call) result {
	t.Helper()
	var r result
	var err error
	r.timing, err = c.Do(ctx, call, func(e Event) bool {
		r.events = append(r.events, show(e))
		r.at = append(r.at, e.At)
		return true
	})
	if err != nil && !errors.As(err, &r.err) {
		t.Fatalf("Do gave %T %v, want an *Error", err, err)
	}
	return r
}

// show marks a stray line with ! and what the end of the body cut with ….
func show(e Event) string {
	s := string(e.Data)
	if len(e.Name) > 0 {
		s = string(e.Name) + "|" + s
	}
	if e.Stray {
		s = "!" + s
	}
	if e.Cut {
		s += "…"
	}
	return s
}

// within is a context that no test should reach the end of.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// authority makes a certificate authority and a certificate for localhost.
func authority(t testing.TB) (pool *x509.CertPool, cert tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return pool, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
