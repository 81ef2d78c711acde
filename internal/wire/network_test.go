package wire

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/record"
)

func TestIPv6(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		hosts := make(chan string, 2)
		s := newRawServer(t, listen(t, "[::1]:0"), func(c net.Conn, _ int) {
			if req, _, err := readRequest(bufio.NewReader(c)); err == nil {
				hosts <- req.Host
				io.WriteString(c, sized("data: x\n\n"))
			}
		})
		c := open(Config{URL: s.url("/")})
		if r := do(t, c, within(t, 5*time.Second), Call{}); r.err != nil || len(r.events) != 1 {
			t.Errorf("%v, events %q", r.err, r.events)
		}
		if host := <-hosts; host != s.ln.Addr().String() {
			t.Errorf("Host %q, want %q", host, s.ln.Addr())
		}
	})
}

// TestTLS: an authority of one's own, none at all, and one that nobody knows.
func TestTLS(t *testing.T) {
	pool, cert := authority(t)
	for _, row := range []struct {
		why  string
		cfg  Config
		want record.Outcome
	}{
		{"known authority", Config{RootCAs: pool}, record.OK},
		{"insecure", Config{Insecure: true}, record.OK},
		{"unknown authority", Config{}, record.Refused},
	} {
		t.Run(row.why, func(t *testing.T) {
			bothClients(t, func(t *testing.T, open func(Config) Client) {
				ln := tls.NewListener(listen(t, "127.0.0.1:0"), &tls.Config{Certificates: []tls.Certificate{cert}})
				s := newRawServer(t, ln, always(chunksOf("data: one\n\n", "data: two\n\n")))
				cfg := row.cfg
				cfg.URL = strings.Replace(s.url("/"), "http:", "https:", 1)
				c := open(cfg)
				for i := range 3 {
					r := do(t, c, within(t, 5*time.Second), Call{Body: []byte(strings.Repeat("x", 100<<10))})
					if r.outcome() != row.want {
						t.Fatalf("outcome %s (%v), want %s", r.outcome(), r.err, row.want)
					}
					if r.err != nil {
						if !strings.Contains(r.err.Error(), "certificate") {
							t.Errorf("words %q", r.err)
						}
						continue
					}
					if d := cmp.Diff([]string{"one", "two"}, r.events); d != "" {
						t.Errorf("events (-want +got):\n%s", d)
					}
					if r.timing.Reused != (i > 0) || r.timing.Replaced != 0 || !r.timing.Framed || r.timing.KernelStamped != (runtime.GOOS == "linux") {
						t.Errorf("call %d: %+v", i, r.timing)
					}
				}
			})
		})
	}
}

func TestTLSToPlainServer(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		s := newRawServer(t, nil, func(c net.Conn, _ int) { io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") })
		c := open(Config{URL: strings.Replace(s.url("/"), "http:", "https:", 1)})
		if r := do(t, c, within(t, 5*time.Second), Call{}); r.outcome() != record.Refused {
			t.Errorf("outcome %s (%v), want refused", r.outcome(), r.err)
		}
	})
}

// TestHTTP2: the std client speaks it where the server offers it, the native
// client stays with HTTP/1.1.
func TestHTTP2(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "data: %s\n\n", r.Proto)
			w.(http.Flusher).Flush()
			fmt.Fprint(w, "data: [DONE]\n\n")
		}))
		s.EnableHTTP2 = true
		s.StartTLS()
		defer s.Close()
		c := open(Config{URL: s.URL, Insecure: true})
		want, kernel := "HTTP/1.1", runtime.GOOS == "linux"
		if _, ok := c.(*std); ok {
			want, kernel = "HTTP/2.0", false
		}
		for range 2 {
			r := do(t, c, within(t, 5*time.Second), Call{Body: []byte("{}")})
			if d := cmp.Diff([]string{want, "[DONE]"}, r.events); d != "" || r.err != nil {
				t.Errorf("%v, events (-want +got):\n%s", r.err, d)
			}
			x := r.timing
			if x.KernelStamped != kernel || !x.Framed || x.Sent == 0 || x.FirstByte < x.Sent || x.Done < x.FirstByte || x.BytesIn == 0 || x.BytesOut == 0 {
				t.Errorf("timing %+v", x)
			}
		}
		c.Close()
	})
}

func TestProxy(t *testing.T) {
	target := newRawServer(t, nil, once(sized("data: x\n\n")))
	seen := make(chan string, 10)
	proxy := newRawServer(t, nil, func(c net.Conn, _ int) {
		req, _, err := readRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		seen <- req.RequestURI
		io.WriteString(c, sized("data: by proxy\n\n"))
	})
	through, _ := url.Parse(proxy.url(""))
	cfg := Config{URL: target.url("/v1"), Clock: NewClock(), Proxy: func(*url.URL) (*url.URL, error) { return through, nil }}
	if why := cfg.NeedsStd(); !strings.Contains(why, through.Host) {
		t.Errorf("NeedsStd gave %q", why)
	}
	if _, err := NewNative(cfg); err == nil {
		t.Error("the native client took a proxy")
	}
	c, err := NewStd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Connect(within(t, 5*time.Second), 2); err != nil {
		t.Fatal(err)
	}
	r := do(t, c, within(t, 5*time.Second), Call{})
	if d := cmp.Diff([]string{"by proxy"}, r.events); d != "" || <-seen != target.url("/v1") {
		t.Errorf("%v, events (-want +got):\n%s", r.err, d)
	}
	cfg.Proxy = func(*url.URL) (*url.URL, error) { return nil, nil }
	if why := cfg.NeedsStd(); why != "" {
		t.Errorf("no proxy for this address, NeedsStd gave %q", why)
	}
}

// TestRedirects: methods and bodies as aiohttp treats them.
func TestRedirects(t *testing.T) {
	t.Parallel()
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		echo := func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprintf(w, "data: %s %s %s auth=%s own=%s type=%s\n\n", r.Method, r.URL, body, r.Header.Get("Authorization"), r.Header.Get("X-Own"), r.Header.Get("Content-Type"))
		}
		other := httptest.NewServer(http.HandlerFunc(echo))
		defer other.Close()
		var status atomic.Int64
		here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			switch r.URL.Path {
			case "/away":
				w.Header().Set("Location", other.URL+"/echo")
			case "/near":
				w.Header().Set("Location", "../echo?a=b#part")
			case "/again":
				w.Header().Set("Location", "/again")
			case "/ftp":
				w.Header().Set("Location", "ftp://example.com/")
			default:
				if n, ok := strings.CutPrefix(r.URL.Path, "/hops/"); ok && n != "" {
					w.Header().Set("Location", "/hops/"+n[1:])
					break
				}
			}
			w.WriteHeader(int(status.Load()))
		}))
		defer here.Close()
		mux := http.NewServeMux()
		mux.HandleFunc("/echo", echo)
		mux.HandleFunc("/hops/{$}", echo)
		mux.Handle("/", here.Config.Handler)
		here.Config.Handler = mux

		for _, row := range []struct {
			path   string
			status int
			want   string
			hops   int
			failed record.Outcome
		}{
			{path: "/near", status: 307, hops: 1, want: "POST /echo?a=b {} auth=Bearer k own=1 type=application/json"},
			{path: "/near", status: 308, hops: 1, want: "POST /echo?a=b {} auth=Bearer k own=1 type=application/json"},
			{path: "/near", status: 301, hops: 1, want: "GET /echo?a=b  auth=Bearer k own=1 type=application/json"},
			{path: "/near", status: 302, hops: 1, want: "GET /echo?a=b  auth=Bearer k own=1 type=application/json"},
			{path: "/near", status: 303, hops: 1, want: "GET /echo?a=b  auth=Bearer k own=1 type=application/json"},
			{path: "/away", status: 307, hops: 1, want: "POST /echo {} auth= own= type=application/json"},
			{path: "/hops/1234567890", status: 307, hops: 10, want: "POST /hops/ {} auth=Bearer k own=1 type=application/json"},
			{path: "/hops/12345678901", status: 307, hops: 10, failed: record.HTTPError},
			{path: "/again", status: 302, hops: 10, failed: record.HTTPError},
			{path: "/ftp", status: 302, hops: 0, failed: record.BadStream},
		} {
			status.Store(int64(row.status))
			c := open(Config{URL: here.URL + row.path, Header: http.Header{"Authorization": {"Bearer k"}, "X-Own": {"1"}}})
			r := do(t, c, within(t, 5*time.Second), Call{Body: []byte("{}")})
			want := record.OK
			if row.failed != "" {
				want = row.failed
			}
			if r.outcome() != want || r.timing.Redirects != row.hops {
				t.Errorf("%s by %d: %s (%v) after %d redirects; want %s after %d", row.path, row.status, r.outcome(), r.err, r.timing.Redirects, want, row.hops)
			}
			if len(r.events) != 0 || row.want != "" {
				if d := cmp.Diff([]string{row.want}, r.events); d != "" {
					t.Errorf("%s by %d (-want +got):\n%s", row.path, row.status, d)
				}
			}
			if r.err == nil && (r.timing.Sent == 0 || r.timing.FirstByte < r.timing.Sent || r.timing.Status != 200) {
				t.Errorf("timing %+v", r.timing)
			}
			c.Close()
		}
	})
}

// TestRedirectElsewhere: no header of the user's leaves the origin that was
// named, and the failure that may come of it names what was kept back.
func TestRedirectElsewhere(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		var status atomic.Int64
		heads := make(chan http.Header, 1)
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			heads <- r.Header
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(int(status.Load()))
			io.WriteString(w, "data: x\n\n")
		}))
		defer other.Close()
		here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}))
		defer here.Close()
		u, err := url.Parse(here.URL + "/?key=secret")
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword("user", "secret")
		for _, row := range []struct {
			why    string
			config Config
			status int
			words  string
		}{
			{"every header but the harmless", Config{URL: here.URL, Header: http.Header{"authorization": {"secret"}, "X-Api-Key": {"secret"}, "cookie": {"secret"}, "X-Tenant": {"secret"}}}, 401, "without Authorization, Cookie, X-Api-Key, X-Tenant"},
			{"a name and password in the address", Config{URL: u.String()}, 403, "without Authorization"},
			{"an answer without a fault", Config{URL: here.URL, Header: http.Header{"Api-Key": {"secret"}}}, 200, ""},
		} {
			status.Store(int64(row.status))
			c := open(row.config)
			r := do(t, c, within(t, 5*time.Second), Call{Body: []byte("{}")})
			c.Close()
			for name, values := range <-heads {
				if strings.Contains(strings.Join(values, " "), "secret") {
					t.Errorf("%s: %s went along: %q", row.why, name, values)
				}
			}
			if !r.timing.Stripped {
				t.Errorf("%s: the timing does not say that headers were kept back", row.why)
			}
			if row.words == "" {
				if r.err != nil {
					t.Errorf("%s: %v", row.why, r.err)
				}
			} else if r.err == nil || !strings.Contains(r.err.Error(), row.words) || strings.Contains(r.err.Error(), "secret") {
				t.Errorf("%s: got %v, want it to say %q", row.why, r.err, row.words)
			}
		}
	})
}

// TestConnect makes connections ahead, which calls then use.
func TestConnect(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		var accepted atomic.Int64
		s := newRawServer(t, nil, func(c net.Conn, n int) {
			accepted.Add(1)
			always(sized("data: x\n\n"))(c, n)
		})
		c := open(Config{URL: s.url("/")})
		for range 2 { // the second finds them ready
			if err := c.Connect(within(t, 5*time.Second), 100); err != nil {
				t.Fatal(err)
			}
		}
		waitFor(t, func() bool { return accepted.Load() == 100 })
		r := do(t, c, within(t, 5*time.Second), Call{})
		if x := r.timing; x.Reused || x.Dialed == 0 || x.Connected > x.Sent || accepted.Load() != 100 {
			t.Errorf("%d connections, timing %+v", accepted.Load(), x)
		}
	})
}

// TestOldestFirst: a server with few threads, each bound to one connection, must
// not be asked over a connection that waits for a thread.
func TestOldestFirst(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		threads := make(chan struct{}, 2)
		s := newRawServer(t, nil, func(c net.Conn, n int) {
			threads <- struct{}{}
			defer func() { <-threads }()
			always(sized("data: x\n\n"))(c, n)
		})
		c := open(Config{URL: s.url("/")})
		if err := c.Connect(within(t, 5*time.Second), 1); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return len(threads) == 1 })
		if err := c.Connect(within(t, 5*time.Second), 10); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return len(threads) == 2 })
		for range 3 {
			if r := do(t, c, within(t, 2*time.Second), Call{}); r.err != nil {
				t.Fatalf("%v: the request waits for a thread", r.err)
			}
		}
	})
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("it did not come about in 5 s")
}

func TestConfig(t *testing.T) {
	for _, row := range []struct {
		why, words string
		cfg        Config
	}{
		{"no scheme", "http://", Config{URL: "localhost:8000/v1"}},
		{"no host", "no host", Config{URL: "http:///v1"}},
		{"not a URL", "URL", Config{URL: "http://[::1"}},
		{"an unknown scheme", "http://", Config{URL: "ftp://x/"}},
		{"a header that would begin another", "line break", Config{URL: "http://x/", Header: http.Header{"A": {"b\r\nC: d"}}}},
		{"a header name with a space", "header name", Config{URL: "http://x/", Header: http.Header{"A b": {"c"}}}},
		{"a header of the framing", "by itself", Config{URL: "http://x/", Header: http.Header{"content-length": {"5"}}}},
		{"a negative limit", "negative", Config{URL: "http://x/", MaxIdle: -1}},
	} {
		row.cfg.Clock = NewClock()
		for _, open := range []func(Config) (Client, error){NewNative, NewStd} {
			if _, err := open(row.cfg); err == nil || !strings.Contains(err.Error(), row.words) {
				t.Errorf("%s: %v, want %q in it", row.why, err, row.words)
			}
		}
	}
	if err := (Config{URL: "x", MaxIdle: -1}).Validate(); err == nil || len(strings.Split(err.Error(), "\n")) != 3 {
		t.Errorf("every problem at once: %v", err)
	}
	if _, err := ParseCA("ca.pem", []byte("x")); err == nil || !strings.Contains(err.Error(), "ca.pem") {
		t.Errorf("ParseCA gave %v", err)
	}
	if e := (&Error{Outcome: record.Reset, Err: io.EOF}); !errors.Is(e, io.EOF) {
		t.Error("an Error hides its cause")
	}
}
