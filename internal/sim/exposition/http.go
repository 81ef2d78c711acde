package exposition

import (
	"slices"
	"strconv"
	"strings"
)

// maxSeries bounds the series of a family whose labels come from clients.
const maxSeries = 1000

// Buckets of prometheus_fastapi_instrumentator, in seconds.
var (
	fineBuckets   = []float64{.01, .025, .05, .075, .1, .25, .5, .75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60}
	coarseBuckets = []float64{.1, .5, 1}
	sleepBuckets  = []float64{.01, .1, 1, 10, 30, 60, 120, 300, 600}
)

// httpFamilies are those of prometheus_fastapi_instrumentator.
type httpFamilies struct {
	requests, in, out, coarse *family
	fine                      *series
}

// makeHTTP registers them; the help texts end in a blank as the originals do.
func (r *Registry) makeHTTP() {
	h := &r.http
	h.requests = r.family(counter, "http_requests_total", "Total number of requests by method, status and handler.")
	const size = " by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. "
	h.in = r.family(summary, "http_request_size_bytes", "Content length of incoming requests"+size)
	h.out = r.family(summary, "http_response_size_bytes", "Content length of outgoing responses"+size)
	h.fine = r.family(histogram, "http_request_duration_highr_seconds",
		"Latency with many buckets but no API specific labels. Made for more accurate percentile calculations. ",
		fineBuckets...).add(r.config.Created)
	h.coarse = r.family(histogram, "http_request_duration_seconds",
		"Latency with only few buckets by handler. Made to be only used if aggregation by handler is important. ",
		coarseBuckets...)
}

// An Exchange is one answered HTTP request.
type Exchange struct {
	Path    string
	Routed  bool // path and method have a handler
	Method  string
	Status  int
	Seconds float64
	In, Out int64   // bytes by Content-Length; 0 without
	At      float64 // seconds since 1970
}

// excluded are parts of paths that vLLM does not count; /v1/load_lora_adapter
// has one of them.
var excluded = [...]string{"/metrics", "/health", "/load", "/ping", "/version", "/server_info"}

// HTTP counts an exchange. Paths without a handler are counted together as
// "none".
func (r *Registry) HTTP(x Exchange) {
	if slices.ContainsFunc(excluded[:], func(p string) bool { return strings.Contains(x.Path, p) }) {
		return
	}
	handler := x.Path
	if !x.Routed {
		handler = "none"
	}
	h := &r.http
	h.requests.mu.Lock()
	full := len(h.requests.series) >= maxSeries
	h.requests.mu.Unlock()
	if full {
		return
	}
	path, method := Label{"handler", handler}, Label{"method", x.Method}
	h.requests.find(x.At, path, method, Label{"status", itoa(x.Status/100) + "xx"}).inc(1)
	h.in.find(x.At, path).observe(float64(x.In))
	h.out.find(x.At, path).observe(float64(x.Out))
	h.fine.observe(x.Seconds)
	h.coarse.find(x.At, path, method).observe(x.Seconds)
}

// sleepFamilies are printed after the first sleep or wake.
type sleepFamilies struct{ duration, flying *family }

func (r *Registry) makeSleep() {
	r.sleep.duration = r.family(histogram, "vllm:sleep_mode_operation_duration_seconds",
		"Duration of one sleep-mode operation.", sleepBuckets...)
	r.sleep.flying = r.family(gauge, "vllm:sleep_mode_operations_in_flight",
		"Sleep-mode operations currently awaited.")
	r.sleep.duration.hidden, r.sleep.flying.hidden = true, true
}

// SleepOperation counts a finished operation, "sleep" or "wake"; now is in
// seconds since 1970.
func (r *Registry) SleepOperation(operation string, seconds, now float64) {
	l := Label{"operation", operation}
	r.sleep.duration.find(now, l).observe(seconds)
	r.sleep.flying.find(now, l)
}

// Sleep sets the engine's state: level is -1 awake, 0 asleep with everything
// kept, 1 weights offloaded, 2 all discarded.
func (r *Registry) Sleep(level int) {
	is := func(l int) float64 {
		if level == l {
			return 1
		}
		return 0
	}
	r.engine.awake.value.set(is(-1))
	r.engine.offloaded.value.set(is(1))
	r.engine.discarded.value.set(is(2))
}

func itoa(n int) string { return strconv.Itoa(n) }
