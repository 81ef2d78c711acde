// Package target asks a server about itself: which models it serves, what it
// calls its version, how it cuts text into tokens. It is for questions before
// and after a run, never for what is measured. Answers are bounded in size,
// every question has the caller's context, and nothing is asked twice.
package target

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"tokmeter/internal/origin"
)

// maxAnswer bounds what is read of one answer, in bytes.
const maxAnswer = 64 << 20

// A Server is one server and how to talk to it.
type Server struct {
	BaseURL string      // scheme://host:port, perhaps with a path
	Header  http.Header // sent with every question
	HTTP    *http.Client
	// Notice, if set, hears of each question that was redirected to another
	// origin, where Header was not sent.
	Notice func(string)
	// Mask takes the user's secrets out of a refusal's words; nil leaves them.
	Mask func(string) string
}

// A Model is one entry of /v1/models.
type Model struct {
	ID   string `json:"id"`   // the name in requests
	Root string `json:"root"` // where its weights come from; "" where the server does not say
	// Owner is "library" for Ollama's, an engine's or a maker's name for others'.
	Owner string `json:"owned_by"`
}

// ErrUnreachable is what an error is when no connection could be made, or no
// TLS on it.
var ErrUnreachable = errors.New("server unreachable")

// A StatusError is an answer other than 200.
type StatusError struct {
	Path   string
	Status int
	Body   string // the first 300 bytes
	Note   string // of a redirect that left headers behind; "" for none
}

// Error says which path answered what.
func (e *StatusError) Error() string {
	words := fmt.Sprintf("%s answered %d %s", e.Path, e.Status, http.StatusText(e.Status))
	if e.Note != "" {
		words += " (" + e.Note + ")"
	}
	return words + ": " + e.Body
}

// Models asks /v1/models. raw is the answer as it came.
func (s *Server) Models(ctx context.Context) (models []Model, raw json.RawMessage, err error) {
	var list struct {
		Data []Model `json:"data"`
	}
	raw, err = s.ask(ctx, "GET", "/v1/models", nil, &list)
	return list.Data, raw, err
}

// Version asks /version, which vLLM and its relatives have.
func (s *Server) Version(ctx context.Context) (json.RawMessage, error) {
	var any map[string]any
	return s.ask(ctx, "GET", "/version", nil, &any)
}

// Tokenize asks the server for the tokens of text, in vLLM's words. An answer
// without ids and without a count is an error.
func (s *Server) Tokenize(ctx context.Context, model, text string, addSpecial bool) ([]int, error) {
	var answer struct {
		Count  *int  `json:"count"`
		Tokens []int `json:"tokens"`
	}
	body := map[string]any{"model": model, "prompt": text, "add_special_tokens": addSpecial}
	if _, err := s.ask(ctx, "POST", "/tokenize", body, &answer); err != nil {
		return nil, err
	}
	if answer.Count == nil || *answer.Count != len(answer.Tokens) {
		return nil, fmt.Errorf("/tokenize gave no tokens with their count: it does not speak vLLM's form")
	}
	return answer.Tokens, nil
}

// Detokenize asks the server for the text of ids, in vLLM's words.
func (s *Server) Detokenize(ctx context.Context, model string, ids []int) (string, error) {
	var answer struct {
		Prompt *string `json:"prompt"`
	}
	if _, err := s.ask(ctx, "POST", "/detokenize", map[string]any{"model": model, "tokens": ids}, &answer); err != nil {
		return "", err
	}
	if answer.Prompt == nil {
		return "", fmt.Errorf("/detokenize gave no text: it does not speak vLLM's form")
	}
	return *answer.Prompt, nil
}

// Metrics asks /metrics, which is text in Prometheus' format.
func (s *Server) Metrics(ctx context.Context) ([]byte, error) {
	return s.ask(ctx, "GET", "/metrics", nil, nil)
}

// ResetCache empties the server's prefix cache, by vLLM's call or SGLang's.
func (s *Server) ResetCache(ctx context.Context) error {
	_, err := s.ask(ctx, "POST", "/reset_prefix_cache", nil, nil)
	if err == nil {
		return nil
	}
	if _, other := s.ask(ctx, "POST", "/flush_cache", nil, nil); other != nil {
		return errors.Join(err, other)
	}
	return nil
}

// Profile asks vLLM to start or to stop its profiler.
func (s *Server) Profile(ctx context.Context, start bool) error {
	path := "/stop_profile"
	if start {
		path = "/start_profile"
	}
	_, err := s.ask(ctx, "POST", path, nil, nil)
	return err
}

// ask sends one question and decodes the JSON answer into into, unless that is
// nil.
func (s *Server) ask(ctx context.Context, method, path string, body, into any) (json.RawMessage, error) {
	var rd io.Reader
	if body != nil {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(body); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		rd = &buf
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(s.BaseURL, "/")+path, rd)
	if err != nil {
		return nil, err
	}
	for name, values := range s.Header {
		req.Header[name] = values
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := origin.Keep(s.HTTP).Do(req)
	if err != nil {
		return nil, s.unreached(err)
	}
	defer resp.Body.Close()
	_, kept := origin.Shared(s.Header)
	note := origin.Note(req.URL, resp.Request.URL, kept)
	if note != "" && s.Notice != nil {
		s.Notice(path + ": " + note)
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		if s.Mask != nil {
			raw = []byte(s.Mask(string(raw)))
		}
		return nil, &StatusError{Path: path, Status: resp.StatusCode, Body: strings.TrimSpace(string(raw[:min(len(raw), 300)])), Note: note}
	}
	if into == nil {
		return raw, nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return nil, fmt.Errorf("%s: the answer is no JSON of the expected form: %w", path, err)
	}
	return raw, nil
}

// unreached names the server in a connection's error and says whether there
// was a connection at all.
func (s *Server) unreached(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	switch {
	case unconnected(err):
		return fmt.Errorf("%s: %w: %w", s.BaseURL, ErrUnreachable, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s gave no answer in time: %w", s.BaseURL, err)
	}
	return fmt.Errorf("%s: %w", s.BaseURL, err)
}

// unconnected reports whether err came before anything could be asked.
func unconnected(err error) bool {
	var (
		op     *net.OpError
		record tls.RecordHeaderError
		verify *tls.CertificateVerificationError
		alert  tls.AlertError
	)
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") ||
		errors.As(err, &record) || errors.As(err, &verify) || errors.As(err, &alert) ||
		errors.Is(err, http.ErrSchemeMismatch)
}
