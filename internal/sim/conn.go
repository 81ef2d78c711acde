package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// maxBody bounds a request's body.
const maxBody = 64 << 20

// serveConn answers the requests of one connection, one after the other.
func (s *Server) serveConn(nc net.Conn) {
	sock, err := newSocket(nc)
	if err != nil {
		return
	}
	br := bufio.NewReaderSize(sock, 4<<10)
	for {
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		if strings.EqualFold(req.Header.Get("Expect"), "100-continue") {
			if _, err := io.WriteString(nc, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
				return
			}
		}
		body, err := io.ReadAll(http.MaxBytesReader(nil, req.Body, maxBody))
		if err != nil {
			return
		}
		if !s.answer(sock, req, body, sock.arrived()) || req.Close {
			return
		}
	}
}

// answer handles one request and reports whether the connection may go on.
func (s *Server) answer(sock *socket, req *http.Request, body []byte, arrived int64) bool {
	switch req.Method + " " + req.URL.Path {
	case "POST /v1/completions", "POST /v1/chat/completions", "POST /v1/responses":
		return s.generate(sock, req, body, arrived)
	case "GET /health", "GET /ping", "POST /ping":
		return reply(sock, http.StatusOK, nil)
	case "GET /version":
		return reply(sock, http.StatusOK, map[string]any{"version": "tokmeter-simulator", "simulated": true})
	case "GET /v1/models":
		return reply(sock, http.StatusOK, s.models())
	case "POST /tokenize":
		return s.tokenize(sock, body)
	case "POST /detokenize":
		return s.detokenize(sock, body)
	case "GET /sim/truth":
		return reply(sock, http.StatusOK, map[string]any{"simulated": true, "requests": s.Truth()})
	case "DELETE /sim/truth":
		s.Forget()
		return reply(sock, http.StatusOK, map[string]any{"success": true})
	}
	return reply(sock, http.StatusNotFound, map[string]any{"detail": "Not Found"})
}

// models lists the model and its adapters.
func (s *Server) models() any {
	data := []any{}
	for i, name := range append([]string{s.spec.Model}, s.spec.Adapters...) {
		m := map[string]any{"id": name, "object": "model", "owned_by": "tokmeter-simulator", "root": name, "parent": nil}
		if i == 0 {
			m["max_model_len"] = maxModelLen
		} else {
			m["parent"] = s.spec.Model
		}
		data = append(data, m)
	}
	return map[string]any{"object": "list", "data": data}
}

// maxModelLen is the context length that the server claims and keeps.
const maxModelLen = 1 << 20

// generation is the part of a request's body that the server reads.
type generation struct {
	Model         string          `json:"model"`
	Prompt        json.RawMessage `json:"prompt"`
	Messages      json.RawMessage `json:"messages"`
	Input         json.RawMessage `json:"input"`
	MaxTokens     *int            `json:"max_tokens"`
	MaxCompletion *int            `json:"max_completion_tokens"`
	MaxOutput     *int            `json:"max_output_tokens"`
	Stream        bool            `json:"stream"`
	StreamOptions struct {
		Usage      bool `json:"include_usage"`
		Continuous bool `json:"continuous_usage_stats"`
	} `json:"stream_options"`
}

// tokens is how many tokens the answer gets: it always runs to its limit.
func (g *generation) tokens() (int, error) {
	n := 16
	for _, p := range []*int{g.MaxTokens, g.MaxCompletion, g.MaxOutput} {
		if p != nil {
			n = *p
		}
	}
	if n < 1 || n > maxModelLen {
		return 0, fmt.Errorf("max_tokens must be between 1 and %d, got %d", maxModelLen, n)
	}
	return n, nil
}

func (s *Server) generate(sock *socket, req *http.Request, body []byte, arrived int64) bool {
	var g generation
	if err := json.Unmarshal(body, &g); err != nil {
		return replyError(sock, http.StatusBadRequest, "BadRequestError", err.Error())
	}
	if !s.spec.serves(g.Model) {
		return replyError(sock, http.StatusNotFound, "NotFoundError", fmt.Sprintf("The model `%s` does not exist.", g.Model))
	}
	total, err := g.tokens()
	if err != nil {
		return replyError(sock, http.StatusBadRequest, "BadRequestError", err.Error())
	}
	prompt := g.Prompt
	c := common{model: quote(g.Model), created: time.Now().Unix(), id: fmt.Sprintf("cmpl-sim-%d", s.serial.next())}
	var a api = &c
	switch req.URL.Path {
	case "/v1/chat/completions":
		prompt, c.chat = g.Messages, true
	case "/v1/responses":
		prompt, a = g.Input, &responses{c}
	}
	if len(prompt) == 0 {
		return replyError(sock, http.StatusBadRequest, "BadRequestError", "the request has no prompt")
	}
	st := &stream{
		out: sock, api: a, spec: s.spec, total: total,
		rng:     newRand(s.spec.Seed, prompt),
		promptN: s.countPrompt(prompt),
		usage:   g.StreamOptions.Usage, running: g.StreamOptions.Continuous,
		truth:  Truth{ID: req.Header.Get("X-Request-Id"), Arrived: arrived, Sent: make([]int64, 0, min(total, 4096))},
		ledger: &s.truth, finish: make(chan bool, 1),
	}
	st.next = time.Unix(0, arrived).Add(st.gap(s.spec.TTFT))
	if !g.Stream {
		return s.generatePlain(sock, st)
	}
	st.head = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nServer: tokmeter-simulator\r\nTransfer-Encoding: chunked\r\n\r\n")
	s.clock.add(st)
	return <-st.finish
}

// generatePlain answers at the time at which a stream would have ended.
func (s *Server) generatePlain(sock *socket, st *stream) bool {
	end := st.next
	var text strings.Builder
	for ; st.token < st.total; st.token++ {
		text.WriteString(st.word())
		if st.token > 0 {
			end = end.Add(st.gap(s.spec.ITL))
		}
	}
	t := time.NewTimer(time.Until(end))
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
		return false
	}
	return reply(sock, http.StatusOK, st.api.plain(st, text.String()))
}

// countPrompt counts the tokens of a prompt: token ids by their number, text
// by the server's tokenizer.
func (s *Server) countPrompt(prompt json.RawMessage) int {
	var text string
	if json.Unmarshal(prompt, &text) == nil {
		return s.tok.Count(text, true)
	}
	var ids []int
	if json.Unmarshal(prompt, &ids) == nil {
		return len(ids)
	}
	var batch []json.RawMessage
	if json.Unmarshal(prompt, &batch) != nil {
		return 0
	}
	n := 0
	for _, part := range batch {
		n += s.countPart(part)
	}
	return n
}

// countPart counts one prompt of a batch, or one message of a chat.
func (s *Server) countPart(part json.RawMessage) int {
	var msg struct {
		Content json.RawMessage `json:"content"`
	}
	if json.Unmarshal(part, &msg) == nil && len(msg.Content) > 0 {
		part = msg.Content
	}
	var items []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(part, &items) == nil {
		n := 0
		for _, it := range items {
			n += s.tok.Count(it.Text, false)
		}
		return n
	}
	return s.countPrompt(part)
}

func (s *Server) tokenize(sock *socket, body []byte) bool {
	var q struct {
		Prompt     string `json:"prompt"`
		AddSpecial *bool  `json:"add_special_tokens"`
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return replyError(sock, http.StatusBadRequest, "BadRequestError", err.Error())
	}
	ids := s.tok.Encode(q.Prompt, q.AddSpecial == nil || *q.AddSpecial)
	return reply(sock, http.StatusOK, map[string]any{"count": len(ids), "max_model_len": maxModelLen, "tokens": ids, "token_strs": nil})
}

func (s *Server) detokenize(sock *socket, body []byte) bool {
	var q struct {
		Tokens []int `json:"tokens"`
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return replyError(sock, http.StatusBadRequest, "BadRequestError", err.Error())
	}
	return reply(sock, http.StatusOK, map[string]any{"prompt": s.tok.Decode(q.Tokens, false)})
}

// quote is s as JSON.
func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}

// reply writes v as JSON, or an empty body when v is nil.
func reply(w io.Writer, status int, v any) bool {
	var body []byte
	if v != nil {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return false
		}
		body = bytes.TrimRight(buf.Bytes(), "\n")
	}
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nServer: tokmeter-simulator\r\nContent-Length: %d\r\n\r\n",
		status, http.StatusText(status), len(body))
	_, err := w.Write(append([]byte(head), body...))
	return err == nil
}

func replyError(w io.Writer, status int, kind, message string) bool {
	return reply(w, status, map[string]any{"error": map[string]any{"message": message, "type": kind, "param": nil, "code": status}})
}
