package sim

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"tokmeter/internal/sim/engine"
	"tokmeter/internal/sim/exposition"
)

// controlRoutes is everything that is served beside generation. Paths that vLLM
// has in its development mode alone are there when that mode is on.
func (s *Server) controlRoutes() map[string]handler {
	s.setLive(live{EOS: s.opts.EOS, Faults: s.opts.Faults})
	health := func(c *call) bool {
		if s.now.Load().Faults.NotReady(s.uptime()) > 0 {
			return c.reply(http.StatusServiceUnavailable, nil)
		}
		return c.reply(http.StatusOK, nil)
	}
	routes := map[string]handler{
		"GET /health":         health,
		"GET /ping":           health,
		"POST /ping":          health,
		"GET /version":        s.version,
		"GET /load":           s.load,
		"GET /v1/models":      s.listModels,
		"POST /tokenize":      s.tokenize,
		"POST /detokenize":    s.detokenize,
		"GET /tokenizer_info": s.tokenizerInfo,
		"POST /v1/embeddings": s.embed,
		"GET /sim/state":      s.getState,
		"GET /sim/config":     s.getConfig,
		"POST /sim/config":    s.setConfig,
		"GET /sim/sol":        s.getLight,
	}
	for _, method := range [...]string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} {
		routes[method+" /metrics"] = s.metrics
	}
	if s.opts.DevMode {
		for route, h := range s.devRoutes() {
			routes[route] = h
		}
	}
	return routes
}

// observers is who is told of steps and requests.
func (s *Server) observers() []engine.Observer {
	s.meter = newMeter(s)
	return []engine.Observer{s.meter}
}

// version answers GET /version. It says that it is no vLLM.
func (s *Server) version(c *call) bool {
	return c.reply(http.StatusOK, map[string]any{"version": "tokmeter-simulator", "simulated": true})
}

// load answers GET /load, which counts with --enable-server-load-tracking alone.
func (s *Server) load(c *call) bool {
	n := int64(0)
	if s.opts.ServerLoad {
		n = s.inflight.Load()
	}
	return c.reply(http.StatusOK, map[string]int64{"server_load": n})
}

// enter counts a call for /load until leave.
func (s *Server) enter(c *call) {
	s.inflight.Add(1)
	c.working.Store(true)
}

func (s *Server) leave(c *call) {
	if c.working.CompareAndSwap(true, false) {
		s.inflight.Add(-1)
	}
}

// counted tells the series of HTTP of a call that was answered, once. vLLM
// refuses calls without a key before they are counted.
func (s *Server) counted(c *call) {
	if c.told.Swap(true) || c.status == http.StatusUnauthorized {
		return
	}
	now := time.Now()
	x := exposition.Exchange{Path: c.URL.Path, Routed: c.routed != "", Method: c.Method, Status: c.status,
		Seconds: max(now.Sub(time.Unix(0, c.arrived)).Seconds(), 0), In: max(c.ContentLength, 0), Out: int64(c.sent), At: unixSeconds(now)}
	if x.Status == 0 {
		x.Status = http.StatusOK // the head of a stream
	}
	if strings.HasSuffix(c.routed, "/") {
		_, below, _ := strings.Cut(strings.TrimPrefix(c.URL.Path, c.routed), "/")
		x.Path = strings.TrimSuffix(c.routed+"{response_id}/"+below, "/")
	}
	s.meter.series.HTTP(x)
}

// guarded are the beginnings of paths that need a key.
var guarded = [...]string{"/v1", "/v2", "/inference", "/cohere"}

// needsKey reports whether vLLM asks for a key on a path.
func needsKey(path string) bool {
	return slices.ContainsFunc(guarded[:], func(p string) bool { return strings.HasPrefix(path, p) })
}

// unrouted answers a call that has no handler, as FastAPI does: another method
// is 405 and names one that there is, a path with or without a slash too many
// is sent to the right one, all else is 404.
func (s *Server) unrouted(c *call) bool {
	if allowed := s.methods(c.URL.Path); len(allowed) > 0 {
		return c.replyBytes(http.StatusMethodNotAllowed, "application/json", []byte(`{"detail":"Method Not Allowed"}`), "Allow: "+allowed[0])
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
		return c.replyBytes(http.StatusTemporaryRedirect, "", nil, "Location: "+to)
	}
	return c.replyBytes(http.StatusNotFound, "application/json", []byte(`{"detail":"Not Found"}`))
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
