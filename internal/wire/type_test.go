package wire

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tokmeter/internal/record"
)

// TestContentType: an event stream is read under any name, in one piece and byte
// by byte, and the timing says which; whatever begins otherwise is none.
func TestContentType(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		why, contentType, body string
		named                  string // "" where it is right
		fails                  bool
	}{
		{"right", "text/event-stream", "data: one\n\n", "", false},
		{"right, with parameters in capitals", "Text/Event-Stream; charset=UTF-8", "data: one\n\n", "", false},
		{"right, with a broken parameter", "text/event-stream; charset", "data: one\n\n", "", false},
		{"a proxy's application/json", "application/json", "data: one\n\n", "application/json", false},
		{"with a charset", "application/json; charset=utf-8", "data: one\n\n", "application/json; charset=utf-8", false},
		{"a page's type", "text/html", "data: one\n\n", "text/html", false},
		{"plain text", "text/plain", "data: one\n\n", "text/plain", false},
		{"bytes", "application/octet-stream", "data: one\n\n", "application/octet-stream", false},
		{"JSON lines", "application/x-ndjson", "data: one\n\n", "application/x-ndjson", false},
		{"none", "", "data: one\n\n", "none", false},
		{"a comment first", "application/json", ": ping\n\ndata: one\n\n", "application/json", false},
		{"an event's name first", "application/json", "event:\ndata: one\n\n", "application/json", false},
		{"an id first", "application/json", "id: 1\ndata: one\n\n", "application/json", false},
		{"a retry first, without a space", "application/json", "retry:9\ndata:one\n\n", "application/json", false},
		{"empty lines and a byte order mark first", "application/json", "\xef\xbb\xbf\r\n\r\ndata: one\r\n\r\n", "application/json", false},
		{"a whole answer", "application/json", `{"choices":[{"text":"data: x"}]}`, "", true},
		{"a whole answer with events further on", "application/json", "{\"a\":1}\n\ndata: one\n\n", "", true},
		{"a list", "application/json", "[]", "", true},
		{"a page", "text/html", "<html>\ndata: one\n\n</html>", "", true},
		{"text that begins like a field", "text/plain", "database error", "", true},
		{"text that is the beginning of a field", "text/plain", "dat", "", true},
		{"nothing", "application/json", "", "", true},
	} {
		for _, step := range []int{1 << 20, 1} {
			t.Run(row.why, func(t *testing.T) {
				bothClients(t, func(t *testing.T, open func(Config) Client) {
					s := newRawServer(t, nil, func(c net.Conn, _ int) {
						if _, _, err := readRequest(bufio.NewReader(c)); err != nil {
							return
						}
						head := "HTTP/1.1 200 OK\r\nContent-Length: " + itoa(len(row.body)) + "\r\n"
						if row.contentType != "" {
							head += "Content-Type: " + row.contentType + "\r\n"
						}
						io.WriteString(c, head+"\r\n")
						for rest := row.body; rest != ""; {
							n := min(step, len(rest))
							io.WriteString(c, rest[:n])
							rest = rest[n:]
							if step == 1 {
								time.Sleep(200 * time.Microsecond)
							}
						}
					})
					c := open(Config{URL: s.url("/")})
					r := do(t, c, within(t, 10*time.Second), Call{})
					if r.timing.ContentType != row.named {
						t.Errorf("named %q, want %q", r.timing.ContentType, row.named)
					}
					if row.fails {
						if r.outcome() != record.BadStream || string(r.err.Body) != row.body {
							t.Errorf("outcome %s (%v), want bad_stream with the body", r.outcome(), r.err)
						}
						return
					}
					if d := cmp.Diff([]string{"one"}, r.events); d != "" || r.err != nil {
						t.Errorf("%v (-want +got):\n%s", r.err, d)
					}
				})
			})
		}
	}
}
