package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
)

// Config says which server a client talks to and how. The zero value of every
// field but URL and Clock is a usable default.
type Config struct {
	URL string // where calls go: http or https, with the path
	// Header is sent with every call, over the client's own defaults
	// (Content-Type: application/json, Accept: */*, User-Agent: tokmeter).
	Header http.Header
	Clock  *Clock // the run's clock
	Reader Reader // how streams are cut into events
	Method Method // how the native client reads
	// Whole reports whether an event's data is whole, not the beginning of one.
	// vLLM's client asks that of what no empty line has ended; only its readers
	// need it.
	Whole func(data []byte) bool

	Insecure bool           // do not check the server's certificate
	RootCAs  *x509.CertPool // who may sign it; nil asks the system

	// Proxy gives the proxy for a URL, nil for none. Only the std client goes
	// through a proxy; see NeedsStd.
	Proxy func(*url.URL) (*url.URL, error)

	DialTimeout time.Duration // limit of one connection with its TLS; 0 means 30 s
	IdleTimeout time.Duration // an idle connection older than this is not used again; 0 means 60 s
	MaxIdle     int           // connections kept idle; 0 means no limit

	rounds time.Duration // for tests: the interval between rounds of reading; 0 leaves it to the reader
}

// The limits that stand where Config has a zero.
const (
	defaultDialTimeout = 30 * time.Second
	defaultIdleTimeout = 60 * time.Second
)

// Validate reports everything that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	if _, err := parseURL(c.URL); err != nil {
		errs = append(errs, err)
	}
	if c.Clock == nil {
		errs = append(errs, errors.New("wire: no clock given"))
	}
	if c.Reader != ReadEvents && c.Whole == nil {
		errs = append(errs, errors.New("wire: no Whole given for a reader that asks it"))
	}
	if c.DialTimeout < 0 || c.IdleTimeout < 0 || c.MaxIdle < 0 {
		errs = append(errs, errors.New("wire: limits must not be negative"))
	}
	for name, values := range c.Header {
		if !validName(name) {
			errs = append(errs, fmt.Errorf("header %q: not a header name; letters, digits and hyphens are", name))
		}
		for _, v := range values {
			if strings.ContainsAny(v, "\r\n\x00") {
				errs = append(errs, fmt.Errorf("header %s: the value has a line break or a NUL in it", name))
			}
		}
		switch textproto.CanonicalMIMEHeaderKey(name) {
		case "Content-Length", "Transfer-Encoding", "Connection":
			errs = append(errs, fmt.Errorf("header %s: the client sets it by itself; leave it out", name))
		}
	}
	return errors.Join(errs...)
}

// NeedsStd says why the native client cannot serve this configuration, or ""
// when it can: a proxy stands between, which only the std client talks to.
func (c Config) NeedsStd() string {
	u, err := parseURL(c.URL)
	if err != nil || c.Proxy == nil {
		return ""
	}
	p, err := c.Proxy(u)
	if err != nil {
		return fmt.Sprintf("proxy for %s: %v", u.Host, err)
	}
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%s is reached through the proxy %s", u.Host, p.Redacted())
}

// ParseCA reads certificates in PEM form and adds them to the system's own.
// The name stands in the error.
func ParseCA(name string, pem []byte) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in PEM form in it; give the file of the authority that signed the server's certificate", name)
	}
	return pool, nil
}

func (c Config) withDefaults() Config {
	if c.DialTimeout == 0 {
		c.DialTimeout = defaultDialTimeout
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = defaultIdleTimeout
	}
	if c.Reader != ReadEvents {
		c.Method = MethodGo // which takes all that has come as one read
	}
	return c
}

// tlsConfig is for one host; protos are what ALPN offers.
func (c Config) tlsConfig(host string, protos ...string) *tls.Config {
	return &tls.Config{
		ServerName:         host,
		InsecureSkipVerify: c.Insecure,
		RootCAs:            c.RootCAs,
		NextProtos:         protos,
		MinVersion:         tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(8),
	}
}

// parseURL accepts absolute http and https URLs with a host.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("URL %q: %v", s, errors.Unwrap(err))
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("URL %q: must begin with http:// or https://", s)
	}
	if u.Hostname() == "" {
		return nil, fmt.Errorf("URL %q: no host in it", s)
	}
	return u, nil
}

func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("()<>@,;:\\\"/[]?={}", c) >= 0 {
			return false
		}
	}
	return s != ""
}
