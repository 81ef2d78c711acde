package sim

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"tokmeter/internal/sim/call"
)

const (
	// maxHead bounds the request line and headers of a request, as vLLM's
	// --h11-max-incomplete-event-size does.
	maxHead = 4 << 20
	// maxBody bounds a request's body.
	maxBody = 64 << 20

	lingerTime  = time.Second
	lingerBytes = 8 << 20
)

// A receiver reads the requests of one connection. Nothing that a client sends
// grows without bound.
type receiver struct {
	nc   net.Conn
	from io.LimitedReader
	br   *bufio.Reader
}

func newReceiver(nc net.Conn) *receiver {
	r := &receiver{nc: nc, from: io.LimitedReader{R: nc}}
	r.br = bufio.NewReaderSize(&r.from, 4<<10)
	return r
}

// next reads a request with its body. Of what is no request of HTTP, or a too
// large one, the client is told; the error then ends the connection.
func (r *receiver) next() (req *http.Request, body []byte, err error) {
	r.from.N = maxHead
	if req, err = http.ReadRequest(r.br); err != nil {
		var ne net.Error
		if !errors.As(err, &ne) && (err != io.EOF || r.from.N <= 0) {
			r.refuse(http.StatusBadRequest, "Invalid HTTP request received.")
		}
		return nil, nil, err
	}
	r.from.N = 1 << 62
	if strings.EqualFold(req.Header.Get("Expect"), "100-continue") {
		if _, err := io.WriteString(r.nc, "HTTP/1.1 100 Continue\r\n\r\n"); err != nil {
			return nil, nil, err
		}
	}
	body, err = io.ReadAll(http.MaxBytesReader(nil, req.Body, maxBody))
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		r.refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("A body may have %d bytes.", large.Limit))
	}
	// uvicorn keeps no connection of HTTP/1.0, whatever the client asks for.
	req.Close = req.Close || !req.ProtoAtLeast(1, 1)
	return req, body, err
}

// refuse answers what can't be read, as uvicorn does, and takes some more of what
// a client sends that has not read it yet: a close with unread bytes would take
// the answer away.
func (r *receiver) refuse(status int, text string) {
	_, _ = fmt.Fprintf(r.nc, "HTTP/1.1 %d %s\r\nServer: %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), call.ServerName, len(text), text)
	_ = r.nc.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, r.nc, lingerBytes)
}
