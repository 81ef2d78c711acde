package sim

import (
	"net/http"
	"slices"
	"strings"

	"tokmeter/internal/sim/call"
)

// guarded are the beginnings of paths that need a key.
var guarded = [...]string{"/v1", "/v2", "/inference", "/cohere"}

// needsKey reports whether vLLM asks for a key on a path.
func needsKey(path string) bool {
	return slices.ContainsFunc(guarded[:], func(p string) bool { return strings.HasPrefix(path, p) })
}

// unrouted answers a call that has no handler, as FastAPI does: another method
// is 405 and names one that there is, a path with or without a slash too many
// is sent to the right one, all else is 404.
func (s *Server) unrouted(c *call.Call) bool {
	if allowed := s.methods(c.URL.Path); len(allowed) > 0 {
		return c.ReplyBytes(http.StatusMethodNotAllowed, "application/json", []byte(`{"detail":"Method Not Allowed"}`), "Allow: "+allowed[0])
	}
	other := strings.TrimRight(c.URL.Path, "/")
	if other == c.URL.Path {
		other += "/"
	}
	if len(s.methods(other)) > 0 && !strings.ContainsAny(c.Host, "\r\n") {
		to := "http://" + c.Host + other
		if c.URL.RawQuery != "" {
			to += "?" + c.URL.RawQuery
		}
		return c.ReplyBytes(http.StatusTemporaryRedirect, "", nil, "Location: "+to)
	}
	return c.ReplyBytes(http.StatusNotFound, "application/json", []byte(`{"detail":"Not Found"}`))
}

// methods are those that a path has handlers for, sorted.
func (s *Server) methods(path string) []string {
	var out []string
	for route := range s.routes {
		if method, p, _ := strings.Cut(route, " "); p == path {
			out = append(out, method)
		}
	}
	slices.Sort(out)
	return out
}
