package target

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func server(t *testing.T, answers map[string]string) *Server {
	t.Helper()
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") != "Bearer k" {
			t.Errorf("%s: no key", r.URL.Path)
		}
		a, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			http.Error(w, "no such path", 404)
			return
		}
		io.WriteString(w, strings.ReplaceAll(a, "BODY", strings.TrimSpace(strings.ReplaceAll(string(body), `"`, `'`))))
	}))
	t.Cleanup(hs.Close)
	return &Server{BaseURL: hs.URL, HTTP: hs.Client(), Header: http.Header{"Authorization": {"Bearer k"}}}
}

func TestAnswers(t *testing.T) {
	s := server(t, map[string]string{
		"GET /v1/models":      `{"object":"list","data":[{"id":"a","root":"org/a"},{"id":"b"}]}`,
		"GET /version":        `{"version":"0.32.0"}`,
		"POST /tokenize":      `{"count":2,"tokens":[5,6]}`,
		"POST /detokenize":    `{"prompt":"BODY"}`,
		"POST /start_profile": ``,
	})
	ctx := t.Context()
	models, raw, err := s.Models(ctx)
	if diff := cmp.Diff([]Model{{ID: "a", Root: "org/a"}, {ID: "b"}}, models); err != nil || diff != "" || len(raw) == 0 {
		t.Fatalf("models: %v %s", err, diff)
	}
	if v, err := s.Version(ctx); err != nil || string(v) != `{"version":"0.32.0"}` {
		t.Fatalf("version: %s, %v", v, err)
	}
	if ids, err := s.Tokenize(ctx, "m", "x", false); err != nil || !cmp.Equal(ids, []int{5, 6}) {
		t.Fatalf("tokenize: %v, %v", ids, err)
	}
	text, err := s.Detokenize(ctx, "m", []int{7})
	if want := `{'model':'m','tokens':[7]}`; err != nil || text != want {
		t.Fatalf("detokenize: got %q, %v, want %q", text, err, want)
	}
	if err := s.Profile(ctx, true); err != nil {
		t.Fatalf("profile: %v", err)
	}
}

func TestFailures(t *testing.T) {
	s := server(t, map[string]string{
		"GET /v1/models":   `<html>`,
		"POST /tokenize":   `{"tokens":[]}`, // llama.cpp, asked in vLLM's words
		"POST /detokenize": `{}`,
	})
	ctx := t.Context()
	if _, _, err := s.Models(ctx); err == nil || !strings.Contains(err.Error(), "/v1/models") {
		t.Errorf("models: got %v, want an error that names the path", err)
	}
	var status *StatusError
	if _, err := s.Version(ctx); !errors.As(err, &status) || status.Status != 404 || status.Body != "no such path" {
		t.Errorf("version: got %v, want a StatusError with the body", err)
	}
	if _, err := s.Tokenize(ctx, "m", "x", true); err == nil {
		t.Error("an answer without a count was taken")
	}
	if _, err := s.Detokenize(ctx, "m", nil); err == nil {
		t.Error("an answer without a text was taken")
	}
}

// TestRedirects: a question follows a redirect, the key only within the origin
// that was named, and what was kept back is told.
func TestRedirects(t *testing.T) {
	secrets := http.Header{"Authorization": {"Bearer secret"}, "Cookie": {"a=secret"}, "X-Api-Key": {"secret"}}
	heads := make(chan http.Header, 1)
	answer := func(w http.ResponseWriter, r *http.Request) {
		heads <- r.Header
		if r.URL.Path == "/denied/v1/models" {
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `{"data":[{"id":"a"}]}`)
	}
	plain := httptest.NewServer(http.HandlerFunc(answer))
	defer plain.Close()
	to := ""
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		answer(w, r)
	}))
	defer secure.Close()
	for _, row := range []struct {
		why, to string
		kept    bool // the key goes along
		denied  bool
	}{
		{"within the server", "/other/models", true, false},
		{"from https to http", plain.URL + "/models", false, false},
		{"to another name of the same machine", strings.Replace(plain.URL, "127.0.0.1", "localhost", 1), false, false},
		{"to a server that wants a key", plain.URL + "/denied/v1/models", false, true},
	} {
		to = row.to
		var notices []string
		s := &Server{BaseURL: secure.URL, HTTP: secure.Client(), Header: secrets, Notice: func(n string) { notices = append(notices, n) }}
		_, _, err := s.Models(t.Context())
		head := <-heads
		for name := range secrets {
			if (head.Get(name) != "") != row.kept {
				t.Errorf("%s: the other side had %s %q", row.why, name, head.Get(name))
			}
		}
		const words = "without Authorization, Cookie, X-Api-Key"
		if told := len(notices) == 1 && strings.Contains(notices[0], words); told == row.kept {
			t.Errorf("%s: told %q", row.why, notices)
		}
		if (err != nil) != row.denied || row.denied && !strings.Contains(err.Error(), words) {
			t.Errorf("%s: got %v", row.why, err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	s := &Server{BaseURL: "http://" + ln.Addr().String(), HTTP: &http.Client{}}
	_, _, err = s.Models(t.Context())
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), s.BaseURL) {
		t.Fatalf("got %v, want ErrUnreachable with the URL", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Models(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the cancellation", err)
	}
}
