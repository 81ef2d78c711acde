package sim

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tokmeter/internal/sim/api"
)

// talk sends bytes as they are and reads until the server closes.
func talk(t *testing.T, s *Server, parts ...string) (answer string) {
	t.Helper()
	c, err := net.Dial("tcp", s.ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go func() {
		for _, p := range parts {
			if _, err := io.WriteString(c, p); err != nil {
				return
			}
		}
	}()
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("%.60q: got %.200q, then %v instead of the end of the connection", parts[0], got, err)
	}
	return string(got)
}

// TestRequestsWithoutMeasure: a client can't fill the memory with a request line,
// with headers or with a body, and is told.
func TestRequestsWithoutMeasure(t *testing.T) {
	s := serve(t, fast())
	mega := strings.Repeat("x", 1<<20)
	for _, row := range []struct {
		why, want string
		parts     []string
	}{
		{"a request line", "HTTP/1.1 400 Bad Request", []string{"GET /", mega, mega, mega, mega, mega}},
		{"one header", "HTTP/1.1 400 Bad Request", []string{"GET /health HTTP/1.1\r\nHost: a\r\nX: ", mega, mega, mega, mega, mega}},
		{"many headers", "HTTP/1.1 400 Bad Request", []string{"GET /health HTTP/1.1\r\nHost: a\r\n", strings.Repeat("X: y\r\n", 1<<20)}},
		{"a body by its length", "HTTP/1.1 413 Request Entity Too Large", []string{"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n", strings.Repeat(mega, 66)}},
		{"no HTTP at all", "HTTP/1.1 400 Bad Request", []string{"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"}},
	} {
		got := talk(t, s, row.parts...)
		if !strings.HasPrefix(got, row.want+"\r\n") || !strings.Contains(got, "Connection: close") {
			t.Errorf("%s: got %.200q, want %s", row.why, got, row.want)
		}
	}
	if got := talk(t, s, "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("afterwards: got %q", got)
	}
}

// TestHTTP10: a connection of HTTP/1.0 ends with its answer, though the client
// asks to keep it, so that ab -k does not wait for ever.
func TestHTTP10(t *testing.T) {
	s := serve(t, fast())
	body := `{"model":"m","prompt":"a","max_tokens":3,"stream":%t}`
	for _, row := range []struct{ why, method, path, body string }{
		{"without a body", "GET", "/v1/models", ""},
		{"a whole answer", "POST", api.PathCompletions, fmt.Sprintf(body, false)},
		{"a stream", "POST", api.PathCompletions, fmt.Sprintf(body, true)},
	} {
		got := talk(t, s, fmt.Sprintf("%s %s HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: %d\r\n\r\n%s", row.method, row.path, len(row.body), row.body))
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(got)), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: got %q, %v", row.why, got, err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Errorf("%s: the body: %v", row.why, err)
		}
		resp.Body.Close()
	}
}

// TestAnswersWithoutMeasure: one request can't fill the memory with its answers.
func TestAnswersWithoutMeasure(t *testing.T) {
	for name, s := range map[string]*Server{"an engine": serve(t, fast()), "fixed times": start(t, Spec{Model: "m"})} {
		for why, body := range map[string]string{
			"many long answers":            `{"model":"m","prompt":"a","n":16000,"max_tokens":30000}`,
			"long answers to many prompts": `{"model":"m","prompt":[` + strings.Repeat(`"a",`, 1000) + `"a"],"max_tokens":30000}`,
		} {
			status, text := post(t, s, api.PathCompletions, body)
			if status != http.StatusBadRequest || !strings.Contains(text, "at most 1048576 tokens") {
				t.Errorf("%s, %s: got %d %.200s", name, why, status, text)
			}
		}
		if status, text := post(t, s, api.PathCompletions, `{"model":"m","prompt":"a","n":100,"max_tokens":10}`); status != http.StatusOK {
			t.Errorf("%s, many short answers: got %d %.200s", name, status, text)
		}
	}
}
