// Package origin keeps what the user meant for one server from every other. A
// server may send a request on to another scheme, host or port; the request then
// goes there without the headers that the user gave, be they called
// Authorization, Cookie, X-Api-Key or anything else: which of them are secrets
// nobody but the user knows.
package origin

import (
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// Of is the scheme, host and port of u in one form for all spellings.
func Of(u *url.URL) string {
	return strings.ToLower(u.Scheme + "://" + Address(u))
}

// Address is the host and port that a connection to u is dialled with.
func Address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if strings.EqualFold(u.Scheme, "https") {
			port = "443"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// harmless is the headers that say nothing of who asks.
var harmless = []string{
	"Accept", "Accept-Encoding", "Accept-Language", "Content-Encoding", "Content-Length", "Content-Type", "Range", "User-Agent", "X-Request-Id",
}

// Shared returns the headers of h that any server may see, and the sorted names
// of the others.
func Shared(h http.Header) (shared http.Header, kept []string) {
	shared = http.Header{}
	for name, values := range h {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		if slices.Contains(harmless, canonical) {
			shared[name] = values
		} else if canonical != "Host" && canonical != "Referer" {
			kept = append(kept, canonical)
		}
	}
	slices.Sort(kept)
	return shared, kept
}

// Note says that a request which was to carry the headers kept went from one
// origin to another without them; "" where it did not.
func Note(from, to *url.URL, kept []string) string {
	if len(kept) == 0 || Of(from) == Of(to) {
		return ""
	}
	return fmt.Sprintf("redirected from %s to %s, without %s: name the other address if it may have them", Of(from), Of(to), strings.Join(kept, ", "))
}

// maxRedirects is net/http's own limit.
const maxRedirects = 10

// Keep is c with the rule of this package for redirects.
func Keep(c *http.Client) *http.Client {
	kept := *c
	kept.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if len(via) >= maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		// net/http names the page that it comes from, whose query may hold a key.
		req.Header.Del("Referer")
		if Of(req.URL) != Of(via[0].URL) {
			req.Header, _ = Shared(req.Header)
			req.Host = ""
		}
		return nil
	}
	return &kept
}
