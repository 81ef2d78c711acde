package sim

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tokmeter/internal/sim/api"
)

// TestTLS: answers come over HTTPS, whole and streamed, and connections are kept.
func TestTLS(t *testing.T) {
	lender := httptest.NewTLSServer(nil)
	defer lender.Close()
	o := fast()
	o.TLS = lender.TLS.Clone()
	o.TLS.NextProtos = []string{"http/1.1"}
	s := serve(t, o)
	client := lender.Client()
	defer client.CloseIdleConnections()
	if !strings.HasPrefix(s.URL(), "https://") {
		t.Fatalf("got the address %s", s.URL())
	}
	for _, row := range []struct{ why, body, want string }{
		{"a whole answer", `{"model":"m","prompt":"a","max_tokens":400}`, `"completion_tokens":400`},
		{"a stream", `{"model":"m","prompt":"a","max_tokens":400,"stream":true}`, "data: [DONE]"},
		{"another on the same connection", `{"model":"m","prompt":"b","max_tokens":3}`, `"completion_tokens":3`},
	} {
		resp, err := client.Post(s.URL()+api.PathCompletions, "application/json", bytes.NewReader([]byte(row.body)))
		if err != nil {
			t.Fatalf("%s: %v", row.why, err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(got), row.want) {
			t.Errorf("%s: got %d %.300s, %v", row.why, resp.StatusCode, got, err)
		}
	}
	if resp, err := http.Get("http://" + s.ln.Addr().String() + "/health"); err == nil {
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("plain HTTP was answered")
		}
	}
}
