package sim

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strings"

	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/socket"
)

// serveConn answers the requests of one connection, one after the other.
func (s *Server) serveConn(nc net.Conn) {
	sock, err := socket.New(nc)
	if err != nil {
		return
	}
	if cfg := s.in.Options.TLS; cfg != nil {
		sock = sock.Secure(cfg)
	}
	from := newReceiver(sock)
	for {
		req, body, err := from.next()
		if err != nil {
			return
		}
		c := &call.Call{Request: req, Sock: sock, Reader: from.br, Content: body, Arrived: sock.Arrived(), Watch: s.watch}
		goesOn := s.answer(c)
		c.Counted()
		if !goesOn || req.Close {
			return
		}
	}
}

// answer finds the handler of a call.
func (s *Server) answer(c *call.Call) bool {
	path := c.URL.Path
	if needsKey(path) && !s.authorized(c) {
		return c.Reply(http.StatusUnauthorized, map[string]any{"error": "Unauthorized"})
	}
	if h := s.routes[c.Method+" "+path]; h != nil {
		c.Route = path
		return h(c)
	}
	for i := len(path) - 1; i > 0; i-- {
		if path[i] != '/' {
			continue
		}
		if h := s.routes[c.Method+" "+path[:i+1]]; h != nil {
			c.Route = path[:i+1]
			return h(c)
		}
	}
	return s.unrouted(c)
}

// authorized reports whether a call carries one of the keys.
func (s *Server) authorized(c *call.Call) bool {
	if len(s.in.Options.APIKeys) == 0 || c.Method == http.MethodOptions {
		return true
	}
	scheme, key, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	ok := 0
	for _, k := range s.in.Options.APIKeys {
		ok |= subtle.ConstantTimeCompare([]byte(k), []byte(key))
	}
	return strings.EqualFold(scheme, "bearer") && ok == 1
}
