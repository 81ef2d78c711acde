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
