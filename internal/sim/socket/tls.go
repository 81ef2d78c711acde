package socket

import "crypto/tls"

// Secure speaks TLS over c. TryWrite takes nothing then: whoever has something to
// write waits for it elsewhere.
func (c *Conn) Secure(cfg *tls.Config) *Conn {
	return &Conn{Conn: tls.Server(c, cfg), under: c}
}
