// Package call is one request to the simulator and its answer: the connection's
// side of it, vLLM's shape of an error, and the reading of bodies and queries as
// pydantic and FastAPI read them, with their words for what is wrong.
package call

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"tokmeter/internal/sim/socket"
)

// ServerName is what every answer says of its server.
const ServerName = "tokmeter-sim"

// A Call is one request that came over a connection.
type Call struct {
	*http.Request
	Sock    *socket.Conn
	Reader  *bufio.Reader // what comes after the call
	Content []byte        // the body
	Route   string        // what answers it; "" for nothing
	Status  int           // of the answer
	Sent    int           // the answer's Content-Length; 0 for a stream
	Arrived int64         // wall clock of its last byte, in nanoseconds
	Watch   Watch         // nil: nobody

	working atomic.Bool // it counts for /load
	told    atomic.Bool // the watch knows of its answer
}

// A Watch is told what becomes of calls.
type Watch interface {
	Enter()           // a call for text or embeddings is on
	Leave()           // it is over
	Answered(c *Call) // its answer, or the last of its stream, is written
}

// Enter counts a call among those that are on until Leave.
func (c *Call) Enter() {
	if c.Watch != nil {
		c.Watch.Enter()
		c.working.Store(true)
	}
}

// Leave ends what Enter began; further calls do nothing.
func (c *Call) Leave() {
	if c.working.CompareAndSwap(true, false) {
		c.Watch.Leave()
	}
}

// Counted tells the watch of the answer, once.
func (c *Call) Counted() {
	if c.Watch != nil && !c.told.Swap(true) {
		c.Watch.Answered(c)
	}
}

// A Handler answers a call and reports whether the connection may go on.
type Handler func(c *Call) bool

// Reply writes v as JSON, or an empty body when v is nil.
func (c *Call) Reply(status int, v any) bool {
	if v == nil {
		return c.ReplyBytes(status, "", nil)
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return false
	}
	return c.ReplyBytes(status, "application/json", bytes.TrimRight(buf.Bytes(), "\n"))
}

// ReplyBytes writes a whole answer.
func (c *Call) ReplyBytes(status int, kind string, body []byte, headers ...string) bool {
	c.Status, c.Sent = status, len(body)
	head := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nServer: %s\r\n", status, http.StatusText(status), ServerName)
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
	_, err := c.Sock.Write(head)
	return err == nil
}

// An Error is an error in vLLM's shape.
type Error struct {
	Status  int
	Kind    string
	Param   string // "" for none
	Message string
}

// NewError is an error of a status and a kind, such as NotFoundError, about a
// parameter; "" for none.
func NewError(status int, kind, param, message string) *Error {
	return &Error{status, kind, param, message}
}

func (e *Error) Error() string { return e.Message }

// BadRequest is the error of a value that is not taken.
func BadRequest(param, format string, args ...any) *Error {
	return NewError(http.StatusBadRequest, "BadRequestError", param, fmt.Sprintf(format, args...))
}

// ReplyError answers with an error in vLLM's shape.
func (c *Call) ReplyError(e *Error) bool {
	return c.Reply(e.Status, e.Object())
}

// Object is the body of the answer.
func (e *Error) Object() any {
	var param any
	if e.Param != "" {
		param = e.Param
	}
	return map[string]any{"error": orderedError{e.Message, e.Kind, param, e.Status}}
}

// orderedError keeps the order of vLLM's fields.
type orderedError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Param   any    `json:"param"`
	Code    int    `json:"code"`
}

// Quote is s as JSON.
func Quote(s string) string {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return `""`
	}
	return strings.TrimRight(buf.String(), "\n")
}

// Reset closes the connection with a reset in place of an end.
func (c *Call) Reset() {
	if tc, ok := c.Sock.Conn.(*net.TCPConn); ok {
		_ = tc.SetLinger(0)
	}
	c.Sock.Close()
}

// RandomID is a fresh id of 16 hexadecimal digits.
func RandomID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
