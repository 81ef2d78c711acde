package wire

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tokmeter/internal/origin"
	"tokmeter/internal/record"
)

// maxRedirects is how many redirects are followed for one call.
const maxRedirects = 10

// A target is where a request goes and what stands in front of its body.
type target struct {
	url    *url.URL
	header http.Header // of the configuration, less what a redirect drops
	left   string      // what a redirect left behind, in words; "" for nothing
	get    bool        // a redirect turned the call into a GET without a body
	prefix []byte      // request line and headers that every call has
	id     string      // x-request-id of calls that have none of their own
	pool   *pool       // the native client's connections to it
}

func newTarget(u *url.URL, header http.Header, get bool) *target {
	to := &target{url: u, header: header, get: get}
	if to.header == nil {
		to.header = http.Header{}
	}
	method := http.MethodPost
	if get {
		method = http.MethodGet
	}
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\n", method, u.RequestURI())
	names := make([]string, 0, len(to.header))
	for name := range to.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, h := range to.defaults() {
		b = fmt.Appendf(b, "%s: %s\r\n", h[0], h[1])
	}
	for _, name := range names {
		if strings.EqualFold(name, "X-Request-Id") {
			to.id = strings.Join(to.header[name], ", ")
			continue
		}
		for _, v := range to.header[name] {
			b = fmt.Appendf(b, "%s: %s\r\n", name, v)
		}
	}
	to.prefix = b
	return to
}

// defaults are the headers that the configuration may put others in place of.
func (to *target) defaults() [][2]string {
	all := [][2]string{
		{"Host", hostHeader(to.url)},
		{"User-Agent", "tokmeter"},
		{"Accept", "*/*"},
		{"Content-Type", "application/json"},
	}
	if user := to.url.User; user != nil {
		password, _ := user.Password()
		all = append(all, [2]string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))})
	}
	return slices.DeleteFunc(all, func(h [2]string) bool { return has(to.header, h[0]) })
}

// appendRequest appends a whole request to dst.
func (to *target) appendRequest(dst []byte, c Call) []byte {
	dst = append(dst, to.prefix...)
	id := c.ID
	if id == "" {
		id = to.id
	}
	if id != "" {
		dst = append(dst, "x-request-id: "...)
		for _, b := range []byte(id) {
			dst = append(dst, byte(printable(rune(b))))
		}
		dst = append(dst, "\r\n"...)
	}
	if to.get {
		return append(dst, "\r\n"...)
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(c.Body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, c.Body...)
}

// printable puts _ in place of control characters: a line break in a value
// would begin another header.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '_'
	}
	return r
}

// redirect is where the answer sends the client, "" when it does not: as
// aiohttp has it, an answer without a Location is the last one.
func (h *head) redirect() string {
	switch h.status {
	case 301, 302, 303, 307, 308:
		return h.location
	}
	return ""
}

// follow is the target of a redirect, by aiohttp's rules: 303 always and 301
// and 302 of a POST become a GET without a body, and 307 and 308 keep both.
// Another origin is not told who asks.
func (to *target) follow(status int, location string) (*target, error) {
	u, err := to.url.Parse(location)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, badStream{fmt.Errorf("the server redirects to %.200q, which is no http address", location)}
	}
	header, left := to.header, to.left
	if origin.Of(u) == origin.Of(to.url) {
		if u.User == nil {
			u.User = to.url.User
		}
	} else {
		var kept []string
		header, kept = origin.Shared(to.header)
		if to.url.User != nil && !slices.Contains(kept, "Authorization") {
			kept = append([]string{"Authorization"}, kept...)
		}
		if note := origin.Note(to.url, u, kept); note != "" {
			left = note
		}
	}
	u.Fragment, u.RawFragment = "", ""
	next := newTarget(u, header, to.get || status <= 303)
	next.left = left
	return next, nil
}

// hostHeader leaves the zone out of an IPv6 address: it means nothing to the
// other side.
func hostHeader(u *url.URL) string {
	host := u.Hostname()
	if addr, _, zone := strings.Cut(host, "%"); zone {
		host = addr
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.Port() != "" {
		host += ":" + u.Port()
	}
	return host
}

// has looks for a header whatever the case of its name.
func has(h http.Header, name string) bool {
	for key := range h {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// next is the target of one more redirect.
func (to *target) next(t *record.Timing, location string) (*target, error) {
	if t.Redirects == maxRedirects {
		return nil, &Error{Outcome: record.HTTPError, Status: t.Status,
			Err: fmt.Errorf("%s: more than %d redirects, the last one to %.200q", statusLine(t.Status), maxRedirects, location)}
	}
	return to.follow(t.Status, location)
}
