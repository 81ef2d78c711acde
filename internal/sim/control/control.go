// Package control answers everything beside generation, as vLLM answers it:
// models and LoRA adapters, tokens, embeddings, sleep and pause, metrics; and the
// simulator's own paths under /sim, which tell the truth and change settings.
package control

import (
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"tokmeter/internal/sim/call"
	"tokmeter/internal/sim/engine"
	"tokmeter/internal/sim/exposition"
	"tokmeter/internal/sim/instance"
	"tokmeter/internal/sim/truth"
)

// A Control answers for one instance. Make it with New.
type Control struct {
	in       *instance.Instance
	ledger   *truth.Ledger
	inflight atomic.Int64 // requests for text or embeddings that are on
	meter    *meter
	doze     dozer
}

// New answers for in, whose engine does not run yet, and tells of the answers in
// ledger.
func New(in *instance.Instance, ledger *truth.Ledger) *Control {
	return &Control{in: in, ledger: ledger, meter: newMeter(in)}
}

// Observer keeps the series of /metrics by what the engine tells it.
func (s *Control) Observer() engine.Observer { return s.meter }

// Routes are what is answered, by "METHOD /path". Paths that vLLM has in its
// development mode alone are there when that mode is on.
func (s *Control) Routes() map[string]call.Handler {
	health := func(c *call.Call) bool {
		if s.in.Settings().Faults.NotReady(s.in.Uptime()) > 0 {
			return c.Reply(http.StatusServiceUnavailable, nil)
		}
		return c.Reply(http.StatusOK, nil)
	}
	routes := map[string]call.Handler{
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
		"GET /sim/truth":      s.getTruth,
		"DELETE /sim/truth":   s.forgetTruth,
		"GET /sim/config":     s.getConfig,
		"POST /sim/config":    s.setConfig,
		"GET /sim/sol":        s.getLight,
	}
	for _, method := range [...]string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} {
		routes[method+" /metrics"] = s.metrics
	}
	if s.in.Options.DevMode {
		for route, h := range s.devRoutes() {
			routes[route] = h
		}
	}
	return routes
}

// version answers GET /version. It says that it is no vLLM.
func (s *Control) version(c *call.Call) bool {
	return c.Reply(http.StatusOK, map[string]any{"version": "tokmeter-simulator", "simulated": true})
}

// load answers GET /load, which counts with --enable-server-load-tracking alone.
func (s *Control) load(c *call.Call) bool {
	n := int64(0)
	if s.in.Options.ServerLoad {
		n = s.inflight.Load()
	}
	return c.Reply(http.StatusOK, map[string]int64{"server_load": n})
}

// Enter counts a call for text or embeddings for /load until Leave.
func (s *Control) Enter() { s.inflight.Add(1) }

// Leave ends what Enter began.
func (s *Control) Leave() { s.inflight.Add(-1) }

// Answered tells the series of HTTP of a call. vLLM refuses calls without a key
// before they are counted.
func (s *Control) Answered(c *call.Call) {
	if c.Status == http.StatusUnauthorized {
		return
	}
	now := time.Now()
	x := exposition.Exchange{Path: c.URL.Path, Routed: c.Route != "", Method: c.Method, Status: c.Status,
		Seconds: max(now.Sub(time.Unix(0, c.Arrived)).Seconds(), 0), In: max(c.ContentLength, 0), Out: int64(c.Sent), At: unixSeconds(now)}
	if x.Status == 0 {
		x.Status = http.StatusOK // the head of a stream
	}
	if strings.HasSuffix(c.Route, "/") {
		_, below, _ := strings.Cut(strings.TrimPrefix(c.URL.Path, c.Route), "/")
		x.Path = strings.TrimSuffix(c.Route+"{response_id}/"+below, "/")
	}
	s.meter.series.HTTP(x)
}
