package sim

import (
	"bufio"
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// maxBody bounds a request's body.
const maxBody = 64 << 20

// serverName is what every answer says of its server.
const serverName = "tokmeter-sim"

// A call is one request that came over a connection.
type call struct {
	*http.Request
	sock    *socket
	reader  *bufio.Reader // what comes after the call
	body    []byte
	routed  string      // the route that answers it; "" for none
	status  int         // of the answer
	sent    int         // its Content-Length; 0 for a stream
	working atomic.Bool // it counts for /load
	told    atomic.Bool // the series of HTTP know it
	arrived int64       // wall clock of its last byte, in nanoseconds
}

// A handler answers a call and reports whether the connection may go on.
type handler func(c *call) bool

// allRoutes is what is served: "METHOD /path"; a path that ends with a slash
// stands for everything below it.
func (s *Server) allRoutes() map[string]handler {
	routes := map[string]handler{
		"POST /v1/completions":      s.generate,
		"POST /v1/chat/completions": s.generate,
		"POST /v1/responses":        s.generate,
		"GET /v1/responses/":        s.stored,
		"POST /v1/responses/":       s.stored,
		"POST /invocations":         s.invoke,
		"GET /sim/truth":            s.getTruth,
		"DELETE /sim/truth":         s.forgetTruth,
		"GET /sim/state":            s.getState,
	}
	for path, h := range s.controlRoutes() {
		routes[path] = h
	}
	return routes
}

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
		c := &call{Request: req, sock: sock, reader: br, body: body, arrived: sock.arrived()}
		goesOn := s.answer(c)
		s.counted(c)
		if !goesOn || req.Close {
			return
		}
	}
}

// answer finds the handler of a call.
func (s *Server) answer(c *call) bool {
	path := c.URL.Path
	if needsKey(path) && !s.authorized(c) {
		return c.reply(http.StatusUnauthorized, map[string]any{"error": "Unauthorized"})
	}
	if h := s.routes[c.Method+" "+path]; h != nil {
		c.routed = path
		return h(c)
	}
	for i := len(path) - 1; i > 0; i-- {
		if path[i] != '/' {
			continue
		}
		if h := s.routes[c.Method+" "+path[:i+1]]; h != nil {
			c.routed = path[:i+1]
			return h(c)
		}
	}
	return s.unrouted(c)
}

// authorized reports whether a call carries one of the keys.
func (s *Server) authorized(c *call) bool {
	if len(s.opts.APIKeys) == 0 || c.Method == http.MethodOptions {
		return true
	}
	scheme, key, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	ok := 0
	for _, k := range s.opts.APIKeys {
		ok |= subtle.ConstantTimeCompare([]byte(k), []byte(key))
	}
	return strings.EqualFold(scheme, "bearer") && ok == 1
}

// reply writes v as JSON, or an empty body when v is nil.
func (c *call) reply(status int, v any) bool {
	if v == nil {
		return c.replyBytes(status, "", nil)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return false
	}
	return c.replyBytes(status, "application/json", bytes.TrimRight(buf.Bytes(), "\n"))
}

// replyBytes writes a whole answer.
func (c *call) replyBytes(status int, kind string, body []byte, headers ...string) bool {
	c.status, c.sent = status, len(body)
	head := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nServer: %s\r\n", status, http.StatusText(status), serverName)
	if kind != "" {
		head = fmt.Appendf(head, "Content-Type: %s\r\n", kind)
	}
	for _, h := range headers {
		head = fmt.Appendf(head, "%s\r\n", h)
	}
	head = fmt.Appendf(head, "Content-Length: %d\r\n\r\n", len(body))
	if c.Method != http.MethodHead {
		head = append(head, body...)
	}
	_, err := c.sock.Write(head)
	return err == nil
}

// An apiError is an error in vLLM's shape.
type apiError struct {
	status  int
	kind    string
	param   string // "" for none
	message string
}

func (e *apiError) Error() string { return e.message }

// badRequest is the error of a value that is not taken.
func badRequest(param, format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "BadRequestError", param, fmt.Sprintf(format, args...)}
}

// replyError answers with an error in vLLM's shape.
func (c *call) replyError(e *apiError) bool {
	return c.reply(e.status, e.object())
}

func (e *apiError) object() any {
	var param any
	if e.param != "" {
		param = e.param
	}
	return map[string]any{"error": orderedError{e.message, e.kind, param, e.status}}
}

// orderedError keeps the order of vLLM's fields.
type orderedError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Param   any    `json:"param"`
	Code    int    `json:"code"`
}

// quote is s as JSON.
func quote(s string) string {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return `""`
	}
	return strings.TrimRight(buf.String(), "\n")
}
