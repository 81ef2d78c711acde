package wire

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/record"
)

// TestAnswers serves whole connections byte for byte. Each row says why it is
// there; Framed and reuse are checked for what they promise.
func TestAnswers(t *testing.T) {
	compressed := func(encoding string, w func(io.Writer) interface {
		io.WriteCloser
		Flush() error
	}) string {
		var b bytes.Buffer
		z := w(&b)
		io.WriteString(z, "data: one\n\n")
		z.Flush()
		io.WriteString(z, "data: two\n\n")
		z.Close()
		return streamHead + "Content-Encoding: " + encoding + "\r\nContent-Length: " + itoa(b.Len()) + "\r\n\r\n" + b.String()
	}
	type flusher = interface {
		io.WriteCloser
		Flush() error
	}
	gz := compressed("gzip", func(w io.Writer) flusher { return gzip.NewWriter(w) })
	zl := compressed("deflate", func(w io.Writer) flusher { return zlib.NewWriter(w) })
	fl := compressed("Deflate", func(w io.Writer) flusher { f, _ := flate.NewWriter(w, 6); return f })

	for _, row := range []struct {
		why      string
		response string
		outcome  record.Outcome
		framed   bool
		events   []string
		body     string
		status   int
		words    string // in the error's words
	}{
		{why: "the plain case: a chunk an event", response: chunksOf("data: one\n\n", "data: two\n\n"), framed: true, events: []string{"one", "two"}},
		{why: "several events in one chunk", response: chunksOf("data: one\n\ndata: two\n\ndata: [DONE]\n\n"), framed: true, events: []string{"one", "two", "[DONE]"}},
		{why: "an event in several chunks", response: chunksOf("da", "ta: o", "ne\n", "\n"), framed: true, events: []string{"one"}},
		{why: "Content-Length", response: sized("data: one\n\ndata: two\n\n"), framed: true, events: []string{"one", "two"}},
		{why: "the last event without its empty line, complete by the framing", response: sized("data: one\n\ndata: two"), framed: true, events: []string{"one", "two…"}},
		{why: "close-delimited", response: streamHead + "\r\ndata: one\n\n", framed: true, events: []string{"one"}},
		{why: "close-delimited: a cut last line is handed on as one", response: streamHead + "\r\ndata: one\n\ndata: {\"a", framed: true, events: []string{"one", "{\"a…"}},
		{why: "HTTP/1.0", response: "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n", framed: true, events: []string{"one"}},
		{why: "headers with LF alone, names in any case, no reason phrase", response: "HTTP/1.1 200\ncontent-TYPE: Text/Event-Stream;charset=utf-8\ncontent-length: 11\n\ndata: one\n\n", framed: true, events: []string{"one"}},
		{why: "informational answers without end", response: strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 101) + sized("data: one\n\n"), outcome: record.BadStream, words: "more than 100 informational answers"},
		{why: "many informational answers", response: strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100) + sized("data: one\n\n"), framed: true, events: []string{"one"}},
		{why: "informational answers come first", response: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + sized("data: one\n\n"), framed: true, events: []string{"one"}},
		{why: "chunk extensions and trailers", response: streamHead + "Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\nB;name=\"v\"\r\ndata: one\n\n\r\n0;last\r\nX-Sum: 1\r\n\r\n", framed: true, events: []string{"one"}},
		{why: "gzip, flushed after each event", response: gz, framed: true, events: []string{"one", "two"}},
		{why: "deflate as the standard has it", response: zl, framed: true, events: []string{"one", "two"}},
		{why: "deflate without its wrapping", response: fl, framed: true, events: []string{"one", "two"}},
		{why: "no event at all is for the caller to judge", response: chunksOf(), framed: true},
		{why: "only comments", response: chunksOf(":\n\n", ": ping\n\n"), framed: true},
		{why: "a stream of unknown type is judged by its first bytes", response: "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n\ndata: one\n\n", framed: true, events: []string{"one"}},
		{why: "text/plain is what servers say when nobody told them", response: "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 11\r\n\r\ndata: one\n\n", framed: true, events: []string{"one"}},

		{why: "two types: the first counts", response: "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\r\ndata: one\n\n", framed: true, events: []string{"one"}},

		{why: "chunks that stop", response: streamHead + "Transfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n", outcome: record.CutShort, events: []string{"one"}},
		{why: "a length that is not reached", response: streamHead + "Content-Length: 100\r\n\r\ndata: one\n\n", outcome: record.CutShort, events: []string{"one"}},
		{why: "bad chunk size", response: streamHead + "Transfer-Encoding: chunked\r\n\r\nxyz\r\ndata: one\n\n\r\n", outcome: record.BadStream},
		{why: "a bad chunk size after an event", response: streamHead + "Transfer-Encoding: chunked\r\n\r\nb\r\ndata: one\n\n\r\n-5\r\n", outcome: record.BadStream, events: []string{"one"}},
		{why: "a chunk longer than its size", response: streamHead + "Transfer-Encoding: chunked\r\n\r\n5\r\ndata: one\n\n\r\n0\r\n\r\n", outcome: record.BadStream},
		{why: "a 200 with JSON", response: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"error\":\"no\"}\r\n\n", outcome: record.BadStream, framed: true, status: 200, body: "{\"error\":\"no\"}\r\n\n", words: "application/json"},
		{why: "JSON with an event stream further on", response: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{}\n\ndata: one\n\n", outcome: record.BadStream, framed: true, status: 200, body: "{}\n\ndata: one\n\n"},
		{why: "a coding that nobody asked for around an error", response: "HTTP/1.1 502 Oh\r\nContent-Encoding: br\r\nContent-Length: 7\r\n\r\n\x8b\x01\x80abc\x03", outcome: record.HTTPError, framed: true, status: 502, words: "HTTP 502 Bad Gateway: its words can't be read: their Content-Encoding is \"br\""},
		{why: "an error in gzip that is none", response: "HTTP/1.1 503 Oh\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", outcome: record.HTTPError, framed: true, status: 503, words: "\"gzip\""},
		{why: "an error in a coding that is none", response: "HTTP/1.1 500 Oh\r\nContent-Encoding: utf-8\r\nContent-Length: 4\r\n\r\nbusy", outcome: record.HTTPError, framed: true, status: 500, body: "busy", words: "HTTP 500 Internal Server Error: busy"},
		{why: "a status without a name", response: "HTTP/1.1 529 Overloaded\r\nContent-Length: 4\r\n\r\nbusy", outcome: record.HTTPError, framed: true, status: 529, body: "busy", words: "HTTP 529: busy"},
		{why: "a 200 of plain text", response: "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello", outcome: record.BadStream, framed: true, status: 200, body: "hello"},
		{why: "a coding that nobody asked for", response: streamHead + "Content-Encoding: br\r\nContent-Length: 3\r\n\r\nabc", outcome: record.BadStream, words: "br"},
		{why: "broken gzip", response: streamHead + "Content-Encoding: gzip\r\nContent-Length: 30\r\n\r\n" + strings.Repeat("x", 30), outcome: record.BadStream, words: "gzip"},
		{why: "gzip that stops", response: strings.Replace(gz[:len(gz)-12], "Content-Length", "X-Length", 1), outcome: record.CutShort, events: []string{"one", "two"}},
		{why: "not HTTP", response: "SSH-2.0-OpenSSH_9.6\r\n\r\n", outcome: record.BadStream},
		{why: "a line of another protocol", response: "-ERR unknown command\r\n", outcome: record.BadStream},
		{why: "two lengths that differ", response: streamHead + "Content-Length: 5\r\nContent-Length: 6\r\n\r\ndata: ", outcome: record.BadStream},
		{why: "headers without end", response: streamHead + "X: " + strings.Repeat("x", 100<<10), outcome: record.BadStream},
		{why: "closed without an answer", response: "", outcome: record.Reset},
		{why: "closed in the status line", response: "HTTP/1.1 2", outcome: record.Reset},
		{why: "closed in the headers", response: streamHead + "Content-Le", outcome: record.Reset},
		{why: "an error status", response: "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nno model\n", outcome: record.HTTPError, framed: true, status: 404, body: "no model\n"},
		{why: "an error status that is an event stream is an error", response: "HTTP/1.1 500 Oh\r\nContent-Type: text/event-stream\r\nContent-Length: 11\r\n\r\ndata: one\n\n", outcome: record.HTTPError, framed: true, status: 500, body: "data: one\n\n"},
		{why: "of a long error the first 500 bytes", response: "HTTP/1.1 400 Bad\r\nContent-Length: 9000\r\n\r\n" + strings.Repeat("0123456789", 900), outcome: record.HTTPError, framed: true, status: 400, body: strings.Repeat("0123456789", 50)},
		{why: "an error body cut short is still that error", response: "HTTP/1.1 503 Busy\r\nContent-Length: 9000\r\n\r\nbusy", outcome: record.HTTPError, status: 503, body: "busy"},
		{why: "an error without a body", response: "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", outcome: record.HTTPError, framed: true, status: 502},
		{why: "204 is no stream", response: "HTTP/1.1 204 No Content\r\n\r\n", outcome: record.HTTPError, framed: true, status: 204},
		{why: "a redirect without a place is the answer", response: "HTTP/1.1 302 Found\r\nContent-Length: 4\r\n\r\ngone", outcome: record.HTTPError, framed: true, status: 302, body: "gone"},
	} {
		t.Run(row.why, func(t *testing.T) {
			bothClients(t, func(t *testing.T, open func(Config) Client) {
				s := newRawServer(t, nil, once(row.response))
				c := open(Config{URL: s.url("/v1/completions")})
				r := do(t, c, within(t, 10*time.Second), Call{Body: []byte("{}")})
				want := row.outcome
				if want == "" {
					want = record.OK
				}
				if r.outcome() != want {
					t.Fatalf("outcome %s (%v), want %s", r.outcome(), r.err, want)
				}
				if d := cmp.Diff(row.events, r.events); d != "" {
					t.Errorf("events (-want +got):\n%s", d)
				}
				if r.timing.Framed != row.framed {
					t.Errorf("Framed %v, want %v", r.timing.Framed, row.framed)
				}
				if r.err != nil {
					if string(r.err.Body) != row.body || r.err.Status != row.status || !strings.Contains(r.err.Error(), row.words) {
						t.Errorf("error %q, status %d, body %q; want status %d, body %q, words %q", r.err, r.err.Status, r.err.Body, row.status, row.body, row.words)
					}
					if strings.Contains(r.err.Error(), "%!") {
						t.Errorf("words %q", r.err)
					}
				}
			})
		})
	}
}

// TestSlowly serves answers a byte at a time: no answer may depend on how the
// network cuts it.
func TestSlowly(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		response := chunksOf("data: one\r\n\r\n", "event: x\ndata: two\n\n")
		s := newRawServer(t, nil, func(c net.Conn, _ int) {
			readRequest(bufio.NewReader(c))
			for i := range len(response) {
				io.WriteString(c, response[i:i+1])
				time.Sleep(200 * time.Microsecond)
			}
		})
		c := open(Config{URL: s.url("/")})
		r := do(t, c, within(t, 10*time.Second), Call{})
		if d := cmp.Diff([]string{"one", "x|two"}, r.events); d != "" || r.err != nil {
			t.Fatalf("error %v, events (-want +got):\n%s", r.err, d)
		}
		if r.timing.BytesIn != int64(len(response)) {
			t.Errorf("BytesIn %d, want %d", r.timing.BytesIn, len(response))
		}
	})
}

// TestRequestID: a call's own id stands in place of the configuration's.
func TestRequestID(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		got := make(chan []string, 2)
		s := newRawServer(t, nil, func(c net.Conn, _ int) {
			for r := bufio.NewReader(c); ; {
				req, _, err := readRequest(r)
				if err != nil {
					return
				}
				got <- req.Header.Values("X-Request-Id")
				io.WriteString(c, sized("data: x\n\n"))
			}
		})
		c := open(Config{URL: s.url("/"), Header: map[string][]string{"x-request-id": {"mine"}}})
		for _, tt := range [][2]string{{"p-0", "p-0"}, {"", "mine"}} {
			if r := do(t, c, within(t, 10*time.Second), Call{ID: tt[0]}); r.err != nil {
				t.Fatal(r.err)
			}
			if d := cmp.Diff([]string{tt[1]}, <-got); d != "" {
				t.Errorf("call with id %q (-want +got):\n%s", tt[0], d)
			}
		}
	})
}

// TestRequest looks at what is sent.
func TestRequest(t *testing.T) {
	bothClients(t, func(t *testing.T, open func(Config) Client) {
		got := make(chan http.Header, 1)
		s := newRawServer(t, nil, func(c net.Conn, _ int) {
			req, body, err := readRequest(bufio.NewReader(c))
			if err == nil {
				h := req.Header.Clone()
				h.Set("Host", req.Host)
				h.Set(":", req.Method+" "+req.RequestURI+" "+body)
				got <- h
				io.WriteString(c, sized("data: x\n\n"))
			}
		})
		url := s.url("/v1/completions?k=v%20w")
		c := open(Config{URL: strings.Replace(url, "http://", "http://me:pw@", 1), Header: map[string][]string{"X-Two": {"a", "b"}, "user-agent": {"mine"}}})
		r := do(t, c, within(t, 10*time.Second), Call{ID: "bench-0\r\nX-Bad: 1", Body: []byte(`{"a":1}`)})
		if r.err != nil {
			t.Fatal(r.err)
		}
		want := map[string][]string{
			":": {`POST /v1/completions?k=v%20w {"a":1}`}, "Host": {s.ln.Addr().String()},
			"Accept": {"*/*"}, "Content-Type": {"application/json"}, "Content-Length": {"7"},
			"User-Agent": {"mine"}, "X-Two": {"a", "b"}, "X-Request-Id": {"bench-0__X-Bad: 1"},
			"Authorization": {"Basic bWU6cHc="},
		}
		if d := cmp.Diff(want, map[string][]string(<-got)); d != "" {
			t.Errorf("headers (-want +got):\n%s", d)
		}
		if r.timing.BytesOut == 0 || r.timing.Sent == 0 || r.timing.Wrote < r.timing.Sent || r.timing.FirstByte < r.timing.Sent || r.timing.Done < r.timing.FirstByte ||
			r.timing.Dialed == 0 || r.timing.Connected < r.timing.Dialed || r.timing.Sent < r.timing.Connected || r.timing.Status != 200 {
			t.Errorf("timing out of order: %+v", r.timing)
		}
	})
}

// TestKeepAlive reuses a connection exactly when the answer allows it.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why, response string
		reused        bool
	}{
		{"framed by length", sized("data: x\n\n"), true},
		{"framed by chunks", chunksOf("data: x\n\n"), true},
		{"an error leaves the connection whole", "HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno", true},
		{"Connection: close", strings.Replace(sized("data: x\n\n"), "\r\n", "\r\nConnection: close\r\n", 1), false},
		{"HTTP/1.0 does not keep", strings.Replace(sized("data: x\n\n"), "HTTP/1.1", "HTTP/1.0", 1), false},
		{"HTTP/1.0 that says so keeps", strings.Replace(sized("data: x\n\n"), "HTTP/1.1 200 OK", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive", 1), true},
		{"garbage behind the answer", sized("data: x\n\n") + "HTTP/1.1 200 OK\r\n", false},
	} {
		t.Run(row.why, func(t *testing.T) {
			bothClients(t, func(t *testing.T, open func(Config) Client) {
				s := newRawServer(t, nil, always(row.response))
				c := open(Config{URL: s.url("/")})
				do(t, c, within(t, 10*time.Second), Call{})
				time.Sleep(restFor + 20*time.Millisecond)
				r := do(t, c, within(t, 10*time.Second), Call{})
				if r.timing.Reused != row.reused {
					t.Errorf("Reused %v, want %v", r.timing.Reused, row.reused)
				}
				if r.timing.Reused == (r.timing.Dialed != 0) {
					t.Errorf("Reused %v with Dialed %d", r.timing.Reused, r.timing.Dialed)
				}
			})
		})
	}
}

// TestKeepAliveLimit honours what the server says of idle connections.
func TestKeepAliveLimit(t *testing.T) {
	s := newRawServer(t, nil, always(strings.Replace(sized("data: x\n\n"), "\r\n", "\r\nKeep-Alive: timeout=0, max=100\r\n", 1)))
	c, err := NewNative(Config{URL: s.url("/"), Clock: NewClock()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	do(t, c, within(t, 10*time.Second), Call{})
	time.Sleep(time.Millisecond)
	if r := do(t, c, within(t, 10*time.Second), Call{}); r.timing.Reused || r.timing.Replaced != 0 {
		t.Errorf("reused %v, replaced %d: the time was over", r.timing.Reused, r.timing.Replaced)
	}
}
